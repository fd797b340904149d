/** What image a reference of a build stands for now. Pure: looks into image streams at hand. */
import { latestPullSpec } from '../../api/image-tags.ts';
import type { Build } from '../../api/kinds/build.ts';
import { registryHost, type ImageStream } from '../../api/kinds/image.ts';
import type { ObjectReference } from '../../api/meta.ts';

/** By namespace and name. */
export type StreamLookup = (namespace: string, name: string) => ImageStream | undefined;

export interface ResolvedImage {
  /** Pull specification, by digest wherever the reference names a stream. */
  pullSpec: string;
}

/** `namespace`: of the object that holds the reference. */
export function resolveImage(reference: ObjectReference | undefined, namespace: string, streams: StreamLookup): ResolvedImage | undefined {
  if (!reference?.name) return undefined;
  if (reference.kind === 'DockerImage') return { pullSpec: reference.name };
  const at = reference.namespace ?? namespace;
  if (reference.kind === 'ImageStreamImage') {
    const [name = '', id = ''] = reference.name.split('@');
    const items = streams(at, name)?.status?.tags?.flatMap((tag) => tag.items ?? []) ?? [];
    const found = items.find((item) => item.image === id || item.image.startsWith(`sha256:${id}`));
    return found && { pullSpec: found.dockerImageReference };
  }
  const [name = '', tag = 'latest'] = reference.name.split(':');
  const stream = streams(at, name);
  const pullSpec = stream && latestPullSpec(stream, tag);
  return pullSpec === undefined ? undefined : { pullSpec };
}

/** Pull specifications of `spec.source.images`; empty where there is none yet. */
export function inputImages({ spec }: Pick<Build, 'spec'>, namespace: string, streams: StreamLookup): string[] {
  return (spec.source?.images ?? []).map(({ from }) => resolveImage(from, namespace, streams)?.pullSpec ?? '');
}

/** Where the result of a build is pushed; undefined if its stream does not exist. */
export function resolveOutput(reference: ObjectReference, namespace: string, streams: StreamLookup): string | undefined {
  if (reference.kind === 'DockerImage') return reference.name;
  const at = reference.namespace ?? namespace;
  const [name = '', tag = 'latest'] = (reference.name ?? '').split(':');
  return streams(at, name) && `${registryHost}/${at}/${name}:${tag}`;
}

/** True once the stream of a build's output shows the image under its tag. */
export function outputShows(reference: ObjectReference | undefined, namespace: string, digest: string, streams: StreamLookup): boolean {
  if (reference?.kind !== 'ImageStreamTag' || !reference.name) return false;
  const [name = '', tag = 'latest'] = reference.name.split(':');
  return streams(reference.namespace ?? namespace, name)?.status?.tags?.some((one) => one.tag === tag && one.items?.some((item) => item.image === digest)) ?? false;
}

/** For people: the builders there are. */
export function missingBuilderText(reference: ObjectReference | undefined, builders: readonly ImageStream[]): string {
  const names = builders.filter((stream) => stream.spec.tags?.some((tag) => /(^|,)builder(,|$)/.test(tag.annotations?.tags ?? '') && !/(^|,)hidden(,|$)/.test(tag.annotations?.tags ?? ''))).map((stream) => stream.metadata.name);
  const wanted = `${reference?.namespace ? `${reference.namespace}/` : ''}${reference?.name ?? ''}`;
  const there = names.length > 0 ? `Builders of this platform: ${names.sort().join(', ')}.` : 'This platform has no builders: "slipway doctor" tells which toolchains are missing.';
  return `Referenced image could not be resolved: there is no builder image "${wanted}". ${there}`;
}
