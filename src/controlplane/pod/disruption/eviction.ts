/** `pods/eviction`: deletes a pod if its disruption budget can spare it. */
import { copyJson } from '../../../api/json.ts';
import { pods, type Pod } from '../../../api/kinds/core.ts';
import { podDisruptionBudgets, type Eviction, type PodDisruptionBudget } from '../../../api/kinds/policy.ts';
import type { KubeObject, LabelSelector } from '../../../api/meta.ts';
import { conditionOf } from '../../../api/pod.ts';
import { matchesLabelSelector } from '../../../api/selector.ts';
import { badRequest, conflict, isStatusError, serviceUnavailable } from '../../../api/status.ts';
import { delay, type Clock } from '../../../base/clock.ts';
import type { Client } from '../../../client/client.ts';
import type { Subresource } from '../../kernel/apiserver/kind.ts';
import { success } from '../pod-binding.ts';
import { disruptions, noteDisruption } from './disruption-target.ts';
import { judgeEviction } from './eviction-plan.ts';

/** Others may write the same budget or pod at the same time; after this many meetings the last refusal is passed on. */
const tries = 20;
const pauseMs = 10;
const longestPauseMs = 200;

/** `client` is absent until the module has started. */
export function evictionSubresource(client: () => Client | undefined, clock: Clock): Subresource {
  return {
    type: 'action',
    kind: 'Eviction',
    apiVersion: 'policy/v1',
    async run({ namespace, name = '', dryRun, now, signal }, body) {
      const writer = client();
      if (!writer) throw serviceUnavailable('the platform is starting; try again in a moment');
      const eviction = (body ?? { metadata: { name } }) as Eviction;
      if (eviction.metadata.name && eviction.metadata.name !== name) throw badRequest('name in URL does not match name in Eviction object');
      const { gracePeriodSeconds, preconditions, dryRun: asked } = eviction.deleteOptions ?? {};
      const pretend = dryRun || (asked?.includes('All') ?? false);
      const pod = await allow(writer, { namespace, name }, preconditions ?? {}, pretend, now, (attempt) => delay(clock, Math.min(attempt * pauseMs, longestPauseMs), signal));
      if (pretend) return { ...success } as unknown as KubeObject;
      if (!pod.metadata.deletionTimestamp && conditionOf(pod, 'DisruptionTarget')?.status !== 'True') await noteDisruption(writer, pod, disruptions.eviction, now);
      const { uid } = pod.metadata;
      await writer.delete(pods, { namespace, name }, { ...(gracePeriodSeconds !== undefined && { gracePeriodSeconds }), ...(uid && { preconditions: { uid } }) });
      return { ...success } as unknown as KubeObject;
    },
  };
}

/** The pod, once its budget has given its leave. */
async function allow(client: Client, at: { namespace: string | undefined; name: string }, { uid, resourceVersion }: { uid?: string; resourceVersion?: string }, pretend: boolean, now: Date, pause: (attempt: number) => Promise<void>): Promise<Pod> {
  for (let attempt = 1; ; attempt += 1) {
    const pod = await client.get(pods, at);
    if (uid && uid !== pod.metadata.uid) throw conflict(pods, at.name, `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${pod.metadata.uid}`);
    if (resourceVersion && resourceVersion !== pod.metadata.resourceVersion) throw conflict(pods, at.name, `Precondition failed: ResourceVersion in precondition: ${resourceVersion}, ResourceVersion in object meta: ${pod.metadata.resourceVersion}`);
    const budgets = (await client.list(podDisruptionBudgets, { namespace: at.namespace })).items.filter(({ spec }) => matchesLabelSelector(spec?.selector as LabelSelector | undefined, pod.metadata.labels));
    const verdict = judgeEviction(pod, budgets, now);
    if (!verdict.allowed) throw verdict.error;
    const [budget] = budgets;
    if (!verdict.note || !budget || pretend) return pod;
    try {
      await client.update<PodDisruptionBudget>(podDisruptionBudgets, { ...copyJson(budget), status: verdict.note } as KubeObject, { name: budget.metadata.name, namespace: at.namespace, subresource: 'status' });
      return pod;
    } catch (error) {
      if (!isStatusError(error, 'Conflict') || attempt >= tries) throw error;
      // What the other wrote is read only once it is on disk.
      await pause(attempt);
    }
  }
}
