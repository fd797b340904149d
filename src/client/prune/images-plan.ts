/** Which images and tag revisions nobody needs any more, by the rules of `oc adm prune images`. */
import { imageMarks, type Image, type ImageStream, type TagEvent } from '../../api/kinds/image.ts';
import type { Build } from '../../api/kinds/build.ts';
import type { Pod } from '../../api/kinds/core.ts';
import type { KubeObject } from '../../api/meta.ts';
import { usedBy, type ImageUse } from './image-use.ts';

export interface ImageOptions {
  /** Images, tag revisions and ended pods younger than this are left alone and count. */
  keepYoungerThanMs: number;
  /** Newest revisions of each tag that stay. */
  keepTagRevisions: number;
}

export interface ImageState {
  images: readonly Image[];
  streams: readonly ImageStream[];
  pods: readonly Pod[];
  builds: readonly Build[];
  /** Replication controllers, replica sets, deployments, deployment configs, build configs and whatever else names images. */
  others: readonly KubeObject[];
}

export interface ImagePruning {
  images: Image[];
  /** Revisions of the images above, which their streams forget. */
  revisions: { namespace: string; stream: string; tag: string; image: string }[];
}

export function planImages(state: ImageState, options: ImageOptions, now: Date): ImagePruning {
  const kept = keptImages(state, options, now);
  const images = state.images.filter(({ metadata }) => !kept.has(metadata.name));
  const pruned = new Set(images.map(({ metadata }) => metadata.name));
  // An image object may be gone already: its revisions lead nowhere and go when their turn comes.
  const known = new Set(state.images.map(({ metadata }) => metadata.name));
  const revisions = state.streams.flatMap((stream) =>
    (stream.status?.tags ?? []).flatMap(({ tag, items }) =>
      (items ?? [])
        .filter((event, index) => event.image !== '' && (pruned.has(event.image) || !known.has(event.image)) && !staysInTag(event, index, options, now))
        .map(({ image }) => ({ namespace: stream.metadata.namespace ?? '', stream: stream.metadata.name, tag, image })),
    ),
  );
  return { images, revisions };
}

/** True for a revision that its tag keeps by itself. */
export function staysInTag(event: TagEvent, index: number, options: ImageOptions, now: Date): boolean {
  return index < options.keepTagRevisions || isYoung(event.created, options, now);
}

function keptImages(state: ImageState, options: ImageOptions, now: Date): Set<string> {
  const kept = new Set<string>();
  const uses = [
    usedBy(state.pods.filter((pod) => runs(pod) || isYoung(pod.metadata.creationTimestamp, options, now)), state.streams),
    usedBy(state.builds, state.streams, ['output', 'outputDockerImageReference', 'logSnippet']),
    usedBy(state.others, state.streams),
    // Tags that follow other tags or name an image for good.
    usedBy(state.streams.map(({ apiVersion, kind, metadata, spec }) => ({ apiVersion, kind, metadata, spec })), state.streams),
  ];
  for (const use of uses) for (const image of use.images) kept.add(image);
  for (const stream of state.streams) for (const image of keptByStream(stream, uses, options, now)) kept.add(image);
  for (const image of state.images) if (isYoung(image.metadata.creationTimestamp, options, now)) kept.add(image.metadata.name);
  return withRelated(kept, state.images);
}

function keptByStream(stream: ImageStream, uses: readonly ImageUse[], options: ImageOptions, now: Date): string[] {
  const tags = stream.status?.tags ?? [];
  const all = isYoung(stream.metadata.creationTimestamp, options, now);
  return tags.flatMap(({ tag, items }) => {
    const name = `${stream.metadata.namespace}/${stream.metadata.name}:${tag}`;
    const named = uses.some((use) => use.tags.has(name));
    return (items ?? []).filter((event, index) => all || staysInTag(event, index, options, now) || (index === 0 && named)).map(({ image }) => image);
  });
}

/** Images of indexes that stay, and what refers to what stays. */
function withRelated(kept: Set<string>, images: readonly Image[]): Set<string> {
  for (let before = -1; kept.size !== before; ) {
    before = kept.size;
    for (const image of images) {
      const subject = image.metadata.annotations?.[imageMarks.subject];
      if (subject !== undefined && kept.has(subject)) kept.add(image.metadata.name);
      if (kept.has(image.metadata.name)) for (const child of childrenOf(image)) kept.add(child);
    }
  }
  return kept;
}

function childrenOf(image: Image): string[] {
  const { dockerImageManifests = [] } = image as Image & { dockerImageManifests?: readonly { digest: string }[] };
  return dockerImageManifests.map(({ digest }) => digest);
}

function runs(pod: Pod): boolean {
  return pod.status?.phase !== 'Succeeded' && pod.status?.phase !== 'Failed';
}

/** What has no time was made just now. */
function isYoung(time: string | null | undefined, { keepYoungerThanMs }: ImageOptions, now: Date): boolean {
  return !time || now.getTime() - Date.parse(time) < keepYoungerThanMs;
}
