/** Builder images of a cluster: the image streams tagged `builder`, those of project `openshift` and those that a project has for itself. */
import { imageStreams, type ImageStream } from '../../api/kinds/image.ts';
import type { Client } from '../client.ts';

export interface Builder {
  /** `nodejs:latest`; `<project>/<stream>:<tag>` outside of project `openshift`. */
  reference: string;
  stream: string;
  tag: string;
  displayName: string;
  description: string;
  /** Version of the toolchain or image, if told: `3.11`. */
  version: string | undefined;
  /** The same with all its numbers, of a builder that stands on a toolchain of this machine. */
  exactVersion: string | undefined;
  /** Annotation `supports`: languages it builds, as `oc new-app` matches them. */
  supports: string[];
}

/** `project`: whose own builders are listed too, first. */
export async function listBuilders(client: Client, project?: string): Promise<Builder[]> {
  const namespaces = [...(project && project !== 'openshift' ? [project] : []), 'openshift'];
  const lists = await Promise.all(namespaces.map((namespace) => client.list(imageStreams, { namespace })));
  return lists.flatMap(({ items }) => items.flatMap(buildersOf).sort((a, b) => a.reference.localeCompare(b.reference)));
}

/**
 * The builder of that name, waiting for it if the platform has only just started: builders are made from this machine's toolchains after the API answers.
 * Undefined if it does not come in time.
 */
export async function awaitBuilder(client: Client, name: string, timeoutMs = 20_000): Promise<Builder | undefined> {
  const first = await client.list(imageStreams, { namespace: 'openshift' });
  const found = findBuilder(first.items.flatMap(buildersOf), name);
  if (found) return found;
  const streams = new Map(first.items.map((stream) => [stream.metadata.name, stream]));
  const watch = client.watch(imageStreams, { namespace: 'openshift', resourceVersion: first.metadata.resourceVersion ?? '', signal: AbortSignal.timeout(timeoutMs) });
  try {
    for await (const event of watch) {
      if (event.type !== 'ADDED' && event.type !== 'MODIFIED') continue;
      streams.set(event.object.metadata.name, event.object);
      const builder = findBuilder([...streams.values()].flatMap(buildersOf), name);
      if (builder) return builder;
    }
  } finally {
    watch.dispose();
  }
  return undefined;
}

function buildersOf(stream: ImageStream): Builder[] {
  return (stream.spec.tags ?? []).flatMap((tag): Builder[] => {
    const notes = tag.annotations ?? {};
    const ready = stream.status?.tags?.some((one) => one.tag === tag.name && one.items?.length);
    const marks = (notes.tags ?? '').split(',').map((mark) => mark.trim());
    if (!ready || !marks.includes('builder') || marks.includes('hidden')) return [];
    const { name, namespace } = stream.metadata;
    return [{
      reference: `${namespace === 'openshift' || !namespace ? '' : `${namespace}/`}${name}:${tag.name}`,
      stream: stream.metadata.name,
      tag: tag.name,
      displayName: notes['openshift.io/display-name'] ?? stream.metadata.name,
      description: notes.description ?? '',
      version: notes.version,
      exactVersion: notes['slipway.dev/toolchain']?.split(' ').pop(),
      supports: (notes.supports ?? stream.metadata.name).split(',').map((one) => one.trim()),
    }];
  });
}

/** The version of `builder`'s stream that fits, the newest if there are several; `builder` itself if it does, or none. */
export function fittingVersion(builders: readonly Builder[], builder: Builder, fits: (version: string) => boolean): Builder {
  if (versionFits(builder, fits)) return builder;
  const others = builders.filter((one) => one.reference.split(':')[0] === builder.reference.split(':')[0] && one.version !== undefined && versionFits(one, fits));
  return others.sort((a, b) => (b.version ?? '').localeCompare(a.version ?? '', 'en', { numeric: true }))[0] ?? builder;
}

/** An image that tells `20` may be any 20. */
export function versionFits({ version, exactVersion }: Builder, fits: (version: string) => boolean): boolean {
  if (exactVersion !== undefined) return fits(exactVersion);
  return version === undefined || fits(version) || fits(`${version}.999.999`);
}

/** The builder of that name: `nodejs`, `nodejs:22`, or what a detection says. Prefers `latest`. */
export function findBuilder(builders: readonly Builder[], name: string): Builder | undefined {
  const exact = builders.find((one) => one.reference === name);
  if (exact) return exact;
  const named = builders.filter((one) => one.stream === name);
  const of = named.length > 0 ? named : builders.filter((one) => one.supports.some((language) => language.split(':')[0] === name));
  return of.find((one) => one.tag === 'latest') ?? of[0];
}

/** Why a builder cannot be had, and what to do. */
export class NoBuilder extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'NoBuilder';
  }
}

export function unknownBuilder(name: string, known: readonly string[]): NoBuilder {
  const names = [...new Set(known)].sort();
  return new NoBuilder(names.length > 0
    ? `There is no builder "${name}". Builders here: ${names.join(', ')}.`
    : `There is no builder "${name}", and none other: no toolchain was found on this machine. Run "slipway doctor" for what brings one.`);
}
