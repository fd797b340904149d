/** Credentials and challenges: RFC 9110 `WWW-Authenticate`, the token flow of the distribution project, Docker's config files. */
import type { ImageReference } from './reference.ts';

export interface RegistryCredentials {
  username: string;
  password: string;
}

export interface Challenge {
  /** Lower case. */
  scheme: string;
  parameters: Record<string, string>;
}

/** All challenges of one or more `WWW-Authenticate` headers. */
export function parseChallenges(header: string): Challenge[] {
  const challenges: Challenge[] = [];
  const token = /\s*(?:,\s*)*(?:([A-Za-z0-9!#$%&'*+.^_`|~-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))|([A-Za-z0-9!#$%&'*+.^_`|~-]+)(?=\s|,|$))/gy;
  for (let match = token.exec(header); match; match = token.exec(header)) {
    const [, name, quoted, plain, scheme] = match;
    if (scheme !== undefined) challenges.push({ scheme: scheme.toLowerCase(), parameters: {} });
    else if (name !== undefined) {
      const last = challenges.at(-1);
      if (last) last.parameters[name.toLowerCase()] = quoted?.replace(/\\(.)/g, '$1') ?? plain ?? '';
    }
  }
  return challenges;
}

export function basicAuthorization({ username, password }: RegistryCredentials): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

/** Characters of a key: more than any host and repository have. */
const longestKey = 1024;

interface DockerConfig {
  auths?: Record<string, { auth?: string; username?: string; password?: string; identitytoken?: string; registrytoken?: string } | undefined>;
}

/** Thrown for a document that is no Docker configuration. */
class InvalidDockerConfig extends Error {
  constructor(why: string) {
    super(`the registry credentials cannot be read: ${why}; make the secret again (kubectl create secret docker-registry)`);
    this.name = 'InvalidDockerConfig';
  }
}

/**
 * The credentials that `.dockerconfigjson` (or the older `.dockercfg`, which is the inner map alone) holds for an image: the longest
 * entry that names its host, or its host and the start of its path. Hosts may have `*` for one label, as the kubelet reads them.
 */
export function credentialsFor(reference: Pick<ImageReference, 'host' | 'path'>, dockerConfigJson: string): RegistryCredentials | undefined {
  let document: DockerConfig;
  try {
    document = JSON.parse(dockerConfigJson) as DockerConfig;
  } catch {
    throw new InvalidDockerConfig('it is not JSON');
  }
  if (typeof document !== 'object' || document === null) throw new InvalidDockerConfig('it is not a JSON object');
  const auths = document.auths ?? (document as NonNullable<DockerConfig['auths']>);
  const wanted = `${reference.host}/${reference.path}`;
  const fitting = Object.entries(auths)
    .filter(([key]) => key.length <= longestKey)
    .map(([key, entry]) => ({ entry, key: canonical(key) }))
    .filter(({ key }) => matches(key, wanted))
    .sort((a, b) => b.key.length - a.key.length);
  for (const { entry } of fitting) {
    const found = entry && decode(entry);
    if (found) return found;
  }
  return undefined;
}

/** `https://index.docker.io/v1/` and other historical spellings, as `host[/path]`. */
function canonical(key: string): string {
  const plain = key.replace(/^https?:\/\//, '').replace(/\/v[12]\/?$/, '').replace(/\/+$/, '');
  return plain.replace(/^(?:index|registry-1)\.docker\.io(?=\/|$)/, 'docker.io');
}

function matches(key: string, wanted: string): boolean {
  const [host = '', ...path] = key.split('/');
  const [wantedHost = '', ...wantedPath] = wanted.split('/');
  const labels = host.split('.');
  const wantedLabels = wantedHost.split('.');
  const sameHost = labels.length === wantedLabels.length && labels.every((label, index) => fits(label, wantedLabels[index] ?? ''));
  return sameHost && path.every((part, index) => part === wantedPath[index]);
}

/** `*` stands for any characters. Each piece is taken where it first fits, so that no pattern, however it is written, takes long. */
function fits(pattern: string, text: string): boolean {
  const [first = '', ...rest] = pattern.split('*');
  const last = rest.pop();
  if (last === undefined) return text === first;
  if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last)) return false;
  const middle = text.slice(first.length, text.length - last.length);
  let at = 0;
  for (const piece of rest) {
    const found = middle.indexOf(piece, at);
    if (found < 0) return false;
    at = found + piece.length;
  }
  return true;
}

function decode(entry: { auth?: string; username?: string; password?: string }): RegistryCredentials | undefined {
  if (entry.username !== undefined && entry.password !== undefined) return { username: entry.username, password: entry.password };
  if (!entry.auth) return undefined;
  const text = Buffer.from(entry.auth, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  if (colon < 0) throw new InvalidDockerConfig('"auth" is not base64 of "user:password"');
  return { username: text.slice(0, colon), password: text.slice(colon + 1).replace(/\0+$/, '') };
}
