import type { KubeObject } from '../../api/meta.ts';
import type { Resource } from '../../api/resource.ts';
import type { Client } from '../client.ts';

/** Asks for `replicas` pods through the `scale` subresource, which every kind with replicas has. Resolves to the number before. */
export async function scale(client: Client, { of, namespace, name }: { of: Resource; namespace: string; name: string }, replicas: number): Promise<number> {
  const at = { namespace, name, subresource: 'scale' };
  const before = (await client.get(of, at)) as KubeObject & { spec?: { replicas?: number } };
  await client.patch(of, at, 'merge', { spec: { replicas } });
  return before.spec?.replicas ?? 0;
}
