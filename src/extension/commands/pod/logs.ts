import * as vscode from 'vscode';
import { pods, type Pod } from '../../../api/kinds/core.ts';
import type { KubeObject } from '../../../api/meta.ts';
import type { Session } from '../../connections/session.ts';
import { isApplicationNode } from '../../explorer/application-nodes.ts';
import { selectorOf, selects, type Workload } from '../../explorer/project-content.ts';
import { podChoice } from '../choices.ts';
import type { Command } from '../command.ts';
import { isNode, objectFor, selectedObjects } from '../target.ts';

/** Streams the log of one pod, of all selected ones side by side, or of every pod of a deployment or application. */
export const podLogsCommand: Command = {
  id: 'slipway.pod.logs',
  async run({ session, logs }, target, selected) {
    if (isNode(target) && isApplicationNode(target)) {
      const { workloads, pods: loose } = target.application;
      return logs.show(someOf([...workloads.flatMap((one) => one.pods), ...loose], target.label));
    }
    const chosen = selectedObjects(target, selected);
    const [first] = chosen;
    if (first && first.of.plural !== pods.plural) return logs.show(someOf(await podsOf(session, first.object), first.object.metadata.name));
    const several = chosen.filter(({ of }) => of.plural === pods.plural).map(({ object }) => object as Pod);
    return logs.show(several.length > 1 ? several : [await objectFor(session, target, podChoice())], isNode(target) ? target.container : undefined);
  },
};

async function podsOf(session: Session, workload: KubeObject): Promise<Pod[]> {
  const selector = selectorOf(workload as Workload);
  const { items } = await session.client.list(pods, { namespace: workload.metadata.namespace, labelSelector: Object.entries(selector).map(([key, value]) => `${key}=${value}`).join(',') });
  return items.filter((pod) => selects(workload as Workload, pod));
}

function someOf(found: readonly Pod[], name: string): readonly Pod[] {
  if (found.length === 0) throw new Error(vscode.l10n.t('"{0}" has no pods now, so it has no log.', name));
  return found;
}
