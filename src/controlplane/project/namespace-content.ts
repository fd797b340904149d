/** Carries out what namespace-content-plan.ts says for one project. */
import { configMaps, secrets, serviceAccounts, type ConfigMap, type Secret, type ServiceAccount } from '../../api/kinds/core.ts';
import { roleBindings } from '../../api/kinds/rbac.ts';
import { copyJson } from '../../api/json.ts';
import { isStatusError } from '../../api/status.ts';
import type { Client } from '../../client/client.ts';
import { planContent, pullSecretType, registryAddresses, rootCaName, type ContentAction, type NamespaceContent } from './namespace-content-plan.ts';
import { serviceAccountNameAnnotation, serviceAccountUidAnnotation } from './secret.ts';
import type { TokenAuthority } from './token/token-authority.ts';

export interface ContentTools {
  client: Client;
  tokens: TokenAuthority;
  /** PEM. */
  caCertificate: string;
}

/** An account, then its credentials, then the link between them; what is left after that comes from others and calls again. */
const passes = 4;
/** Namespaces worked on: whoever comes second waits, or both would make credentials. */
const running = new Map<string, Promise<void>>();

/** Resolves when the namespace holds all it must. */
export async function ensureContent(tools: ContentTools, namespace: string): Promise<void> {
  const before = running.get(namespace) ?? Promise.resolve();
  const work = before.catch(() => undefined).then(() => bringAbout(tools, namespace));
  running.set(namespace, work);
  try {
    await work;
  } finally {
    if (running.get(namespace) === work) running.delete(namespace);
  }
}

async function bringAbout(tools: ContentTools, namespace: string): Promise<void> {
  for (let pass = 0; pass < passes; pass += 1) {
    const actions = planContent(namespace, await contentOf(tools.client, namespace), tools.caCertificate);
    if (actions.length === 0) return;
    await Promise.all(actions.map((action) => act(tools, namespace, action)));
  }
}

async function contentOf(client: Client, namespace: string): Promise<NamespaceContent> {
  const [accounts, kept, bindings, rootCa] = await Promise.all([
    client.list(serviceAccounts, { namespace }), client.list(secrets, { namespace }), client.list(roleBindings, { namespace }),
    client.get(configMaps, { namespace, name: rootCaName }).catch((error: unknown) => {
      if (isStatusError(error, 'NotFound')) return undefined;
      throw error;
    }),
  ]);
  return { accounts: accounts.items, secrets: kept.items, bindings: bindings.items, rootCa };
}

async function act(tools: ContentTools, namespace: string, action: ContentAction): Promise<void> {
  const { client } = tools;
  switch (action.type) {
    case 'create-account':
      return ignoring(['AlreadyExists'], client.create(serviceAccounts, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: action.name, namespace } }));
    case 'create-binding':
      return ignoring(['AlreadyExists'], client.create(roleBindings, action.binding));
    case 'write-root-ca':
      return writeRootCa(tools, namespace, action.existing);
    case 'create-pull-secret':
      return createPullSecret(tools, namespace, action.account);
    case 'link-pull-secret':
      return ignoring(['Conflict', 'NotFound'], client.update(serviceAccounts, { ...copyJson(action.account), secrets: action.secrets, imagePullSecrets: action.imagePullSecrets } as ServiceAccount));
    case 'fill-token':
      return fillToken(tools, namespace, action.account, action.secret);
    case 'delete-secret':
      return ignoring(['NotFound'], client.delete(secrets, { namespace, name: action.secret.metadata.name }));
  }
}

async function writeRootCa({ client, caCertificate }: ContentTools, namespace: string, existing: ConfigMap | undefined): Promise<void> {
  const data = { 'ca.crt': caCertificate };
  if (existing) return ignoring(['Conflict', 'NotFound'], client.update(configMaps, { ...copyJson(existing), data } as ConfigMap));
  const annotations = { 'kubernetes.io/description': 'Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc.' };
  const map: ConfigMap = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: rootCaName, namespace, annotations }, data };
  return ignoring(['AlreadyExists'], client.create(configMaps, map));
}

const suffixLetters = 'bcdfghjklmnpqrstvwxz2456789';

/** The name is chosen here, not by the server: the token inside is bound to it. */
async function createPullSecret({ client, tokens }: ContentTools, namespace: string, { metadata }: ServiceAccount): Promise<void> {
  const suffix = Array.from(crypto.getRandomValues(new Uint8Array(5)), (byte) => suffixLetters[byte % suffixLetters.length]).join('');
  const name = `${metadata.name.slice(0, 240)}-dockercfg-${suffix}`;
  const uid = metadata.uid ?? '';
  const { token } = await tokens.issue({ namespace, account: { name: metadata.name, uid }, boundTo: { secret: { name } } });
  const login = { username: 'serviceaccount', password: token, email: 'serviceaccount@example.org', auth: Buffer.from(`serviceaccount:${token}`).toString('base64') };
  const document = JSON.stringify(Object.fromEntries(registryAddresses.map((address) => [address, login])));
  const secret: Secret = {
    apiVersion: 'v1', kind: 'Secret', type: pullSecretType,
    metadata: {
      name, namespace, annotations: { [serviceAccountNameAnnotation]: metadata.name, [serviceAccountUidAnnotation]: uid },
      ownerReferences: [{ apiVersion: 'v1', kind: 'ServiceAccount', name: metadata.name, uid, blockOwnerDeletion: false, controller: true }],
    },
    data: { '.dockercfg': Buffer.from(document).toString('base64') },
  };
  await ignoring(['AlreadyExists'], client.create(secrets, secret));
}

async function fillToken({ client, tokens, caCertificate }: ContentTools, namespace: string, { metadata }: ServiceAccount, secret: Secret): Promise<void> {
  const { name, uid } = secret.metadata;
  const account = { name: metadata.name, uid: metadata.uid ?? '' };
  const { token } = await tokens.issue({ namespace, account, boundTo: { secret: { name, ...(uid && { uid }) } } });
  const encode = (text: string) => Buffer.from(text).toString('base64');
  const filled = copyJson(secret) as Secret;
  filled.data = { ...filled.data, token: encode(token), namespace: encode(namespace), 'ca.crt': encode(caCertificate) };
  filled.metadata.annotations = { ...filled.metadata.annotations, [serviceAccountUidAnnotation]: account.uid };
  await ignoring(['Conflict', 'NotFound'], client.update(secrets, filled));
}

/** Others may have been first; the next pass sees what they did. */
async function ignoring(reasons: string[], work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!isStatusError(error, ...reasons)) throw error;
  }
}
