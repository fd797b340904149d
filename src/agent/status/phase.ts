/** The phase of a pod from the states of its containers (kubelet `getPhase`; Kubernetes docs, "Pod phase"). */
import type { ContainerStatus, Pod } from '../../api/kinds/core.ts';
import { isSidecar } from '../../api/pod.ts';

export type Phase = 'Pending' | 'Running' | 'Succeeded' | 'Failed';

interface Counts {
  running: number;
  /** Never ran so far. */
  waiting: number;
  /** Ended, or between two runs. */
  stopped: number;
  succeeded: number;
}

/** `over`: nothing runs and nothing will, whatever the restart policy says. */
export function phaseOf(pod: Pod, init: readonly ContainerStatus[], main: readonly ContainerStatus[], over = false): Phase {
  const policy = pod.spec.restartPolicy ?? 'Always';
  const before = beforeMain(pod, init);
  if (before.failed && policy === 'Never') return 'Failed';
  const counts = ofMain(pod, main);
  const initializing = before.pending || (before.sidecarsPending && !hasStarted(main));
  if (initializing || before.sidecarsWaiting || counts.waiting > 0) return over ? 'Failed' : 'Pending';
  if (before.sidecarsRunning || counts.running > 0) return 'Running';
  if (counts.stopped === 0) return over ? 'Failed' : 'Pending';
  if (over) return counts.stopped === counts.succeeded ? 'Succeeded' : 'Failed';
  if (policy === 'Always') return 'Running';
  if (counts.stopped === counts.succeeded) return 'Succeeded';
  return policy === 'Never' ? 'Failed' : 'Running';
}

/** One of the main containers has run: initialisation is over, and its traces may be gone. */
export function hasStarted(main: readonly ContainerStatus[]): boolean {
  return main.some(({ state, lastState }) => state?.running || state?.terminated || lastState?.terminated);
}

function beforeMain(pod: Pod, init: readonly ContainerStatus[]) {
  const found = { pending: false, failed: false, sidecarsPending: false, sidecarsWaiting: false, sidecarsRunning: false };
  for (const spec of pod.spec.initContainers ?? []) {
    const status = init.find(({ name }) => name === spec.name);
    const { running, terminated } = status?.state ?? {};
    const last = status?.lastState?.terminated;
    if (isSidecar(spec)) {
      if (running) {
        found.sidecarsRunning = true;
        if (!status?.started) found.sidecarsPending = true;
      } else if (!terminated && !last) found.sidecarsPending = found.sidecarsWaiting = true;
    } else if (!running && (terminated ?? last)) {
      if ((terminated ?? last)?.exitCode !== 0) found.failed = true;
      // Between two tries it is still to come.
      if (!terminated || terminated.exitCode !== 0) found.pending = true;
    } else found.pending = true;
  }
  return found;
}

function ofMain(pod: Pod, main: readonly ContainerStatus[]): Counts {
  const counts: Counts = { running: 0, waiting: 0, stopped: 0, succeeded: 0 };
  for (const spec of pod.spec.containers) {
    const { state, lastState } = main.find(({ name }) => name === spec.name) ?? {};
    if (state?.running) counts.running++;
    else if (state?.terminated) {
      counts.stopped++;
      if (state.terminated.exitCode === 0) counts.succeeded++;
    } else if (lastState?.terminated) counts.stopped++;
    else counts.waiting++;
  }
  return counts;
}
