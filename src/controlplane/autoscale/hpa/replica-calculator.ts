/**
 * How many replicas a resource metric asks for (kubernetes pkg/controller/podautoscaler/replica_calculator.go). Pure.
 * Amounts are thousandths: of a core, of a byte. Throws with the text that the autoscaler's condition shows.
 */
import type { Container, Pod } from '../../../api/kinds/core.ts';
import { conditionOf, isSidecar } from '../../../api/pod.ts';
import { quantityOf } from '../../../api/quantity.ts';

/** What one pod uses. */
export interface Sample {
  value: number;
  /** Milliseconds. */
  at: number;
  windowMs: number;
}
export type Samples = ReadonlyMap<string, Sample>;

/** A usage that is off by less than this share causes nothing. */
export interface Tolerances {
  up: number;
  down: number;
}

export interface Proposal {
  replicas: number;
  /** Percent of what is requested; where that is what is aimed at. */
  utilization?: number;
  /** Average over the pods that were measured. */
  average: number;
}

export interface CalculatorInput {
  resource: string;
  /** Of all containers if absent. */
  container?: string | undefined;
  currentReplicas: number;
  pods: readonly Pod[];
  samples: Samples;
  tolerances: Tolerances;
  now: Date;
}

/** For this long after its start a pod's CPU counts only while it is ready, and then only whole windows. */
const initializationMs = 5 * 60_000;
/** A pod that was not ready this soon after its start has never been. */
const initialReadinessMs = 30_000;

export interface PodGroups {
  ready: number;
  /** Their usage says nothing yet. */
  unready: ReadonlySet<string>;
  /** They run, and nobody measured them. */
  missing: ReadonlySet<string>;
  /** They end, or failed. */
  ignored: ReadonlySet<string>;
}

export function groupPods(pods: readonly Pod[], samples: Samples, resource: string, now: Date): PodGroups {
  const [unready, missing, ignored] = [new Set<string>(), new Set<string>(), new Set<string>()];
  let ready = 0;
  for (const pod of pods) {
    const { name } = pod.metadata;
    const sample = samples.get(name);
    if (pod.metadata.deletionTimestamp || pod.status?.phase === 'Failed') ignored.add(name);
    else if (pod.status?.phase === 'Pending') unready.add(name);
    else if (!sample) missing.add(name);
    else if (resource === 'cpu' && !speaksForItself(pod, sample, now)) unready.add(name);
    else ready += 1;
  }
  return { ready, unready, missing, ignored };
}

function speaksForItself(pod: Pod, sample: Sample, now: Date): boolean {
  const condition = conditionOf(pod, 'Ready');
  const start = Date.parse(String(pod.status?.startTime ?? ''));
  if (!condition || Number.isNaN(start)) return false;
  const changed = Date.parse(String(condition.lastTransitionTime ?? '')) || 0;
  const isFalse = condition.status === 'False';
  if (start + initializationMs > now.getTime()) return !isFalse && sample.at >= changed + sample.windowMs;
  return !(isFalse && start + initialReadinessMs > changed);
}

/** A share of what the pods request: `target` percent. */
export function replicasForUtilization(input: CalculatorInput, target: number): Proposal {
  const { pods, resource, container } = input;
  const requests = new Map(pods.map((pod) => [pod.metadata.name, requestOf(pod, resource, container)]));
  const ratioOf = (samples: Samples): Ratio => {
    let [used, requested, count] = [0, 0, 0];
    for (const [name, { value }] of samples) {
      const request = requests.get(name);
      if (request === undefined) continue;
      used += value;
      requested += request;
      count += 1;
    }
    if (requested === 0) throw new Error('no metrics returned matched known pods');
    const utilization = Math.trunc((used * 100) / requested);
    return { ratio: utilization / target, utilization, average: Math.trunc(used / count) };
  };
  // A pod that could not be measured uses all it asked for when pods are to go, or the aim if that is more.
  const assumed = (name: string) => Math.trunc(((requests.get(name) ?? 0) * Math.max(100, target)) / 100);
  return propose(input, ratioOf, assumed);
}

/** An amount a pod: `target` thousandths. */
export function replicasForAverage(input: CalculatorInput, target: number): Proposal {
  const ratioOf = (samples: Samples): Ratio => {
    const average = Math.trunc([...samples.values()].reduce((sum, { value }) => sum + value, 0) / samples.size);
    return { ratio: average / target, average };
  };
  return propose(input, ratioOf, () => target);
}

interface Ratio {
  ratio: number;
  utilization?: number;
  average: number;
}

function propose({ resource, currentReplicas, pods, samples, tolerances, now }: CalculatorInput, ratioOf: (samples: Samples) => Ratio, assumedMissing: (name: string) => number): Proposal {
  if (pods.length === 0) throw new Error('no pods returned by selector while calculating replica count');
  const { ready, unready, missing, ignored } = groupPods(pods, samples, resource, now);
  const counted = new Map([...samples].filter(([name]) => !ignored.has(name) && !unready.has(name)));
  if (counted.size === 0) throw new Error('did not receive metrics for targeted pods (pods might be unready)');
  const { ratio, ...seen } = ratioOf(counted);
  const within = (of: number) => of >= 1 - tolerances.down && of <= 1 + tolerances.up;
  const stay: Proposal = { ...seen, replicas: currentReplicas };
  // Pods that begin are taken to use nothing, but only against more of them.
  const withUnready = unready.size > 0 && ratio > 1;
  if (!withUnready && missing.size === 0) return within(ratio) ? stay : { ...seen, replicas: Math.ceil(ratio * ready) };
  const guess = (value: number): Sample => ({ value, at: now.getTime(), windowMs: 0 });
  if (ratio !== 1) for (const name of missing) counted.set(name, guess(ratio < 1 ? assumedMissing(name) : 0));
  if (withUnready) for (const name of unready) counted.set(name, guess(0));
  const { ratio: careful } = ratioOf(counted);
  // What is merely guessed never turns the direction.
  if (within(careful) || (ratio < 1 && careful > 1) || (ratio > 1 && careful < 1)) return stay;
  const replicas = Math.ceil(careful * counted.size);
  if ((careful < 1 && replicas > currentReplicas) || (careful > 1 && replicas < currentReplicas)) return stay;
  return { ...seen, replicas };
}

/** Thousandths that the pod's containers, or the one named, ask for. */
function requestOf(pod: Pod, resource: string, container: string | undefined): number {
  let sum = 0;
  const running: Container[] = [...pod.spec.containers, ...(pod.spec.initContainers ?? []).filter(isSidecar)];
  for (const { name, resources } of running) {
    if (container !== undefined && container !== name) continue;
    const request = resources?.requests?.[resource];
    if (request === undefined) throw new Error(`missing request for ${resource} in container ${name} of Pod ${pod.metadata.name}`);
    sum += thousandths(request);
  }
  return sum;
}

export const thousandths = (quantity: string | number): number => Math.ceil(Math.round(quantityOf(quantity) * 1e6) / 1e3);
