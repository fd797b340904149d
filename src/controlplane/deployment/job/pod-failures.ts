/** What a failed pod means for its job (podFailurePolicy), and when the next one may be tried. Pure. */
import { jobAnnotations, type Job } from '../../../api/kinds/batch.ts';
import type { Pod } from '../../../api/kinds/core.ts';

export type FailureVerdict = { action: 'Count' | 'Ignore' | 'FailIndex' } | { action: 'FailJob'; message: string };

type ContainerState = { name: string; state?: { terminated?: { exitCode: number; finishedAt?: unknown } } };

const containerStates = ({ status }: Pod): ContainerState[] => [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])] as ContainerState[];

/** The first rule that matches decides; without one the failure counts. */
export function judgeFailure({ spec }: Job, pod: Pod): FailureVerdict {
  for (const [at, rule] of (spec.podFailurePolicy?.rules ?? []).entries()) {
    const why = matching(rule, pod);
    if (why === undefined) continue;
    if (rule.action === 'FailJob') return { action: 'FailJob', message: `${why} matching FailJob rule at index ${at}` };
    return { action: rule.action as 'Count' | 'Ignore' | 'FailIndex' };
  }
  return { action: 'Count' };
}

type Rule = NonNullable<Job['spec']['podFailurePolicy']>['rules'][number];

function matching(rule: Rule, pod: Pod): string | undefined {
  const who = `pod ${pod.metadata.namespace}/${pod.metadata.name}`;
  if (rule.onExitCodes) {
    const { containerName, operator, values } = rule.onExitCodes;
    for (const { name, state } of containerStates(pod)) {
      const code = state?.terminated?.exitCode;
      // What ended well is no reason, whatever the operator.
      if (code === undefined || code === 0 || (containerName !== undefined && containerName !== name)) continue;
      if (values.includes(code) === (operator === 'In')) return `Container ${name} for ${who} failed with exit code ${code}`;
    }
    return undefined;
  }
  const found = pod.status?.conditions?.find(({ type, status }) => rule.onPodConditions?.some((one) => one.type === type && one.status === status));
  return found && `Pod ${pod.metadata.namespace}/${pod.metadata.name} has condition ${found.type}`;
}

export function finishedAt(pod: Pod, now: Date): number {
  const times = containerStates(pod).map(({ state }) => Date.parse(String(state?.terminated?.finishedAt ?? ''))).filter((time) => !Number.isNaN(time));
  if (times.length > 0) return Math.max(...times);
  return Date.parse(pod.metadata.deletionTimestamp ?? '') || now.getTime();
}

const firstDelay = 10_000;
const longestDelay = 600_000;

/** Milliseconds until another pod may be made, doubled with every failure since the last success. */
export function failureDelay(ended: readonly Pod[], now: Date): number {
  const lastSuccess = Math.max(0, ...ended.filter(({ status }) => status?.phase === 'Succeeded').map((pod) => finishedAt(pod, now)));
  const failures = ended.filter(({ status }) => status?.phase !== 'Succeeded').map((pod) => finishedAt(pod, now)).filter((time) => time > lastSuccess);
  if (failures.length === 0) return 0;
  const delay = Math.min(firstDelay * 2 ** (failures.length - 1), longestDelay);
  return Math.max(0, Math.max(...failures) + delay - now.getTime());
}

export function indexOf(pod: Pod): number | undefined {
  const text = pod.metadata.annotations?.[jobAnnotations.completionIndex];
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}

export function earlierFailures(pod: Pod): number {
  return Number(pod.metadata.annotations?.[jobAnnotations.indexFailureCount] ?? 0) || 0;
}
