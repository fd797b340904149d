/** The registries a build talks to, with the credentials it was given for each. */
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { registryHost } from '../../../../api/kinds/image.ts';
import type { ImageReference } from '../../../../oci/reference.ts';
import { credentialsFor, type RegistryCredentials } from '../../../../oci/registry-auth.ts';
import { registryClientFor, type RegistryClient } from '../../../../oci/registry-client.ts';
import { dialThroughProxy, type Dial } from '../../../../oci/registry-connection.ts';
import type { BuildSettings } from './settings.ts';

/** Times to try the internal registry: it is away while the node's agent or the control plane starts anew. As many as OpenShift's builder takes (`DefaultPushOrPullRetryCount`). */
const internalAttempts = 6;

/** `secret`: folder of the pull or push secret. The internal registry takes the service account's token. */
export async function openRegistry(settings: BuildSettings, reference: ImageReference, secret: string | undefined): Promise<RegistryClient> {
  const internal = reference.host === registryHost;
  const given = await credentialsIn(secret, reference);
  const auth = given ?? (internal ? await serviceAccountCredentials(settings) : undefined);
  const ca = internal ? await readFile(join(settings.serviceAccount, 'ca.crt'), 'utf8').catch(() => undefined) : undefined;
  const dial = internal ? addressDial(settings.registryAddress) : proxyDial(process.env);
  return registryClientFor(reference, { ...(auth && { auth }), ...(ca && { ca }), ...(dial && { dial }), ...(internal && { attempts: internalAttempts }) });
}

async function credentialsIn(folder: string | undefined, reference: ImageReference): Promise<RegistryCredentials | undefined> {
  if (folder === undefined) return undefined;
  for (const key of ['.dockerconfigjson', '.dockercfg', 'config.json']) {
    const text = await readFile(join(folder, key), 'utf8').catch(() => undefined);
    const found = text === undefined ? undefined : credentialsFor(reference, text);
    if (found) return found;
  }
  return undefined;
}

async function serviceAccountCredentials(settings: BuildSettings): Promise<RegistryCredentials | undefined> {
  const token = await readFile(join(settings.serviceAccount, 'token'), 'utf8').catch(() => undefined);
  return token === undefined ? undefined : { username: 'serviceaccount', password: token.trim() };
}

/** `host:port` or the path of a unix socket; TLS still checks the registry's own name. */
function addressDial(address: string | undefined): Dial | undefined {
  if (address === undefined) return undefined;
  const [, host = '', port = ''] = /^(.*):(\d+)$/.exec(address) ?? [];
  return () =>
    new Promise((resolve, reject) => {
      const socket = address.startsWith('/') ? connect(address) : connect(Number(port), host);
      socket.once('error', reject).once('connect', () => resolve(socket.off('error', reject)));
    });
}

/** Registries outside are reached the way everything outside is: through the proxy of the environment, if there is one. */
function proxyDial(env: NodeJS.ProcessEnv): Dial | undefined {
  const proxy = env.HTTPS_PROXY ?? env.https_proxy;
  if (!proxy) return undefined;
  const { hostname, port, username, password } = new URL(proxy);
  const authorization = username ? `Basic ${Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`).toString('base64')}` : undefined;
  return dialThroughProxy({ host: hostname, port: Number(port || 80), ...(authorization && { authorization }) });
}
