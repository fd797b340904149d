/** `pods/binding`: assigns a pod to a node, once. Written in one step with its condition, since neither a spec nor a status write alone may do it. */
import { copyJson } from '../../api/json.ts';
import { pods, type Binding, type Pod } from '../../api/kinds/core.ts';
import { toTime, type KubeObject } from '../../api/meta.ts';
import { conflict, notFound, badRequest, type Status } from '../../api/status.ts';
import type { Subresource } from '../kernel/apiserver/kind.ts';
import { RevisionMismatch, type Writer } from '../kernel/store/store.ts';
import { keyIn } from './pod-lookup.ts';

const attempts = 20;
const where = { ...pods, plural: 'pods/binding' };
export const success = { apiVersion: 'v1', kind: 'Status', metadata: {}, status: 'Success' } as const satisfies Partial<Status>;

export function bindingSubresource(store: Writer): Subresource {
  return {
    type: 'action',
    kind: 'Binding',
    async run({ namespace, name = '', now, dryRun }, body) {
      const { target, metadata } = (body ?? {}) as Binding;
      if (!target?.name) throw badRequest('binding.target.name: Required value');
      for (let attempt = 1; ; attempt++) {
        const key = keyIn(pods, namespace, name);
        const current = store.pending(key);
        if (!current) throw notFound(pods, name);
        const pod = bound(current.object as Pod, target.name, metadata, now);
        if (dryRun) return { ...success } as unknown as KubeObject;
        try {
          await store.put(key, pod, current.revision);
          return { ...success } as unknown as KubeObject;
        } catch (error) {
          if (!(error instanceof RevisionMismatch) || attempt >= attempts) throw error;
        }
      }
    },
  };
}

function bound(pod: Pod, node: string, meta: Binding['metadata'] | undefined, now: Date): Pod {
  const { name } = pod.metadata;
  if (meta?.uid && meta.uid !== pod.metadata.uid) throw conflict(where, name, `Precondition failed: UID in precondition: ${meta.uid}, UID in object meta: ${pod.metadata.uid}`);
  if (pod.metadata.deletionTimestamp) throw conflict(where, name, `pod ${name} is being deleted, cannot be assigned to a host`);
  if (pod.spec.nodeName) throw conflict(where, name, `pod ${name} is already assigned to node "${pod.spec.nodeName}"`);
  if (pod.spec.schedulingGates?.length) throw conflict(where, name, `pod ${name} has non-empty .spec.schedulingGates`);
  const copy = copyJson(pod);
  copy.spec.nodeName = node;
  if (meta?.annotations) copy.metadata.annotations = { ...copy.metadata.annotations, ...meta.annotations };
  const others = (copy.status?.conditions ?? []).filter(({ type }) => type !== 'PodScheduled');
  copy.status = { ...copy.status, conditions: [...others, { type: 'PodScheduled', status: 'True', lastProbeTime: null, lastTransitionTime: toTime(now) } as never] };
  return copy;
}
