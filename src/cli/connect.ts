import { access } from 'node:fs/promises';
import path from 'node:path';
import { connect, type Connection } from '../client/connection.ts';
import { loadKubeconfig } from '../client/kubeconfig.ts';
import { homeLayout } from '../protocol/home.ts';
import { UserError } from './failure.ts';

/** The platform of `home`, through the same kubeconfig that kubectl uses. */
export async function connectHome(home: string): Promise<Connection & { project: string }> {
  const file = path.join(home, homeLayout.kubeconfig);
  if (!(await access(file).then(() => true, () => false))) throw new UserError(`No platform was ever started on "${home}". Start it with "slipway up".`);
  const config = await loadKubeconfig([file]);
  const context = config.contexts.find((one) => one.name === config.currentContext) ?? config.contexts[0];
  if (!context) throw new UserError(`"${file}" names no context. Start the platform again with "slipway up"; it writes the file anew.`);
  const connection = await connect(context);
  return Object.assign(connection, { project: context.namespace ?? 'default' });
}
