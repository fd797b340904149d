import * as vscode from 'vscode';
import { clusterKey, type ClusterChoice } from '../../connections/cluster.ts';
import { userKubeconfig } from '../../connections/open-connection.ts';
import type { Session } from '../../connections/session.ts';
import { whyUnreachable } from '../../failure-text.ts';
import { Advice, Cancelled, patiently, type Command } from '../command.ts';
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
    await vscode.commands.executeCommand('slipway.projects.focus');
    if (choice.type === 'embedded' && !(await platform.find())) return startEmbedded(context);
    return connect(session, () => session.connect());
  },
};

/** Credentials and addresses are read again, and the server is asked once more. */
export const reconnectCommand: Command = {
  id: 'slipway.cluster.reconnect',
  run: ({ session }) => connect(session, () => session.reconnect()),
};

/** A program of the kubeconfig logs in by itself when it is asked again; else the line that logs in is put into a terminal. */
export const loginCommand: Command = {
  id: 'slipway.cluster.login',
  async run({ session }) {
    const { choice } = session;
    const context = choice.type === 'context' ? (await userKubeconfig()).contexts.find(({ name }) => name === choice.name) : undefined;
    if (!context || context.user.exec) return connect(session, () => session.reconnect());
    const terminal = vscode.window.createTerminal({ name: vscode.l10n.t('Log in to "{0}"', context.name) });
    terminal.show();
    terminal.sendText(`oc login ${context.cluster.server}`, false);
    const again = vscode.l10n.t('Connect Again');
    const answer = await vscode.window.showInformationMessage(vscode.l10n.t('Log in to "{0}" with its own tool, then connect again.', context.name), again);
    return answer === again ? connect(session, () => session.reconnect()) : undefined;
  },
};

async function connect(session: Session, attempt: () => Promise<unknown>): Promise<void> {
  await patiently(vscode.l10n.t('Connecting to "{0}"', session.cluster), attempt);
  if (!session.failure) return;
  throw new Advice(vscode.l10n.t('Cluster "{0}" cannot be reached: {1}', session.cluster, whyUnreachable(session.failure)), [
    { title: vscode.l10n.t('Switch Cluster…'), run: () => vscode.commands.executeCommand('slipway.cluster.switch') },
  ]);
}

async function pick(current: string): Promise<ClusterChoice> {
  const config = await userKubeconfig();
  const mark = (choice: ClusterChoice) => (clusterKey(choice) === current ? vscode.l10n.t('current') : '');
  const separator = { label: vscode.l10n.t('Clusters of the kubeconfig'), kind: vscode.QuickPickItemKind.Separator, choice: { type: 'embedded' } } satisfies Item;
  const items: Item[] = [
    { label: '$(rocket) Slipway', description: mark({ type: 'embedded' }), detail: vscode.l10n.t('The platform of this machine'), choice: { type: 'embedded' } },
    separator,
    ...config.contexts.map((one): Item => ({ label: `$(${one.problem ? 'warning' : 'server-environment'}) ${one.name}`, description: mark({ type: 'context', name: one.name }), detail: one.problem ?? one.cluster.server, choice: { type: 'context', name: one.name } })),
  ];
  for (const problem of config.problems) void vscode.window.showWarningMessage(problem);
  const picked = await vscode.window.showQuickPick(items, { title: vscode.l10n.t('Choose a cluster'), matchOnDetail: true });
  if (!picked) throw new Cancelled();
  return picked.choice;
}

function isChoice(target: unknown): target is ClusterChoice {
  return typeof target === 'object' && target !== null && 'type' in target && (target.type === 'embedded' || target.type === 'context');
}
