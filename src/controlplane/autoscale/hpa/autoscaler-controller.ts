/** Looks at what pods use and scales what they belong to, as long as there is an autoscaler. */
import { horizontalPodAutoscalers, type HorizontalPodAutoscaler, type Scale } from '../../../api/kinds/autoscaling.ts';
import { pods, type Pod } from '../../../api/kinds/core.ts';
import { podMetrics } from '../../../api/kinds/metrics.ts';
import { copyJson, equalJson } from '../../../api/json.ts';
import { keyOf, splitKey, type KubeObject } from '../../../api/meta.ts';
import { groupResource, splitApiVersion, type Resource } from '../../../api/resource.ts';
import { allResources } from '../../../api/resources.ts';
import { matches, parseSelector, type Selector } from '../../../api/selector.ts';
import { isStatusError } from '../../../api/status.ts';
import { eventRecorder } from '../../../client/event-recorder.ts';
import { ifFound } from '../../../client/if-found.ts';
import type { ModuleContext } from '../../kernel/boot/module.ts';
import { controller, type ReconcileResult } from '../../kernel/reconcile/controller.ts';
import { needsMetrics, notRescaled, planAutoscaler, rescaled, withoutScale, type AutoscalerPlan, type SelectorProblem } from './autoscaler-plan.ts';
import type { History } from './scaling-rules.ts';
import { podUsage, type PodUsage } from './usage-samples.ts';

/** The real controller's pace. */
const everyMs = 15_000;

interface Memory {
  history: History;
  /** Of the target, as it was last read. */
  selector?: string;
}

export async function startAutoscalerController({ client, informers, clock, log, scope }: ModuleContext): Promise<void> {
  const recorder = scope.own(eventRecorder(client, 'horizontal-pod-autoscaler', clock));
  const cache = informers.for(horizontalPodAutoscalers);
  await cache.synced;
  /** By key; gone with the autoscaler. */
  const memories = new Map<string, Memory>();

  const loop = scope.own(controller({ name: 'horizontal-pod-autoscaler', clock, log, reconcile }));
  scope.own(cache.onChange(({ type, object, previous }) => {
    const key = keyOf(object);
    if (type === 'deleted') memories.delete(key);
    // Its own status is no news.
    else if (!previous || !equalJson(previous.spec, object.spec)) loop.enqueue(key);
  }));

  async function reconcile(key: string): Promise<ReconcileResult> {
    const { namespace, name } = splitKey(key);
    if (!cache.get(key)) return;
    const hpa = await ifFound(client.get(horizontalPodAutoscalers, { namespace, name }));
    if (!hpa) return;
    await look(key, hpa);
    return { afterMs: everyMs };
  }

  async function look(key: string, hpa: HorizontalPodAutoscaler): Promise<void> {
    const now = clock.now();
    const { namespace } = hpa.metadata;
    let scale: Scale;
    let target: Resource;
    try {
      target = targetOf(hpa);
      scale = await scaleOf(target, hpa);
    } catch (error) {
      return conclude(hpa, withoutScale(hpa, (error as Error).message, now));
    }
    const memory = memories.get(key) ?? { history: { recommendations: [], ups: [], downs: [] } };
    memories.set(key, memory);
    const { selector, problem } = selectorIn(scale);
    memory.selector = scale.status.selector ?? '';
    const own = selector ? (await client.list(pods, { namespace })).items.filter((pod) => matches(selector, pod.metadata.labels)) : [];
    const usage = selector && needsMetrics(hpa, scale) ? await usageOf(namespace, memory.selector) : [];
    let plan = planAutoscaler({ hpa, scale, pods: own, usage, selectorProblem: problem ?? ambiguity(key, memory.selector, own), history: memory.history, now });
    const from = scale.spec.replicas ?? 0;
    if (plan.rescale) {
      const why = await write(target, hpa, scale, plan.rescale.replicas);
      plan = why === undefined ? rescaled(plan, from, now) : notRescaled(plan, from, why, now);
    }
    memory.history = plan.history;
    await conclude(hpa, plan);
  }

  async function conclude(hpa: HorizontalPodAutoscaler, { status: concluded, events }: Pick<AutoscalerPlan, 'status' | 'events'>): Promise<void> {
    const { generation } = hpa.metadata;
    const status = { ...concluded, ...(generation !== undefined && { observedGeneration: generation }) };
    for (const { type, reason, message } of events) recorder[type === 'Normal' ? 'normal' : 'warning'](hpa, reason, message);
    if (equalJson(hpa.status, status)) return;
    const { name, namespace } = hpa.metadata;
    await ifFound(client.update(horizontalPodAutoscalers, { ...copyJson(hpa), status } as KubeObject, { name, namespace, subresource: 'status' }));
  }

  async function scaleOf(target: Resource, { spec: { scaleTargetRef }, metadata: { namespace } }: HorizontalPodAutoscaler): Promise<Scale> {
    try {
      return (await client.get(target, { namespace, name: scaleTargetRef.name, subresource: 'scale' })) as unknown as Scale;
    } catch (error) {
      if (isStatusError(error, 'NotFound') && error.status.details?.name !== scaleTargetRef.name) throw new Error(`the server could not find the requested resource (${groupResource(target)} has no scale)`, { cause: error });
      throw error;
    }
  }

  async function usageOf(namespace: string | undefined, labelSelector: string): Promise<PodUsage[] | Error> {
    try {
      return (await client.list(podMetrics, { namespace, labelSelector })).items.map(podUsage);
    } catch (error) {
      return error as Error;
    }
  }

  /** What the server says against it, or undefined. */
  async function write(target: Resource, { spec: { scaleTargetRef }, metadata: { namespace } }: HorizontalPodAutoscaler, scale: Scale, replicas: number): Promise<string | undefined> {
    try {
      await client.update(target, { ...copyJson(scale), spec: { replicas } } as KubeObject, { namespace, name: scaleTargetRef.name, subresource: 'scale' });
      return undefined;
    } catch (error) {
      return (error as Error).message;
    }
  }

  /** Two autoscalers of the same pods would work against each other. */
  function ambiguity(key: string, selector: string, own: readonly Pod[]): SelectorProblem | undefined {
    const { namespace } = splitKey(key);
    const others = [...memories].filter(([other, memory]) => {
      if (other === key || splitKey(other).namespace !== namespace || !memory.selector) return false;
      const theirs = parseSelector(memory.selector);
      return own.some((pod) => matches(theirs, pod.metadata.labels));
    });
    if (others.length === 0) return undefined;
    const message = `pods by selector ${selector} are controlled by multiple HPAs: [${[key, ...others.map(([other]) => other)].sort().join(' ')}]`;
    return { reason: 'AmbiguousSelector', message, event: { reason: 'AmbiguousSelector', message } };
  }
}

function targetOf({ spec: { scaleTargetRef } }: HorizontalPodAutoscaler): Resource {
  const [group] = splitApiVersion(scaleTargetRef.apiVersion ?? '');
  // As upstream the group and the kind decide; the version is the server's.
  const named = allResources.find((one) => one.kind === scaleTargetRef.kind && one.group === group);
  if (!named) throw new Error(`no matches for kind "${scaleTargetRef.kind}" in group "${group}"`);
  return named;
}

function selectorIn({ status }: Scale): { selector?: Selector; problem?: SelectorProblem } {
  if (!status.selector) return { problem: { reason: 'InvalidSelector', message: "the HPA target's scale is missing a selector", event: { reason: 'SelectorRequired', message: 'selector is required' } } };
  try {
    return { selector: parseSelector(status.selector) };
  } catch (error) {
    const message = `couldn't convert selector into a corresponding internal selector object: ${(error as Error).message}`;
    return { problem: { reason: 'InvalidSelector', message, event: { reason: 'InvalidSelector', message } } };
  }
}
