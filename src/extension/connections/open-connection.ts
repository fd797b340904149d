import path from 'node:path';
import * as vscode from 'vscode';
import { namespaces } from '../../api/kinds/core.ts';
import { isStatusError } from '../../api/status.ts';
import type { RouterPorts } from '../../client/apps/route-url.ts';
import type { Client } from '../../client/client.ts';
import type { Connection } from '../../client/connection.ts';
import type { Kubeconfig, KubeconfigContext } from '../../client/kubeconfig.ts';
import { homeLayout } from '../../protocol/home.ts';
import type { Platform } from '../daemon/platform.ts';
import type { ClusterChoice } from './cluster.ts';

export interface Opened {
  connection: Connection;
  project: string;
  routerPorts: RouterPorts;
  /** Names of the API groups served; `undefined` if this user may not ask. */
  groups: ReadonlySet<string> | undefined;
}

/** A cluster that has not answered after this long is told as unreachable; the connection is tried again when the user asks for it. */
const patienceMs = 10_000;

/** `undefined` if the embedded platform is chosen and does not run: nothing is started here. `remembered`: the project shown last, if it is still there. */
export async function openConnection(choice: ClusterChoice, platform: Platform, remembered: string | undefined): Promise<Opened | undefined> {
  if (choice.type === 'embedded' && !(await platform.find())) return undefined;
  const context = await contextOf(choice, platform);
  const { connect } = await import('../../client/connection.ts');
  const connection = await connect(context);
  try {
    return await inTime(context.cluster.server, describe(connection, context.namespace ?? 'default', remembered));
  } catch (error) {
    void connection.dispose();
    throw error;
  }
}

async function describe(connection: Connection, usual: string, remembered: string | undefined): Promise<Opened> {
  const { client } = connection;
  const { routerPorts } = await import('../../client/apps/route-url.ts');
  // The first answer shows whether the cluster is there and knows this user.
  const groups = await groupsOf(client);
  const [ports, project] = await Promise.all([routerPorts(client), remembered && remembered !== usual && (await exists(client, remembered)) ? remembered : usual]);
  return { connection, project, routerPorts: ports, groups };
}

async function groupsOf(client: Client): Promise<ReadonlySet<string> | undefined> {
  try {
    const { groups = [] } = ((await client.raw('GET', '/apis')) ?? {}) as { groups?: { name: string }[] };
    return new Set(groups.map(({ name }) => name));
  } catch (error) {
    if (isStatusError(error, 'Forbidden')) return undefined;
    throw error;
  }
}

async function exists(client: Client, name: string): Promise<boolean> {
  try {
    await client.get(namespaces, { name });
    return true;
  } catch (error) {
    // Who may not look at it may still work in it.
    return isStatusError(error, 'Forbidden');
  }
}

async function contextOf(choice: ClusterChoice, platform: Platform): Promise<KubeconfigContext> {
  const { loadKubeconfig } = await import('../../client/kubeconfig.ts');
  const config = choice.type === 'embedded' ? await loadKubeconfig([path.join(await platform.home(), homeLayout.kubeconfig)]) : await userKubeconfig();
  const context = choice.type === 'embedded' ? config.contexts[0] : config.contexts.find((one) => one.name === choice.name);
  if (!context) throw new Error(vscode.l10n.t('The kubeconfig has no context "{0}". Choose another cluster.', choice.type === 'context' ? choice.name : 'slipway'));
  return context;
}

/** The kubeconfig of the user: the setting, else `KUBECONFIG`, else `~/.kube/config`. */
export async function userKubeconfig(): Promise<Kubeconfig> {
  const { loadKubeconfig } = await import('../../client/kubeconfig.ts');
  const asked = vscode.workspace.getConfiguration('slipway').get<string>('kubeconfig');
  return loadKubeconfig(asked ? [asked] : undefined);
}

async function inTime<T>(server: string, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(vscode.l10n.t('{0} did not answer within {1} seconds.', server, patienceMs / 1000))), patienceMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
