/** What a horizontal pod autoscaler does now (kubernetes pkg/controller/podautoscaler/horizontal.go). Pure. */
import type { HorizontalPodAutoscaler, Scale } from '../../../api/kinds/autoscaling.ts';
import type { Pod } from '../../../api/kinds/core.ts';
import { toTime } from '../../../api/meta.ts';
import { applyRules, remember, rememberChange, type History } from './scaling-rules.ts';
import { evaluateMetric, nameOf, type MetricResult } from './metric-value.ts';
import type { PodUsage } from './usage-samples.ts';

type Status = NonNullable<HorizontalPodAutoscaler['status']>;
type Condition = NonNullable<Status['conditions']>[number];
type Metrics = NonNullable<Status['currentMetrics']>;

export interface SelectorProblem {
  /** Of the condition. */
  reason: string;
  message: string;
  event: { reason: string; message: string };
}

export interface AutoscalerInput {
  hpa: HorizontalPodAutoscaler;
  scale: Scale;
  /** Those that the scale selects. */
  pods: readonly Pod[];
  /** `Error`: why there is none. */
  usage: readonly PodUsage[] | Error;
  /** Why the selector of the scale is of no use. */
  selectorProblem?: SelectorProblem | undefined;
  history: History;
  now: Date;
}

export interface AutoscalerPlan {
  status: Status;
  /** To be written to the scale; `rescaled` and `notRescaled` say what follows from it. */
  rescale?: { replicas: number; reason: string };
  history: History;
  events: { type: 'Normal' | 'Warning'; reason: string; message: string }[];
}

/** True if what pods use has to be asked for. */
export function needsMetrics({ spec }: HorizontalPodAutoscaler, { spec: { replicas = 0 } }: Scale): boolean {
  const least = spec.minReplicas ?? 1;
  return !(replicas === 0 && least !== 0) && replicas <= spec.maxReplicas && replicas >= least;
}

export function planAutoscaler(input: AutoscalerInput): AutoscalerPlan {
  const { hpa, scale, history, now } = input;
  const { spec } = hpa;
  const current = scale.spec.replicas ?? 0;
  const least = spec.minReplicas ?? 1;
  const state = new State(input, current);
  state.condition('AbleToScale', 'True', 'SucceededGetScale', "the HPA controller was able to get the target's current scale");
  // The first look remembers what was there, so that a controller that has just begun takes nothing away at once.
  state.history = history.recommendations.length > 0 ? history : remember(history, current, now.getTime());
  if (current === 0 && least !== 0) {
    state.condition('ScalingActive', 'False', 'ScalingDisabled', 'scaling is disabled since the replica count of the target is zero');
    return state.plan(0);
  }
  if (current > spec.maxReplicas) return state.plan(spec.maxReplicas, 'Current number of replicas above Spec.MaxReplicas');
  if (current < least) return state.plan(least, 'Current number of replicas below Spec.MinReplicas');
  return state.follow();
}

/** `plan` after its scale was written. */
export function rescaled(plan: AutoscalerPlan, from: number, now: Date): AutoscalerPlan {
  const { replicas, reason } = plan.rescale ?? { replicas: from, reason: '' };
  return {
    ...plan,
    history: rememberChange(plan.history, from, replicas, now.getTime()),
    status: {
      ...plan.status,
      desiredReplicas: replicas,
      lastScaleTime: toTime(now),
      conditions: withCondition(plan.status.conditions ?? [], 'AbleToScale', 'True', 'SucceededRescale', `the HPA controller was able to update the target scale to ${replicas}`, now),
    },
    events: [...plan.events, { type: 'Normal', reason: 'SuccessfulRescale', message: `New size: ${replicas}; reason: ${reason}` }],
  };
}

/** `plan` after its scale was refused. */
export function notRescaled(plan: AutoscalerPlan, from: number, why: string, now: Date): AutoscalerPlan {
  const { replicas, reason } = plan.rescale ?? { replicas: from, reason: '' };
  return {
    ...plan,
    status: { ...plan.status, desiredReplicas: from, conditions: withCondition(plan.status.conditions ?? [], 'AbleToScale', 'False', 'FailedUpdateScale', `the HPA controller was unable to update the target scale: ${why}`, now) },
    events: [...plan.events, { type: 'Warning', reason: 'FailedRescale', message: `New size: ${replicas}; reason: ${reason}; error: ${why}` }],
  };
}

/** The target has no scale that could be read. */
export function withoutScale(hpa: HorizontalPodAutoscaler, why: string, now: Date): Pick<AutoscalerPlan, 'status' | 'events'> {
  const conditions = withCondition(hpa.status?.conditions ?? [], 'AbleToScale', 'False', 'FailedGetScale', `the HPA controller was unable to get the target's current scale: ${why}`, now);
  return { status: { ...hpa.status, desiredReplicas: hpa.status?.desiredReplicas ?? 0, conditions }, events: [{ type: 'Warning', reason: 'FailedGetScale', message: why }] };
}

class State {
  history: History;
  readonly #input: AutoscalerInput;
  readonly #current: number;
  readonly #events: AutoscalerPlan['events'] = [];
  #conditions: Condition[];
  #metrics: Metrics = [];

  constructor(input: AutoscalerInput, current: number) {
    this.#input = input;
    this.#current = current;
    this.history = input.history;
    this.#conditions = [...(input.hpa.status?.conditions ?? [])];
  }

  condition(type: string, status: 'True' | 'False', reason: string, message: string): void {
    this.#conditions = withCondition(this.#conditions, type, status, reason, message, this.#input.now);
  }

  /** The largest of what the metrics ask for, within the rules. */
  follow(): AutoscalerPlan {
    const { hpa, selectorProblem, now } = this.#input;
    if (selectorProblem) {
      this.condition('ScalingActive', 'False', selectorProblem.reason, selectorProblem.message);
      this.#events.push({ type: 'Warning', ...selectorProblem.event });
      return this.#failed(selectorProblem.event.message);
    }
    const specs = hpa.spec.metrics ?? [];
    const results = specs.map((spec) => evaluateMetric(spec, { ...this.#input, currentReplicas: this.#current }));
    const good = results.flatMap((result, at) => ('proposal' in result ? [{ ...result, name: nameOf(specs[at] ?? { type: '' }) }] : []));
    const bad = results.filter((result): result is Extract<MetricResult, { failure: string }> => 'failure' in result);
    this.#metrics = results.flatMap((result) => ('proposal' in result ? [result.status] : []));
    const best = good.reduce<(typeof good)[number] | undefined>((most, one) => (most && most.proposal >= one.proposal ? most : one), undefined);
    for (const { reason, failure } of bad) this.#events.push({ type: 'Warning', reason, message: failure });
    const [first] = bad;
    const text = first && `invalid metrics (${bad.length} invalid out of ${specs.length}), first error is: ${first.failure}`;
    if (first && (!best || best.proposal < this.#current)) {
      // What is not known might need the pods that would go.
      this.condition('ScalingActive', 'False', first.reason, `the HPA was unable to compute the replica count: ${first.failure}`);
      return this.#failed(text ?? '');
    }
    if (!best) return this.#failed('no metrics are specified');
    this.condition('ScalingActive', 'True', 'ValidMetricFound', `the HPA was able to successfully calculate a replica count from ${best.name}`);
    const verdict = applyRules({ spec: hpa.spec, current: this.#current, wanted: best.proposal, history: this.history, now: now.getTime() });
    this.history = remember(this.history, best.proposal, now.getTime());
    this.condition('AbleToScale', 'True', verdict.ableToScale.reason, verdict.ableToScale.message);
    this.condition('ScalingLimited', verdict.limited.status, verdict.limited.reason, verdict.limited.message);
    const reason = best.proposal > this.#current ? `${best.name} above target` : best.proposal < this.#current ? 'All metrics below target' : '';
    return this.plan(verdict.replicas, reason);
  }

  #failed(message: string): AutoscalerPlan {
    this.#events.push({ type: 'Warning', reason: 'FailedComputeMetricsReplicas', message });
    this.#metrics = [];
    const plan = this.plan(this.#current);
    return { ...plan, status: { ...plan.status, desiredReplicas: this.#input.hpa.status?.desiredReplicas ?? 0 } };
  }

  plan(replicas: number, reason?: string): AutoscalerPlan {
    const { hpa } = this.#input;
    const changes = replicas !== this.#current;
    return {
      status: {
        currentReplicas: this.#current,
        desiredReplicas: replicas,
        ...(hpa.status?.lastScaleTime && { lastScaleTime: hpa.status.lastScaleTime }),
        ...(this.#metrics.length > 0 && { currentMetrics: this.#metrics }),
        conditions: this.#conditions,
      },
      ...(changes && { rescale: { replicas, reason: reason ?? '' } }),
      history: this.history,
      events: this.#events,
    };
  }
}

/** The newest stands where its type stood; the time is that of the last change of status. */
function withCondition(all: readonly Condition[], type: string, status: 'True' | 'False', reason: string, message: string, now: Date): Condition[] {
  const old = all.find((one) => one.type === type);
  const next: Condition = { type, status, reason, message, lastTransitionTime: old?.status === status ? (old.lastTransitionTime ?? toTime(now)) : toTime(now) };
  return old ? all.map((one) => (one === old ? next : one)) : [...all, next];
}
