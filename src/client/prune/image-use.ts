/** Which images the objects of a cluster count on, wherever in them an image is named. */
import type { ImageStream } from '../../api/kinds/image.ts';
import type { KubeObject } from '../../api/meta.ts';

export interface ImageUse {
  /** Digests. */
  images: Set<string>;
  /** `<project>/<stream>:<tag>`. */
  tags: Set<string>;
}

const digests = /\b(?:sha256:[a-f0-9]{64}|sha512:[a-f0-9]{128})\b/g;
/** Documents inside of strings (trigger annotations, encoded configurations) are read up to this depth. */
const deepest = 4;

/**
 * Reads whole objects instead of a list of fields: what a field unknown to us names is not pruned either. `except` are the keys of `status` that record
 * what an object made, not what it needs.
 */
export function usedBy(objects: readonly KubeObject[], streams: readonly ImageStream[], except: readonly string[] = []): ImageUse {
  const use: ImageUse = { images: new Set(), tags: new Set() };
  const repositories = new Map(streams.flatMap((stream) => repositoriesOf(stream).map((repository) => [repository, keyOf(stream)] as const)));
  const keys = new Set(streams.map(keyOf));
  for (const object of objects) {
    const { status, ...rest } = object as KubeObject & { status?: Record<string, unknown> };
    visit(rest, object.metadata.namespace ?? '', 0);
    if (status) visit(Object.fromEntries(Object.entries(status).filter(([key]) => !except.includes(key))), object.metadata.namespace ?? '', 0);
  }
  return use;

  function visit(value: unknown, namespace: string, depth: number, field = ''): void {
    if (typeof value === 'string') text(value, namespace, depth, field);
    else if (Array.isArray(value)) for (const one of value) visit(one, namespace, depth);
    else if (typeof value === 'object' && value !== null) {
      const { kind, name, namespace: of } = value as Record<string, unknown>;
      if (kind === 'ImageStreamTag' && typeof name === 'string') use.tags.add(`${typeof of === 'string' && of !== '' ? of : namespace}/${name}`);
      for (const [inner, one] of Object.entries(value)) visit(one, namespace, depth, inner);
    }
  }

  function text(value: string, namespace: string, depth: number, field: string): void {
    const found = value.match(digests);
    if (found) for (const digest of found) use.images.add(digest);
    else named(value, namespace, field);
    if (depth < deepest && /^\s*[[{]/.test(value)) visit(parsed(value), namespace, depth + 1);
  }

  /** A repository of the platform's registry with a tag, or, where an image is expected, a stream by its own name (`lookupPolicy.local`). */
  function named(value: string, namespace: string, field: string): void {
    const colon = value.lastIndexOf(':');
    const [repository, tag] = colon > value.lastIndexOf('/') ? [value.slice(0, colon), value.slice(colon + 1)] : [value, 'latest'];
    const stream = repositories.get(repository) ?? (field === 'image' && keys.has(`${namespace}/${repository}`) ? `${namespace}/${repository}` : undefined);
    if (stream) use.tags.add(`${stream}:${tag}`);
  }
}

function repositoriesOf({ status }: ImageStream): string[] {
  return [status?.dockerImageRepository, status?.publicDockerImageRepository].filter((one) => one !== undefined && one !== '') as string[];
}

function keyOf({ metadata }: KubeObject): string {
  return `${metadata.namespace ?? ''}/${metadata.name}`;
}

function parsed(value: string): unknown {
  try {
    return JSON.parse(value) as unknown;
  } catch {
    return undefined;
  }
}
