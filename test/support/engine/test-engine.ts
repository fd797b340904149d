/** Container engines of the tests' own: storage, networks and sockets lie in temporary folders, and nothing of them stays. */
import { spawnSync } from 'node:child_process';
import type { EngineClient } from '../../../src/agent/runtime/engine/engine-client.ts';
import { startDockerd } from './dockerd.ts';
import { startPodman } from './podman.ts';

export const engineNames = ['podman', 'docker'] as const;
export type EngineName = (typeof engineNames)[number];

export interface TestEngine {
  readonly directory: string;
  readonly socketPath: string;
  readonly url: string;
  /** To look at what is there, and to be a stranger. */
  readonly client: EngineClient;
  /** Ends the service; containers go on. */
  halt(): Promise<void>;
  resume(): Promise<void>;
  stop(): Promise<void>;
}

const programs: Record<EngineName, string> = { podman: 'podman', docker: 'dockerd' };
const starters: Record<EngineName, () => Promise<TestEngine>> = { podman: startPodman, docker: startDockerd };

/** Why it cannot be started here; undefined if it can. */
export function whyNoEngine(name: EngineName): string | undefined {
  if (process.platform !== 'linux') return 'needs Linux';
  if (process.getuid?.() !== 0) return "the engine's bridge networks are made by root here";
  return spawnSync(programs[name], ['--version']).status === 0 ? undefined : `${programs[name]} is not installed`;
}

export function startEngine(name: EngineName): Promise<TestEngine> {
  return starters[name]();
}
