/** Image names as people write them, where a word may also be an image stream (library-go image/reference). */

export interface ImageName {
  /** Host of a registry, if the name has one. */
  registry: string;
  /** Project, or the first part of a path. */
  namespace: string;
  name: string;
  tag: string;
  digest: string;
}

export class InvalidName extends Error {
  constructor(text: string, why: string) {
    super(`"${text}" is not the name of an image: ${why}.`);
    this.name = 'InvalidName';
  }
}

/** `[registry/][namespace/]name[:tag][@digest]`. */
export function readImageName(text: string): ImageName {
  const at = text.indexOf('@');
  const digest = at < 0 ? '' : text.slice(at + 1);
  const rest = at < 0 ? text : text.slice(0, at);
  const colon = rest.lastIndexOf(':');
  const tagged = colon > rest.lastIndexOf('/');
  const tag = tagged ? rest.slice(colon + 1) : '';
  const parts = (tagged ? rest.slice(0, colon) : rest).split('/');
  if (parts.includes('') || (at >= 0 && !digest) || (tagged && !tag)) throw new InvalidName(text, 'a part of it is empty');
  const [first = ''] = parts;
  const registry = parts.length > 1 && (/[.:]/.test(first) || first === 'localhost' || parts.length > 2) ? first : '';
  const path = registry ? parts.slice(1) : parts;
  const [namespace, ...name] = path.length > 1 ? path : ['', ...path];
  return { registry, namespace: namespace ?? '', name: name.join('/'), tag, digest };
}

/** The text again, with nothing filled in. */
export function formatImageName({ registry, namespace, name, tag, digest }: ImageName): string {
  return [registry, namespace, shortName({ name, tag, digest })].filter(Boolean).join('/');
}

/** `name:tag` or `name@digest`: how tags and images of a stream are named. */
export function shortName({ name, tag, digest }: Pick<ImageName, 'name' | 'tag' | 'digest'>): string {
  return digest ? `${name}@${digest}` : tag ? `${name}:${tag}` : name;
}
