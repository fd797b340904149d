import * as vscode from 'vscode';
import type { ClusterChoice } from '../../connections/cluster.ts';
import { userKubeconfig } from '../../connections/open-connection.ts';
import { Cancelled, type Command } from '../command.ts';
import { startEmbedded } from './start.ts';

interface Item extends vscode.QuickPickItem {
  choice: ClusterChoice;
}

/** Clusters are listed from the kubeconfig; none is contacted until it is chosen. */
export const switchClusterCommand: Command = {
  id: 'slipway.cluster.switch',
  async run(context, target) {
    const { session, platform } = context;
    const choice = isChoice(target) ? target : await pick(session.cluster);
    await session.switchCluster(choice);
    if (choice.type === 'embedded' && !(await platform.find())) await startEmbedded(context);
    else await session.connect();
    if (session.failure) throw new Error(vscode.l10n.t('Cluster "{0}" cannot be reached: {1}', session.cluster, session.failure.message));
  },
};

async function pick(current: string): Promise<ClusterChoice> {
  const config = await userKubeconfig().catch(() => undefined);
  const mark = (name: string) => (name === current ? vscode.l10n.t('current') : '');
  const items: Item[] = [
    { label: '$(rocket) Slipway', description: mark('slipway'), detail: vscode.l10n.t('The platform of this machine'), choice: { type: 'embedded' } },
    ...(config?.contexts ?? []).map((one): Item => ({ label: `$(server-environment) ${one.name}`, description: mark(one.name), detail: one.problem ?? one.cluster.server, choice: { type: 'context', name: one.name } })),
  ];
  const picked = await vscode.window.showQuickPick(items, { title: vscode.l10n.t('Choose a cluster'), matchOnDetail: true });
  if (!picked) throw new Cancelled();
  return picked.choice;
}

function isChoice(target: unknown): target is ClusterChoice {
  return typeof target === 'object' && target !== null && 'type' in target && (target.type === 'embedded' || target.type === 'context');
}
