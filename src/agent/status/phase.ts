/** The phase of a pod from the states of its containers (kubelet `getPhase`; Kubernetes docs, "Pod phase"). */
import type { ContainerStatus, Pod } from '../../api/kinds/core.ts';
import { isSidecar } from '../../api/pod.ts';

export type Phase = 'Pending' | 'Running' | 'Succeeded' | 'Failed';

export function phaseOf(pod: Pod, init: readonly ContainerStatus[], main: readonly ContainerStatus[]): Phase {
  const policy = pod.spec.restartPolicy ?? 'Always';
  const specs = pod.spec.initContainers ?? [];
  let initializing = 0;
  for (const [index, spec] of specs.entries()) {
    const status = init[index];
    const exit = status?.state?.terminated?.exitCode ?? status?.lastState?.terminated?.exitCode;
    if (isSidecar(spec)) {
      if (!status?.started && status?.state?.terminated === undefined) initializing++;
    } else if (status?.state?.terminated) {
      if (exit !== 0) {
        if (policy === 'Never') return 'Failed';
        initializing++;
      }
    } else initializing++;
  }

  let running = 0;
  let waiting = 0;
  let stopped = 0;
  let succeeded = 0;
  for (const spec of pod.spec.containers) {
    const status = main.find(({ name }) => name === spec.name);
    if (status?.state?.running) running++;
    else if (status?.state?.terminated) {
      stopped++;
      if (status.state.terminated.exitCode === 0) succeeded++;
    } else if (status?.lastState?.terminated) stopped++;
    else waiting++;
  }
  // Once a main container has run, initialisation is over: its traces may be gone.
  if (initializing > 0 && running + stopped === 0) return 'Pending';
  if (waiting > 0) return 'Pending';
  if (running > 0) return 'Running';
  if (stopped === 0) return 'Pending';
  if (policy === 'Always') return 'Running';
  if (stopped === succeeded) return 'Succeeded';
  return policy === 'Never' ? 'Failed' : 'Running';
}
