/** The API as a pod sees it: address from the environment, identity from the mounted service account. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { transport, type Transport } from '../../../client/transport.ts';

const accountFolder = '/var/run/secrets/kubernetes.io/serviceaccount';

/** Where the runtime cannot mount, `SLIPWAY_MOUNTS` is put before all mount paths; `SLIPWAY_SERVICE_ACCOUNT` names the folder itself. */
export async function inClusterTransport(environment: NodeJS.ProcessEnv): Promise<Transport> {
  const host = environment.KUBERNETES_SERVICE_HOST;
  const port = environment.KUBERNETES_SERVICE_PORT;
  if (!host || !port) throw new Error('unable to load in-cluster configuration: KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT must be defined');
  const folder = environment.SLIPWAY_SERVICE_ACCOUNT ?? path.join(environment.SLIPWAY_MOUNTS ?? '/', accountFolder);
  const [token, ca] = await Promise.all(['token', 'ca.crt'].map((name) => readFile(path.join(folder, name), 'utf8')));
  return transport({ server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`, token: token?.trim(), ca, userAgent: 'slipway-deployer' });
}
