/** What all controllers that own pods do with them. */
import { pods, type Pod, type PodTemplateSpec } from '../../api/kinds/core.ts';
import { copyJson } from '../../api/json.ts';
import { controllerReference, type KubeObject } from '../../api/meta.ts';
import { isStatusError } from '../../api/status.ts';
import type { Client } from '../../client/client.ts';

/** A pod of the template that belongs to `owner`; its name is made from `prefix`. */
export function podFrom(template: PodTemplateSpec, owner: KubeObject, prefix = `${owner.metadata.name}-`): KubeObject {
  const { labels, annotations, finalizers } = template.metadata ?? {};
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      generateName: prefix,
      ...(owner.metadata.namespace && { namespace: owner.metadata.namespace }),
      ...(labels && { labels: { ...labels } }),
      ...(annotations && { annotations: { ...annotations } }),
      ...(finalizers && { finalizers: [...finalizers] }),
      ownerReferences: [controllerReference(owner)],
    },
    spec: copyJson(template.spec),
  } as unknown as KubeObject;
}

/** Adopts the pod, or lets it go. */
export async function setController(client: Client, pod: Pod, owner: KubeObject, ours: boolean): Promise<void> {
  const others = (pod.metadata.ownerReferences ?? []).filter(({ uid }) => uid !== owner.metadata.uid);
  const patch = { metadata: { uid: pod.metadata.uid, resourceVersion: pod.metadata.resourceVersion, ownerReferences: ours ? [...others, controllerReference(owner)] : others.length > 0 ? others : null } };
  try {
    await client.patch(pods, { name: pod.metadata.name, namespace: pod.metadata.namespace }, 'merge', patch);
  } catch (error) {
    if (!isStatusError(error, 'NotFound')) throw error;
  }
}

/** Runs 1, 2, 4, … at a time and stops at the first batch with a failure: a quota that refuses one pod is not asked five hundred times. */
export async function inGrowingBatches(count: number, run: (at: number) => Promise<void>, first = 1): Promise<Error | undefined> {
  for (let at = 0, size = first; at < count; at += size, size *= 2) {
    const results = await Promise.allSettled(Array.from({ length: Math.min(size, count - at) }, (_, index) => run(at + index)));
    const failed = results.find((result) => result.status === 'rejected');
    if (failed) return failed.reason instanceof Error ? failed.reason : new Error(String(failed.reason));
  }
  return undefined;
}
