/** Scales back what was idled when a proxy tells by `NeedPods` that somebody waits (openshift-controller-manager's unidling controller). */
import { endpoints, events, services, type Event } from '../../api/kinds/core.ts';
import { keyOf, splitKey, type KubeObject } from '../../api/meta.ts';
import { needPodsReason } from '../../api/well-known.ts';
import { eventRecorder } from '../../client/event-recorder.ts';
import { noIdleAnnotations, noScaledAnnotations, type UnidleTarget } from '../../client/idle/idle-annotations.ts';
import { resourceOf } from '../../client/idle/idle.ts';
import { ifFound } from '../../client/if-found.ts';
import { informer } from '../../client/informers.ts';
import { scale } from '../../client/rollout/scale.ts';
import type { ModuleContext } from '../kernel/boot/module.ts';
import { controller } from '../kernel/reconcile/controller.ts';
import { planUnidling } from './unidling-plan.ts';

/** Services whose last call is remembered; beyond, the one called longest ago is forgotten. */
const remembered = 4_096;

export function startUnidlingController({ client, clock, log, scope }: ModuleContext): void {
  const recorder = scope.own(eventRecorder(client, 'unidling-controller', clock));
  const calls = new Map<string, number>();
  const loop = scope.own(controller({ name: 'unidling', clock, log, reconcile }));
  const told = scope.own(informer<Event>(client, events, { fieldSelector: `reason=${needPodsReason}` }, { clock, log }));
  scope.own(told.onChange(({ type, object }) => {
    const { involvedObject: about, lastTimestamp } = object;
    if (type === 'deleted' || about.kind !== services.kind) return;
    const key = keyOf({ metadata: { namespace: about.namespace, name: about.name ?? '' } } as KubeObject);
    const at = Date.parse(lastTimestamp ?? '');
    if (!(at > (calls.get(key) ?? 0))) return;
    calls.delete(key);
    calls.set(key, at);
    if (calls.size > remembered) calls.delete(calls.keys().next().value!);
    loop.enqueue(key);
  }));

  async function reconcile(key: string): Promise<void> {
    const at = splitKey(key);
    const [service, stored] = await Promise.all([ifFound(client.get(services, at)), ifFound(client.get(endpoints, at))]);
    if (!service) return;
    const fromEndpoints = planUnidling(stored?.metadata.annotations, calls.get(key) ?? 0);
    const plan = fromEndpoints.kind === 'awake' ? planUnidling(service.metadata.annotations, calls.get(key) ?? 0) : fromEndpoints;
    if (plan.kind === 'unreadable') recorder.warning(service, 'UnidlingFailed', plan.why);
    if (plan.kind !== 'wake') return;
    for (const target of plan.targets) await wake(at.namespace, target);
    const patch = { metadata: { annotations: noIdleAnnotations } };
    await Promise.all([ifFound(client.patch(services, at, 'merge', patch)), ifFound(client.patch(endpoints, at, 'merge', patch))]);
    recorder.normal(service, 'Unidled', `Scaled back ${plan.targets.map(({ kind, name, replicas }) => `${kind} ${name} to ${replicas}`).join(', ')}`);
  }

  /** What is gone meanwhile, or was scaled by somebody else, is left. */
  async function wake(namespace: string | undefined, { replicas, name, ...target }: UnidleTarget): Promise<void> {
    const of = resourceOf(target);
    if (!of || namespace === undefined) return;
    const object = await ifFound(client.get(of, { namespace, name }));
    if (!object) return;
    if (!((object as KubeObject & { spec?: { replicas?: number } }).spec?.replicas ?? 0)) await scale(client, { of, namespace, name }, replicas);
    await ifFound(client.patch(of, { namespace, name }, 'merge', { metadata: { annotations: noScaledAnnotations } }));
  }
}
