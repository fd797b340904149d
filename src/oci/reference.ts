/** Image references, by the grammar of github.com/distribution/reference: `[host[:port]/]path[:tag][@digest]`. */
import { registryHost } from '../api/kinds/image.ts';
import { isDigest } from './digest.ts';

export interface ImageReference {
  /** `docker.io` when the text names none. */
  host: string;
  /** Repository path, with `library/` filled in for official images of docker.io. */
  path: string;
  tag?: string;
  digest?: string;
}

const component = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
const pathRule = new RegExp(`^${component}(?:/${component})*$`);
const tagRule = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;
const hostRule = /^(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*|\[[0-9a-fA-F:]+\])(?::[0-9]{1,5})?$/;

/** A tag by the distribution specification's grammar. */
export function isTag(text: string): boolean {
  return tagRule.test(text);
}

/** A repository path by the distribution specification's grammar; at most 255 characters with its host. */
export function isRepositoryPath(text: string): boolean {
  return text.length <= 255 && pathRule.test(text);
}

export class InvalidReference extends Error {
  constructor(text: string, why: string) {
    super(`invalid image reference "${text}": ${why}`);
    this.name = 'InvalidReference';
  }
}

export function parseReference(text: string): ImageReference {
  let rest = text;
  let digest: string | undefined;
  let tag: string | undefined;
  const at = rest.indexOf('@');
  if (at >= 0) {
    digest = rest.slice(at + 1);
    rest = rest.slice(0, at);
    if (!isDigest(digest)) throw new InvalidReference(text, `"${digest}" is not a sha256 or sha512 digest`);
  }
  const colon = rest.lastIndexOf(':');
  if (colon > rest.lastIndexOf('/')) {
    tag = rest.slice(colon + 1);
    rest = rest.slice(0, colon);
    if (!isTag(tag)) throw new InvalidReference(text, `"${tag}" is not a tag`);
  }
  const slash = rest.indexOf('/');
  const first = slash < 0 ? '' : rest.slice(0, slash);
  const hasHost = first !== '' && (/[.:]/.test(first) || first === 'localhost' || first !== first.toLowerCase());
  let host = hasHost ? first : 'docker.io';
  let path = hasHost ? rest.slice(slash + 1) : rest;
  if (host === 'index.docker.io' || host === 'registry-1.docker.io') host = 'docker.io';
  if (!hostRule.test(host)) throw new InvalidReference(text, `"${host}" is not a host name`);
  if (host === 'docker.io' && path !== '' && !path.includes('/')) path = `library/${path}`;
  if (path !== path.toLowerCase()) throw new InvalidReference(text, 'repository names are lower case');
  if (!isRepositoryPath(path)) throw new InvalidReference(text, path === '' ? 'the repository is missing' : `"${path}" is not a repository name`);
  return { host, path, ...(tag !== undefined && { tag }), ...(digest !== undefined && { digest }) };
}

/** The full form, which parses to the same reference again. */
export function formatReference(reference: ImageReference): string {
  const tag = reference.tag === undefined ? '' : `:${reference.tag}`;
  const digest = reference.digest === undefined ? '' : `@${reference.digest}`;
  return `${reference.host}/${reference.path}${tag}${digest}`;
}

/** What to ask a registry for: the digest if there is one, else the tag, else `latest`. */
export function manifestKey(reference: ImageReference): string {
  return reference.digest ?? reference.tag ?? 'latest';
}

/** `reference` pinned to `digest`, its tag dropped. */
export function withDigest(reference: ImageReference, digest: string): ImageReference {
  return { host: reference.host, path: reference.path, digest };
}

/** True if the platform's own registry holds it. */
export function isInternal(reference: ImageReference): boolean {
  return reference.host === registryHost;
}

/** `docker-registry.default.svc:5000/<namespace>/<stream>`, with tag or digest. */
export function internalReference(namespace: string, stream: string, at: { tag?: string; digest?: string } = {}): string {
  return formatReference({ host: registryHost, path: `${namespace}/${stream}`, ...at });
}
