/** Which credentials a pod has for a registry. */
import type { Pod, Secret } from '../../api/kinds/core.ts';
import type { ImageAuth } from '../runtime/runtime.ts';

/** The platform's own registry, where a pod is its service account. */
const internalRegistry = 'docker-registry.default.svc:5000';

export interface CredentialSources {
  secret(name: string): Promise<Secret | undefined>;
  token(): Promise<string>;
}

export async function credentialsFor(pod: Pod, image: string, sources: CredentialSources): Promise<ImageAuth | undefined> {
  const host = registryOf(image);
  for (const { name } of pod.spec.imagePullSecrets ?? []) {
    const secret = name ? await sources.secret(name) : undefined;
    const auth = secret && authIn(secret, host, image);
    if (auth) return auth;
  }
  return host === internalRegistry ? { username: 'serviceaccount', password: await sources.token() } : undefined;
}

/** The registry part of a reference; names without one are Docker Hub's. */
function registryOf(image: string): string {
  const [first = ''] = image.split('/');
  return image.includes('/') && (/[.:]/.test(first) || first === 'localhost') ? first : 'docker.io';
}

type AuthEntry = { auth?: string; username?: string; password?: string };

/** `.dockerconfigjson` or the older `.dockercfg`; the longest matching path wins. */
function authIn(secret: Secret, host: string, image: string): ImageAuth | undefined {
  const text = secret.data?.['.dockerconfigjson'] ?? secret.data?.['.dockercfg'];
  if (!text) return undefined;
  let entries: Record<string, AuthEntry>;
  try {
    const parsed = JSON.parse(Buffer.from(text, 'base64').toString()) as { auths?: Record<string, AuthEntry> } & Record<string, AuthEntry>;
    entries = secret.data?.['.dockerconfigjson'] ? (parsed.auths ?? {}) : parsed;
  } catch {
    return undefined;
  }
  const candidates = Object.entries(entries)
    .map(([key, entry]) => ({ key: key.replace(/^https?:\/\//, '').replace(/\/(v[12]\/?)?$/, ''), entry }))
    .filter(({ key }) => matches(key, host, image))
    .sort((a, b) => b.key.length - a.key.length);
  const entry = candidates[0]?.entry;
  if (!entry) return undefined;
  if (entry.username !== undefined && entry.password !== undefined) return { username: entry.username, password: entry.password };
  const decoded = Buffer.from(entry.auth ?? '', 'base64').toString();
  const colon = decoded.indexOf(':');
  return colon < 0 ? undefined : { username: decoded.slice(0, colon), password: decoded.slice(colon + 1) };
}

function matches(key: string, host: string, image: string): boolean {
  if (host === 'docker.io' && /^(index\.)?docker\.io$/.test(key)) return true;
  if (key.startsWith('*.')) return host.endsWith(key.slice(1));
  return key === host || image.startsWith(`${key}/`);
}
