/** Container states with the kubelet's reasons and texts. */
import type { Container, ContainerStatus as ApiContainerStatus, Pod } from '../../api/kinds/core.ts';
import { toTime } from '../../api/meta.ts';
import { exitCodeOf, instancesOf, type ContainerRole, type NamedContainer, type ObservedContainer, type ObservedPod, type PodMemory, type Waiting } from '../pods/pod-view.ts';

export interface StatusInput {
  pod: Pod;
  observed: ObservedPod;
  memory: PodMemory;
  /** Why containers wait, by name, as the plan decided. */
  waiting: Readonly<Record<string, Waiting>>;
  hostIp: string;
  now: Date;
}

type State = NonNullable<ApiContainerStatus['state']>;

export function containerStatus(input: StatusInput, { container, role }: NamedContainer): ApiContainerStatus {
  const instances = instancesOf(input.observed, container.name);
  const [newest, older] = instances;
  const waiting = input.waiting[container.name];
  const runs = newest?.state === 'running';
  // A waiting reason stands for what comes next: the instance that ended is then the last state.
  const waits = !runs && (waiting !== undefined || !newest || newest.state === 'created');
  const state: State = waits ? { waiting: waiting ?? initialWaiting(input.pod, role) } : stateOf(newest as ObservedContainer);
  const last = waits ? (newest?.state === 'exited' ? newest : older) : older;
  const started = runs && (input.memory.probes[newest.id]?.started ?? true);
  return {
    name: container.name,
    state,
    lastState: last && last.state !== 'created' && last.state !== 'running' ? stateOf(last) : {},
    ready: isReady(input, role, newest, started),
    restartCount: newest?.attempt ?? 0,
    image: newest?.image ?? container.image ?? '',
    imageID: newest?.imageReference ?? newest?.imageId ?? '',
    ...(newest && { containerID: `slipway://${newest.id}` }),
    started: role === 'init' || role === 'ephemeral' ? runs : started,
    ...resources(container),
  };
}

function initialWaiting(pod: Pod, role: ContainerRole): Waiting {
  const hasInit = (pod.spec.initContainers ?? []).length > 0;
  return { reason: hasInit && role !== 'ephemeral' ? 'PodInitializing' : 'ContainerCreating' };
}

function isReady({ memory }: StatusInput, role: ContainerRole, newest: ObservedContainer | undefined, started: boolean): boolean {
  if (!newest) return false;
  if (role === 'init') return newest.state === 'exited' && newest.exitCode === 0;
  if (role === 'ephemeral') return false;
  return newest.state === 'running' && started && (memory.probes[newest.id]?.ready ?? true);
}

function stateOf(container: ObservedContainer): State {
  if (container.state === 'running') return { running: { startedAt: seconds(container.startedAt ?? container.createdAt) } };
  if (container.state === 'unknown' && container.exitCode === undefined) {
    return {
      terminated: {
        exitCode: 137,
        reason: 'ContainerStatusUnknown',
        message: 'The container could not be located when the pod was terminated',
        ...(container.startedAt && { startedAt: seconds(container.startedAt) }),
        ...(container.finishedAt && { finishedAt: seconds(container.finishedAt) }),
        containerID: `slipway://${container.id}`,
      },
    };
  }
  const exitCode = exitCodeOf(container);
  const message = container.terminationMessage || container.message;
  return {
    terminated: {
      exitCode,
      ...(container.signal && { signal: container.signal }),
      reason: container.reason ?? (exitCode === 0 ? 'Completed' : 'Error'),
      ...(message && { message }),
      startedAt: seconds(container.startedAt ?? container.createdAt),
      finishedAt: seconds(container.finishedAt ?? container.createdAt),
      containerID: `slipway://${container.id}`,
    },
  };
}

/** Times of the API have no fraction. */
const seconds = (time: string) => toTime(new Date(time));

function resources(container: Container): Pick<ApiContainerStatus, 'resources'> {
  const { limits, requests } = container.resources ?? {};
  return limits || requests ? { resources: { ...(limits && { limits }), ...(requests && { requests }) } } : {};
}
