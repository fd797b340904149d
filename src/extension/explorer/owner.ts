/** Which workload keeps a pod running. */
import { daemonSets, deployments, statefulSets } from '../../api/kinds/apps.ts';
import { deploymentConfigs } from '../../api/kinds/deployment-config.ts';
import type { Pod } from '../../api/kinds/core.ts';
import type { Resource } from '../../api/resource.ts';
import type { Session } from '../connections/session.ts';
import { selects, type Workload } from './project-content.ts';

export interface Owner {
  of: Resource;
  workload: Workload;
}

export async function ownerOf(session: Pick<Session, 'client' | 'serves'>, pod: Pod): Promise<Owner | undefined> {
  if (!pod.metadata.ownerReferences?.length) return undefined;
  for (const of of [deploymentConfigs, deployments, statefulSets, daemonSets] as unknown as Resource[]) {
    if (!session.serves(of)) continue;
    const { items } = await session.client.list(of, { namespace: pod.metadata.namespace });
    const workload = (items as unknown as Workload[]).find((one) => selects(one, pod));
    if (workload) return { of, workload };
  }
  return undefined;
}
