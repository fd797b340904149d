/** What is made of a proposal: held back by what was proposed lately, limited in speed and size (kubernetes pkg/controller/podautoscaler/horizontal.go). Pure. */
import type { HorizontalPodAutoscaler } from '../../../api/kinds/autoscaling.ts';

type Spec = HorizontalPodAutoscaler['spec'];
type Rules = NonNullable<NonNullable<Spec['behavior']>['scaleUp']>;

/** What an autoscaler remembers between looks. Milliseconds. */
export interface History {
  recommendations: { replicas: number; at: number }[];
  /** Changes that were made; both lists hold positive numbers. */
  ups: { change: number; at: number }[];
  downs: { change: number; at: number }[];
}

export interface Verdict {
  replicas: number;
  ableToScale: { reason: string; message: string };
  limited: { status: 'True' | 'False'; reason: string; message: string };
}

export interface RuleInput {
  spec: Spec;
  current: number;
  /** What the metrics ask for. */
  wanted: number;
  history: History;
  now: number;
}

/** Downwards, the highest proposal of this long counts, unless the behavior says otherwise. */
const stabilizationMs = 300_000;
/** No behavior and no policy looks back further. */
export const longestMemoryMs = 3_600_000;

const matching = { reason: 'ReadyForNewScale', message: 'recommended size matches current size' };
const withinRange = { reason: 'DesiredWithinRange', message: 'the desired count is within the acceptable range' };
const tooMany = { reason: 'TooManyReplicas', message: 'the desired replica count is more than the maximum replica count' };
const tooFew = { reason: 'TooFewReplicas', message: 'the desired replica count is less than the minimum replica count' };
const tooFast = { reason: 'ScaleUpLimit', message: 'the desired replica count is increasing faster than the maximum scale rate' };
const tooFastDown = { reason: 'ScaleDownLimit', message: 'the desired replica count is decreasing faster than the maximum scale rate' };
const heldDown = { reason: 'ScaleDownStabilized', message: 'recent recommendations were higher than current one, applying the highest recent recommendation' };
const heldUp = { reason: 'ScaleUpStabilized', message: 'recent recommendations were lower than current one, applying the lowest recent recommendation' };

export function applyRules(input: RuleInput): Verdict {
  const { spec, wanted } = input;
  const stable = spec.behavior ? stabilize(input) : highestLately(input);
  const { replicas, ...limit } = spec.behavior ? limitByPolicies(input, stable) : limitByDefault(input, stable);
  return {
    replicas,
    ableToScale: stable === wanted ? matching : spec.behavior && wanted >= input.current ? heldUp : heldDown,
    limited: { status: replicas === stable ? 'False' : 'True', ...limit },
  };
}

function highestLately({ wanted, history, now }: RuleInput): number {
  return Math.max(wanted, ...history.recommendations.filter(({ at }) => at >= now - stabilizationMs).map(({ replicas }) => replicas));
}

/** Between the lowest proposal of the one window and the highest of the other. */
function stabilize({ spec, current, wanted, history, now }: RuleInput): number {
  const upMs = (spec.behavior?.scaleUp?.stabilizationWindowSeconds ?? 0) * 1000;
  const downMs = (spec.behavior?.scaleDown?.stabilizationWindowSeconds ?? stabilizationMs / 1000) * 1000;
  const lately = (ms: number) => history.recommendations.filter(({ at }) => at > now - ms).map(({ replicas }) => replicas);
  const least = Math.min(wanted, ...lately(upMs));
  const most = Math.max(wanted, ...lately(downMs));
  return Math.min(Math.max(current, least), most);
}

type Limited = { replicas: number; reason: string; message: string };

/** Twice as many, or four: so fast it goes without a behavior. */
function limitByDefault({ spec, current }: RuleInput, wanted: number): Limited {
  const fastest = Math.max(2 * current, 4);
  const most = Math.min(spec.maxReplicas, fastest);
  const least = spec.minReplicas ?? 1;
  if (wanted < least) return { replicas: least, ...tooFew };
  if (wanted > most) return { replicas: most, ...(spec.maxReplicas > fastest ? tooFast : tooMany) };
  return { replicas: wanted, ...withinRange };
}

function limitByPolicies({ spec, current, history, now }: RuleInput, wanted: number): Limited {
  if (wanted > current) {
    const fastest = Math.max(current, limitOf(spec.behavior?.scaleUp ?? {}, 1, current, history, now));
    const most = Math.min(spec.maxReplicas, fastest);
    if (wanted > most) return { replicas: most, ...(spec.maxReplicas > fastest ? tooFast : tooMany) };
  } else if (wanted < current) {
    const fastest = Math.min(current, limitOf(spec.behavior?.scaleDown ?? {}, -1, current, history, now));
    const minimum = spec.minReplicas ?? 1;
    const least = Math.max(minimum, fastest);
    if (wanted < least) return { replicas: least, ...(minimum < fastest ? tooFastDown : tooFew) };
  }
  return { replicas: wanted, ...withinRange };
}

/** How far the policies let it go in one direction. */
function limitOf({ policies = [], selectPolicy }: Rules, direction: 1 | -1, current: number, history: History, now: number): number {
  if (selectPolicy === 'Disabled') return current;
  const limits = policies.map(({ type, value, periodSeconds }) => {
    const since = now - periodSeconds * 1000;
    const changed = (list: History['ups']) => list.filter(({ at }) => at > since).reduce((sum, { change }) => sum + change, 0);
    const begin = current - changed(history.ups) + changed(history.downs);
    if (type === 'Pods') return begin + direction * value;
    // Rounded so that one pod can always come or go.
    return direction > 0 ? Math.ceil(begin * (1 + value / 100)) : Math.trunc(begin * (1 - value / 100));
  });
  // `Max` allows the greatest change, which downwards is the smallest number.
  const widest = selectPolicy !== 'Min';
  return (direction > 0) === widest ? Math.max(...limits) : Math.min(...limits);
}

export function remember(history: History, wanted: number, now: number): History {
  const lately = <T extends { at: number }>(list: readonly T[]) => list.filter(({ at }) => at > now - longestMemoryMs);
  return { recommendations: [...lately(history.recommendations), { replicas: wanted, at: now }], ups: lately(history.ups), downs: lately(history.downs) };
}

export function rememberChange(history: History, from: number, to: number, now: number): History {
  if (to > from) return { ...history, ups: [...history.ups, { change: to - from, at: now }] };
  return { ...history, downs: [...history.downs, { change: from - to, at: now }] };
}
