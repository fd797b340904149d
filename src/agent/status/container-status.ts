/** Container states with the kubelet's reasons and texts. */
import type { ContainerStatus as ApiContainerStatus, Pod } from '../../api/kinds/core.ts';
import { toTime } from '../../api/meta.ts';
import { exitCodeOf, instancesOf, type AppliedResources, type ContainerRole, type NamedContainer, type ObservedContainer, type ObservedPod, type PodMemory, type Waiting } from '../pods/pod-view.ts';

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
  if (!newest) return unseen(input, { container, role }, waiting);
  const runs = newest?.state === 'running';
  // A waiting reason stands for what comes next: the instance that ended is then the last state.
  const waits = !runs && (waiting !== undefined || newest.state === 'created');
  const state: State = waits ? { waiting: waiting ?? initialWaiting(input.pod, role) } : stateOf(newest);
  const last = waits && newest.state !== 'created' ? newest : older;
  const started = runs && (input.memory.probes[newest.id]?.started ?? true);
  return {
    name: container.name,
    state,
    lastState: last && last.state !== 'created' && last.state !== 'running' ? stateOf(last) : {},
    ready: isReady(input, role, newest, started),
    restartCount: newest.attempt,
    image: newest.image ?? container.image ?? '',
    imageID: newest.imageReference ?? newest.imageId,
    containerID: `slipway://${newest.id}`,
    ...(role !== 'ephemeral' && { started }),
    ...resources(newest.resources ?? container.resources),
    ...(newest.resources?.requests && { allocatedResources: newest.resources.requests }),
  };
}

/**
 * Nothing of the container is left here. What was told of it before stands: an end is kept, and one that ran must have ended, nobody knows how
 * (kubelet `convertToAPIContainerStatuses`).
 */
function unseen({ pod }: StatusInput, { container, role }: NamedContainer, waiting: Waiting | undefined): ApiContainerStatus {
  const { containerStatuses = [], initContainerStatuses = [], ephemeralContainerStatuses = [] } = pod.status ?? {};
  const told = [...containerStatuses, ...initContainerStatuses, ...ephemeralContainerStatuses].find(({ name }) => name === container.name);
  if (told?.state?.terminated && !waiting) return told;
  const lost = told?.state?.running !== undefined;
  const last = told?.state?.terminated ? { terminated: told.state.terminated } : lost ? { terminated: { exitCode: 137, reason: unknownReason, message: 'The container could not be located when the pod was deleted.  The container used to be Running', startedAt: null, finishedAt: null } } : (told?.lastState ?? {});
  return {
    name: container.name,
    state: { waiting: waiting ?? initialWaiting(pod, role) },
    lastState: last as State,
    ready: false,
    restartCount: (told?.restartCount ?? 0) + (lost && !pod.metadata.deletionTimestamp ? 1 : 0),
    image: container.image ?? '',
    imageID: '',
    ...(role !== 'ephemeral' && { started: false }),
    ...resources(container.resources),
  };
}

/** A container of a pod that is over and of whose end nobody knows. */
export function endedUnknown(status: ApiContainerStatus): ApiContainerStatus {
  return { ...status, state: { terminated: { exitCode: 137, reason: unknownReason, message: unknownMessage, startedAt: null, finishedAt: null } as unknown as NonNullable<State['terminated']> }, ready: false };
}

const unknownReason = 'ContainerStatusUnknown';
const unknownMessage = 'The container could not be located when the pod was terminated';

function initialWaiting(pod: Pod, role: ContainerRole): Waiting {
  const hasInit = (pod.spec.initContainers ?? []).length > 0;
  return { reason: hasInit && role !== 'ephemeral' ? 'PodInitializing' : 'ContainerCreating' };
}

function isReady({ memory }: StatusInput, role: ContainerRole, newest: ObservedContainer, started: boolean): boolean {
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
        reason: unknownReason,
        message: unknownMessage,
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

function resources({ limits, requests }: AppliedResources = {}): Pick<ApiContainerStatus, 'resources'> {
  return limits || requests ? { resources: { ...(limits && { limits }), ...(requests && { requests }) } } : {};
}
