import { access } from 'node:fs/promises';
import path from 'node:path';
import { connect, type Connection } from '../client/connection.ts';
import { loadKubeconfig } from '../client/kubeconfig.ts';
import { homeLayout } from '../protocol/home.ts';
import type { Arguments } from './arguments.ts';
import { UserError } from './failure.ts';

export interface HomeConnection {
  connection: Connection;
  /** `-n`, else the context's own, else `default`. */
  namespace: string;
  /** PEM of the platform's own authority. */
  authority: string | undefined;
}

/** The platform of `--home`, through the same kubeconfig that kubectl uses. */
export async function connectHome(given: Arguments): Promise<HomeConnection> {
  const file = path.join(given.home, homeLayout.kubeconfig);
  if (!(await access(file).then(() => true, () => false))) throw new UserError(`No platform was ever started on "${given.home}". Start it with "slipway up".`);
  const config = await loadKubeconfig([file]);
  const context = config.contexts.find((one) => one.name === config.currentContext) ?? config.contexts[0];
  if (!context) throw new UserError(`"${file}" names no context. Start the platform again with "slipway up"; it writes the file anew.`);
  return { connection: await connect(context), namespace: given.namespace ?? context.namespace ?? 'default', authority: context.cluster.ca };
}
