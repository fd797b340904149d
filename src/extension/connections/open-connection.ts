import path from 'node:path';
import * as vscode from 'vscode';
import { routerPorts, type RouterPorts } from '../../client/apps/route-url.ts';
import { connect, type Connection } from '../../client/connection.ts';
import { loadKubeconfig, type Kubeconfig } from '../../client/kubeconfig.ts';
import { homeLayout } from '../../protocol/home.ts';
import type { Platform } from '../daemon/platform.ts';
import type { ClusterChoice } from './cluster.ts';

export interface Opened {
  connection: Connection;
  project: string;
  routerPorts: RouterPorts;
}

/** `undefined` if the embedded platform is chosen and does not run: nothing is started here. */
export async function openConnection(choice: ClusterChoice, platform: Platform): Promise<Opened | undefined> {
  if (choice.type === 'embedded' && !(await platform.find())) return undefined;
  const config = choice.type === 'embedded' ? await loadKubeconfig([path.join(await platform.home(), homeLayout.kubeconfig)]) : await userKubeconfig();
  const context = choice.type === 'embedded' ? config.contexts[0] : config.contexts.find((one) => one.name === choice.name);
  if (!context) throw new Error(vscode.l10n.t('The kubeconfig has no context "{0}". Choose another cluster.', choice.type === 'context' ? choice.name : 'slipway'));
  const connection = await connect(context);
  return { connection, project: context.namespace ?? 'default', routerPorts: await routerPorts(connection.client) };
}

/** The kubeconfig of the user: the setting, else `KUBECONFIG`, else `~/.kube/config`. */
export async function userKubeconfig(): Promise<Kubeconfig> {
  const asked = vscode.workspace.getConfiguration('slipway').get<string>('kubeconfig');
  return loadKubeconfig(asked ? [asked] : undefined);
}
