/** The handshake between a window or command and the control plane that runs. */

/** `<home>/run.json`, 0600, written when the API answers; gone after an orderly stop. */
export interface RunInfo {
  pid: number;
  /** Clock ticks after boot at which the process started, so that a recycled pid is not taken for it; empty where the system does not tell. */
  startTime: string;
  version: string;
  /** Oldest and newest protocol this control plane speaks. */
  protocol: { min: number; max: number };
  storeSchema: number;
  /** The folder of the copy it runs from. */
  bundles: string;
  api: string;
  kubeconfig: string;
  registry: string;
  router: { http: string; https: string };
  runtime: 'sandbox' | 'process' | 'engine';
  /** Address of the container engine, with the runtime of that name. */
  engine?: string;
  startedAt: string;
  /** Where the sockets lie; the control socket takes `ControlRequest`s. */
  runDirectory: string;
}

/** One JSON line on the control socket; the answer is one JSON line: for `status` a `RunInfo`, or `{}` while it starts; for `stop` `{}` once everything has ended. */
export type ControlRequest = { method: 'status' } | { method: 'stop' };

/** One JSON line each on the control plane's standard output while it starts. */
export type StartReport = { phase: StartPhase } | { ready: RunInfo } | { failed: { reason: StartFailureReason; message: string; fix?: string } };
export type StartFailureReason = 'AlreadyRunning' | 'PortInUse' | 'StoreDamaged' | 'StoreNewer' | 'DiskFull' | 'MissingPower' | 'MissingRuntime' | 'Stopped' | 'Unknown';

/** Exit code of `slipway` when it refuses to go on for one of the reasons above. */
export const refusedExitCode = 3;

export const protocolVersion = 1;

/** `slipway status --output json`. */
export interface StatusDocument {
  state: 'stopped' | 'starting' | 'running' | 'failed';
  version: string;
  api?: string;
  kubeconfig?: string;
  registry?: string;
  router?: { http: string; https: string };
  runtime?: string;
}

/** One line of `slipway up` on its standard output while it starts, and the phases the first-start view names. */
export type StartPhase = 'keys' | 'store' | 'api' | 'node' | 'registry' | 'router';

/** One runtime as `control-plane.js --probe` prints them (a JSON list): found by trying, not by guessing. */
export interface RuntimeProbe {
  name: 'sandbox' | 'process' | 'engine';
  ok: boolean;
  /** What it gives, in short. */
  detail: string;
  why?: string;
  fix?: string;
  /** Whether the kernel translates service addresses and enforces network policies there; absent if the runtime cannot be used. */
  packets?: { ok: boolean; why?: string; fix?: string };
  /** Whether memory and CPU limits are held to by the kernel there, and how they are. */
  limits?: { ok: boolean; how: string; fix?: string };
  /** Whether builds may have several users there; absent if the runtime cannot be used. */
  users?: { ok: boolean; why?: string; fix?: string };
}
