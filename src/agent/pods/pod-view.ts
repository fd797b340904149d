/** What is known of one pod at one moment; the input of the pure parts (plan and status). */
import type { Container, Pod } from '../../api/kinds/core.ts';
import { isSidecar } from '../../api/pod.ts';
import type { ContainerStatus, PodSandbox } from '../runtime/runtime.ts';

export type ContainerRole = 'init' | 'sidecar' | 'main' | 'ephemeral';

export interface NamedContainer {
  role: ContainerRole;
  container: Container;
}

/** Requests and limits that a container runs with. */
export type AppliedResources = Pick<NonNullable<Container['resources']>, 'limits' | 'requests'>;

/** A container of the runtime with what the agent adds to it. */
export interface ObservedContainer extends ContainerStatus {
  /** The reference its spec named when it was made. */
  image?: string;
  /** Canonical reference with digest. */
  imageReference?: string;
  /** What it runs with; of one made before this was recorded it is not known. */
  resources?: AppliedResources;
  /** Contents of its termination message file, or the end of its log. */
  terminationMessage?: string;
}

export interface ObservedPod {
  /** Newest first. */
  sandboxes: readonly PodSandbox[];
  containers: readonly ObservedContainer[];
}

export interface Waiting {
  reason: string;
  message?: string;
}

/** A try to start a container that failed at `at` (ms). Before `retryAt` it is not tried again. */
export interface StartFailure extends Waiting {
  at: number;
  retryAt: number;
}

/** Growing wait between restarts, as the kubelet's: 10 s doubling to 5 min, forgotten after 10 min of quiet. */
export interface Backoff {
  delayMs: number;
  /** When it last grew, ms. */
  since: number;
}

/** What the probes say of one running container; absent probes count as passed. */
export interface ProbeState {
  started: boolean;
  ready: boolean;
  /** Set when it must be restarted: which probe failed. */
  failed?: 'liveness' | 'startup';
}

/** A condition beyond the kubelet's own. */
export interface PodNotice {
  type: string;
  status: 'True' | 'False';
  reason?: string;
  message?: string;
}

/** What the agent remembers of a pod between two looks at it; lost with the agent, and nothing that runs depends on it. */
export interface PodMemory {
  startFailures: Readonly<Record<string, StartFailure>>;
  backoff: Readonly<Record<string, Backoff>>;
  /** By container id; a container without entry has no probes or has just been adopted. */
  probes: Readonly<Record<string, ProbeState>>;
  /** The pod was ended by the agent (deadline, eviction). An eviction has a grace of its own, seconds. */
  ended?: { reason: string; message: string; evictedWithin?: number };
  notice?: PodNotice;
  /** Why its containers do not have what its spec gives them now, with the condition that tells. */
  resize?: PodNotice;
}

export const emptyMemory: PodMemory = { startFailures: {}, backoff: {}, probes: {} };

export function containersOf(pod: Pod): NamedContainer[] {
  return [
    ...(pod.spec.initContainers ?? []).map((container): NamedContainer => ({ role: isSidecar(container) ? 'sidecar' : 'init', container })),
    ...pod.spec.containers.map((container): NamedContainer => ({ role: 'main', container })),
    ...(pod.spec.ephemeralContainers ?? []).map((container): NamedContainer => ({ role: 'ephemeral', container })),
  ];
}

/** All instances under a name, newest first. */
export function instancesOf(observed: ObservedPod, name: string): ObservedContainer[] {
  return observed.containers.filter((container) => container.name === name).sort((a, b) => b.attempt - a.attempt);
}

/** Sidecars restart always; init containers are tried again unless the pod says Never; a debugging container runs once. */
export function restarts(pod: Pod, role: ContainerRole, exitCode: number): boolean {
  const policy = pod.spec.restartPolicy ?? 'Always';
  switch (role) {
    case 'sidecar':
      return true;
    case 'ephemeral':
      return false;
    case 'init':
      return exitCode !== 0 && policy !== 'Never';
    case 'main':
      return policy === 'Always' || (policy === 'OnFailure' && exitCode !== 0);
  }
}

/** Exit code of a container that is not running; one that never told counts as killed. */
export function exitCodeOf(container: ContainerStatus): number {
  return container.exitCode ?? 137;
}
