/** The whole status of a pod, pure: what the agent writes is what this gives. */
import type { ContainerStatus, Pod, PodStatus } from '../../api/kinds/core.ts';
import { toTime } from '../../api/meta.ts';
import { isSidecar, isTerminal, qosClassOf } from '../../api/pod.ts';
import { containersOf } from '../pods/pod-view.ts';
import { containerStatus, endedUnknown, type StatusInput } from './container-status.ts';
import { transientConditions } from './own-conditions.ts';
import { hasStarted, phaseOf, type Phase } from './phase.ts';

type PodCondition = NonNullable<PodStatus['conditions']>[number];

export function podStatus(input: StatusInput): PodStatus {
  const { pod, observed, memory, now } = input;
  const before = pod.status;
  const ending = pod.metadata.deletionTimestamp !== undefined || memory.ended !== undefined || isTerminal(pod);
  const runs = observed.containers.some(({ state }) => state === 'running');
  const all = containersOf(pod).map((named) => ({ role: named.role, status: containerStatus(input, named) }));
  let init = all.filter(({ role }) => role === 'init' || role === 'sidecar').map(({ status }) => status);
  let main = all.filter(({ role }) => role === 'main').map(({ status }) => status);
  const ephemeral = all.filter(({ role }) => role === 'ephemeral').map(({ status }) => status);
  const over = ending && !runs;
  // The reason the pod ended for says more than that of containers which never came to run.
  if (over && hasInitialized(pod, init, main)) {
    main = main.map((status) => (status.state?.terminated ? status : endedUnknown(status)));
    const began = init.findLastIndex(({ state, lastState }) => !state?.waiting || lastState?.terminated !== undefined);
    init = init.map((status, index) => (index > began || status.state?.terminated ? status : endedUnknown(status)));
  }

  const { phase, reason, message } = phaseAndReason(input, phaseOf(pod, init, main, over), runs);
  const sandbox = observed.sandboxes[0];
  const ip = sandbox?.ready && sandbox.ip ? sandbox.ip : before?.podIP;
  const initialized = isInitialized(pod, init, main);
  const generation = pod.metadata.generation;
  return {
    ...(generation !== undefined && { observedGeneration: generation }),
    phase,
    ...(reason !== undefined && { reason }),
    ...(message !== undefined && { message }),
    conditions: conditions(input, phase, initialized, init, main),
    hostIP: input.hostIp,
    hostIPs: [{ ip: input.hostIp }],
    ...(ip && { podIP: ip, podIPs: [{ ip }] }),
    startTime: before?.startTime ?? toTime(now),
    ...(init.length > 0 && { initContainerStatuses: init }),
    containerStatuses: main,
    ...(ephemeral.length > 0 && { ephemeralContainerStatuses: ephemeral }),
    qosClass: before?.qosClass ?? qosClassOf(pod.spec),
  };
}

/** A phase that is final is told once nothing runs any more, and never changes (kubelet status manager, `mergePodStatus`). */
function phaseAndReason({ pod, memory }: StatusInput, found: Phase, runs: boolean): { phase: Phase; reason?: string; message?: string } {
  const before = pod.status;
  const kept = { ...(before?.reason !== undefined && { reason: before.reason }), ...(before?.message !== undefined && { message: before.message }) };
  if (before?.phase === 'Failed' || before?.phase === 'Succeeded') return { phase: before.phase, ...kept };
  const phase = memory.ended ? 'Failed' : found;
  if ((phase === 'Failed' || phase === 'Succeeded') && runs) return { phase: before?.phase === 'Pending' ? 'Pending' : 'Running', ...kept };
  if (memory.ended) return { phase, reason: memory.ended.reason, message: memory.ended.message };
  return { phase, ...(phase === before?.phase && kept) };
}

/** Kubelet `hasPodInitialized`. */
function hasInitialized(pod: Pod, init: readonly ContainerStatus[], main: readonly ContainerStatus[]): boolean {
  const last = pod.spec.initContainers?.at(-1);
  if (!last || hasStarted(main)) return true;
  const { state, lastState, started } = init.at(-1) ?? {};
  if (isSidecar(last)) return state?.running !== undefined && started === true;
  return (state?.terminated ?? lastState?.terminated)?.exitCode === 0;
}

function isInitialized(pod: Pod, init: readonly ContainerStatus[], main: readonly ContainerStatus[]): boolean {
  if (hasStarted(main)) return true;
  return (pod.spec.initContainers ?? []).every((spec, index) => (isSidecar(spec) ? init[index]?.started === true : init[index]?.ready === true));
}

function conditions(input: StatusInput, phase: Phase, initialized: boolean, init: readonly ContainerStatus[], main: readonly ContainerStatus[]): PodCondition[] {
  const { pod, observed, now } = input;
  const before = pod.status?.conditions ?? [];
  const observedGeneration = pod.metadata.generation;
  const kept = before.find(({ type }) => type === 'PodScheduled');
  const ready = containersReady(pod, phase, init, main);
  const wanted: PodCondition[] = [
    condition('PodReadyToStartContainers', observed.sandboxes[0]?.ready === true),
    initializedCondition(pod, phase, initialized, init),
    readyCondition(pod, ready, before),
    { ...ready, type: 'ContainersReady' },
    condition('PodScheduled', true),
    ...(input.memory.notice ? [input.memory.notice] : []),
    ...(input.memory.resize ? [input.memory.resize] : []),
    ...(input.memory.ended?.evictedWithin !== undefined ? [{ type: 'DisruptionTarget', status: 'True' as const, reason: 'TerminationByKubelet', message: input.memory.ended.message }] : []),
  ];
  const own = new Set(wanted.map(({ type }) => type));
  return [
    ...wanted.map((one) => {
      const old = one.type === 'PodScheduled' ? (kept?.status === 'True' ? kept : undefined) : before.find(({ type }) => type === one.type);
      return { lastProbeTime: null, lastTransitionTime: old?.status === one.status && old.lastTransitionTime ? old.lastTransitionTime : toTime(now), ...(observedGeneration !== undefined && { observedGeneration }), ...one } as unknown as PodCondition;
    }),
    // Conditions of others (readiness gates, disruption) are theirs to change.
    ...before.filter(({ type }) => !own.has(type) && !transientConditions.has(type)),
  ];
}

function condition(type: string, holds: boolean, reason?: string, message?: string): PodCondition {
  return { type, status: holds ? 'True' : 'False', ...(!holds && reason && { reason }), ...(!holds && message && { message }) };
}

function initializedCondition(pod: StatusInput['pod'], phase: Phase, initialized: boolean, init: readonly ContainerStatus[]): PodCondition {
  if (phase === 'Succeeded') return { type: 'Initialized', status: 'True', reason: 'PodCompleted' };
  const incomplete = (pod.spec.initContainers ?? []).filter((spec, index) => !(isSidecar(spec) ? init[index]?.started : init[index]?.ready)).map(({ name }) => name);
  return condition('Initialized', initialized, 'ContainersNotInitialized', `containers with incomplete status: [${incomplete.join(' ')}]`);
}

function containersReady(pod: StatusInput['pod'], phase: Phase, init: readonly ContainerStatus[], main: readonly ContainerStatus[]): PodCondition {
  if (phase === 'Succeeded') return { type: 'ContainersReady', status: 'False', reason: 'PodCompleted' };
  if (phase === 'Failed') return { type: 'ContainersReady', status: 'False', reason: 'PodFailed' };
  const sidecars = (pod.spec.initContainers ?? []).flatMap((spec, index) => (isSidecar(spec) ? [init[index]] : []));
  const unready = [...sidecars, ...main].filter((status) => status && !status.ready).map((status) => status?.name);
  return condition('ContainersReady', unready.length === 0, 'ContainersNotReady', `containers with unready status: [${unready.join(' ')}]`);
}

function readyCondition(pod: StatusInput['pod'], ready: PodCondition, before: readonly PodCondition[]): PodCondition {
  if (ready.status !== 'True') return { ...ready, type: 'Ready' };
  const texts = (pod.spec.readinessGates ?? []).flatMap(({ conditionType }) => {
    const gate = before.find(({ type }) => type === conditionType);
    if (!gate) return [`corresponding condition of pod readiness gate "${conditionType}" does not exist.`];
    return gate.status === 'True' ? [] : [`the status of pod readiness gate "${conditionType}" is not "True", but ${gate.status}`];
  });
  return condition('Ready', texts.length === 0, 'ReadinessGatesNotReady', texts.join(', '));
}
