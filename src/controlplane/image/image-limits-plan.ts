/** What limit ranges and quotas say about images, and what of it a push or a write would exceed (OpenShift docs, "Image limits and quotas"). */
import type { ImageStream } from '../../api/kinds/image.ts';
import { imageLimitTypes, imageResources, type LimitRange, type ResourceQuota } from '../../api/kinds/quota.ts';
import { quantityOf } from '../../api/quantity.ts';
import { imagesOf } from './tag-history.ts';

/** `Infinity` where nothing is said; the smallest of several counts. */
export interface ImageLimits {
  /** Bytes of one image. */
  imageBytes: number;
  imagesPerStream: number;
  tagsPerStream: number;
}

export interface ImageUsage {
  streams: number;
  images: number;
}

export function imageLimits(ranges: readonly LimitRange[]): ImageLimits {
  const least = (type: string, name: string): number =>
    Math.min(Infinity, ...ranges.flatMap(({ spec }) => spec?.limits ?? []).flatMap((limit) => (limit.type === type && limit.max?.[name] !== undefined ? [quantityOf(limit.max[name])] : [])));
  return {
    imageBytes: least(imageLimitTypes.image, 'storage'),
    imagesPerStream: least(imageLimitTypes.stream, imageResources.images),
    tagsPerStream: least(imageLimitTypes.stream, imageResources.tags),
  };
}

export function imageUsage(streams: readonly ImageStream[]): ImageUsage {
  return { streams: streams.length, images: new Set(streams.flatMap((stream) => [...imagesOf(stream)])).size };
}

/** What `status.used` of a quota says of images. */
export function quotaUsed({ spec }: ResourceQuota, usage: ImageUsage): Record<string, string> {
  const all: Record<string, number> = { [imageResources.streams]: usage.streams, [imageResources.streamCount]: usage.streams, [imageResources.images]: usage.images };
  return Object.fromEntries(Object.keys(spec?.hard ?? {}).flatMap((name) => (all[name] === undefined ? [] : [[name, String(all[name])]])));
}

/** Why `next` is refused that was `before`; undefined if it is not, or not more than it was. Texts are the real server's. */
export function exceededQuota(quotas: readonly ResourceQuota[], before: ImageUsage, next: ImageUsage): string | undefined {
  const counts = [
    [imageResources.streams, before.streams, next.streams],
    [imageResources.streamCount, before.streams, next.streams],
    [imageResources.images, before.images, next.images],
  ] as const;
  for (const { metadata, spec } of quotas) {
    for (const [name, used, wanted] of counts) {
      const hard = spec?.hard?.[name];
      if (hard !== undefined && wanted > used && wanted > quantityOf(hard)) return `exceeded quota: ${metadata.name}, requested: ${name}=${wanted - used}, used: ${name}=${used}, limited: ${name}=${hard}`;
    }
  }
  return undefined;
}

export function exceededStream(limits: ImageLimits, before: ImageStream | undefined, next: ImageStream): string | undefined {
  const more = (name: string, limit: number, count: (stream: ImageStream) => number): string | undefined => {
    const [had, has] = [before ? count(before) : 0, count(next)];
    return has > had && has > limit ? exceeded(imageLimitTypes.stream, name, has, limit) : undefined;
  };
  return more(imageResources.images, limits.imagesPerStream, (stream) => imagesOf(stream).size) ?? more(imageResources.tags, limits.tagsPerStream, (stream) => tagsOf(stream).size);
}

export function exceededImage(limits: ImageLimits, bytes: number): string | undefined {
  return bytes > limits.imageBytes ? exceeded(imageLimitTypes.image, 'storage', bytes, limits.imageBytes) : undefined;
}

function exceeded(type: string, name: string, requested: number, limit: number): string {
  return `requested usage of ${name} exceeds the maximum limit per ${type} (${requested} > ${limit})`;
}

function tagsOf({ spec, status }: ImageStream): Set<string> {
  return new Set([...(spec.tags ?? []).map(({ name }) => name), ...(status?.tags ?? []).filter(({ items }) => items?.length).map(({ tag }) => tag)]);
}

/** The stream as it is once `image` stands under `tags`. */
export function withImage(stream: ImageStream, image: string, tags: readonly string[]): ImageStream {
  const event = { created: '', dockerImageReference: '', image, generation: 0 };
  const others = (stream.status?.tags ?? []).filter(({ tag }) => !tags.includes(tag));
  const pushed = tags.map((tag) => ({ tag, items: [event, ...(stream.status?.tags?.find((one) => one.tag === tag)?.items ?? [])] }));
  return { ...stream, status: { dockerImageRepository: '', ...stream.status, tags: [...others, ...pushed] } };
}
