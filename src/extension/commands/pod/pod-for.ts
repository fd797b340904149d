import * as vscode from 'vscode';
import { pods, type Pod } from '../../../api/kinds/core.ts';
import { isPodReady } from '../../../api/pod.ts';
import type { Session } from '../../connections/session.ts';
import { isApplicationNode } from '../../explorer/application-nodes.ts';
import { newestFirst, selects, type Workload } from '../../explorer/project-content.ts';
import { runningPodChoice, workloadChoices } from '../choices.ts';
import { isNode, objectFor } from '../target.ts';

/** The pod of the row; of a workload or an application the newest that is ready; else one that is chosen. */
export async function podFor(session: Session, target: unknown): Promise<Pod> {
  if (isNode(target) && isApplicationNode(target)) return newest(target.application.workloads.flatMap((one) => one.pods), target.label);
  if (!isNode(target) || !target.object || !workloadChoices().some(({ resource }) => resource.plural === target.resource?.plural)) return objectFor(session, target, runningPodChoice());
  const workload = target.object as Workload;
  const { items } = await session.client.list(pods, { namespace: workload.metadata.namespace });
  return newest(items.filter((pod) => selects(workload, pod)), workload.metadata.name);
}

function newest(found: readonly Pod[], name: string): Pod {
  const running = found.filter((pod) => pod.status?.phase === 'Running' && !pod.metadata.deletionTimestamp).sort((a, b) => Number(isPodReady(b)) - Number(isPodReady(a)) || newestFirst(a, b));
  const [first] = running;
  if (!first) throw new Error(vscode.l10n.t('"{0}" has no pod that runs.', name));
  return first;
}
