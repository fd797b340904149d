/** READY, STATUS and RESTARTS of a pod as `kubectl get pods` prints them (kubernetes pkg/printers/internalversion `printPod`). */
import { humanDuration } from './age.ts';
import type { ContainerStatus, Pod } from './kinds/core.ts';
import { conditionOf, isPodReady, isSidecar, isTerminal } from './pod.ts';

export interface PodSummary {
  /** `1/2`. */
  ready: string;
  status: string;
  /** `3 (5m ago)`. */
  restarts: string;
}

export function summarizePod(pod: Pod, now: Date): PodSummary {
  const init = new Map((pod.spec.initContainers ?? []).map((container) => [container.name, container]));
  const sidecar = (name: string) => isSidecar(init.get(name) ?? {});
  const total = pod.spec.containers.length + [...init.values()].filter(isSidecar).length;
  let ready = 0;
  let reason = pod.status?.reason || pod.status?.phase || 'Unknown';
  if (conditionOf(pod, 'PodScheduled')?.reason === 'SchedulingGated') reason = 'SchedulingGated';

  const all = new Restarts();
  const ofSidecars = new Restarts();
  let initializing = false;
  for (const [index, container] of (pod.status?.initContainerStatuses ?? []).entries()) {
    all.add(container);
    if (sidecar(container.name)) ofSidecars.add(container);
    if (container.state?.terminated?.exitCode === 0) continue;
    if (sidecar(container.name) && container.started) {
      if (container.ready) ready++;
      continue;
    }
    reason = `Init:${initReason(container) ?? `${index}/${init.size}`}`;
    initializing = true;
    break;
  }

  let restarts = all;
  if (!initializing || conditionOf(pod, 'Initialized')?.status === 'True') {
    restarts = ofSidecars;
    let running = false;
    for (const container of [...(pod.status?.containerStatuses ?? [])].reverse()) {
      restarts.add(container);
      const { waiting, terminated } = container.state ?? {};
      if (waiting?.reason) reason = waiting.reason;
      else if (terminated) reason = terminated.reason || exitText(terminated);
      else if (container.ready && container.state?.running) {
        running = true;
        ready++;
      }
    }
    if (reason === 'Completed' && running) reason = isPodReady(pod) ? 'Running' : 'NotReady';
  }

  if (pod.metadata.deletionTimestamp && pod.status?.reason === 'NodeLost') reason = 'Unknown';
  else if (pod.metadata.deletionTimestamp && !isTerminal(pod)) reason = 'Terminating';
  return { ready: `${ready}/${total}`, status: reason, restarts: restarts.text(now) };
}

function initReason({ state }: ContainerStatus): string | undefined {
  if (state?.terminated) return state.terminated.reason || exitText(state.terminated);
  return state?.waiting?.reason && state.waiting.reason !== 'PodInitializing' ? state.waiting.reason : undefined;
}

function exitText(terminated: { signal?: number; exitCode: number }): string {
  return terminated.signal ? `Signal:${terminated.signal}` : `ExitCode:${terminated.exitCode}`;
}

class Restarts {
  #count = 0;
  #last = 0;

  add(container: ContainerStatus): void {
    this.#count += container.restartCount;
    const finished = container.lastState?.terminated?.finishedAt;
    if (finished) this.#last = Math.max(this.#last, Date.parse(finished));
  }

  text(now: Date): string {
    return this.#count > 0 && this.#last > 0 ? `${this.#count} (${humanDuration(now.getTime() - this.#last)} ago)` : String(this.#count);
  }
}
