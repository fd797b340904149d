import { describe, expect, it } from 'vitest';
import type { ImageStream } from '../../../../src/api/kinds/image.ts';
import type { LimitRange, ResourceQuota } from '../../../../src/api/kinds/quota.ts';
import { exceededImage, exceededQuota, exceededStream, imageLimits, imageUsage, quotaUsed, withImage } from '../../../../src/controlplane/image/image-limits-plan.ts';

const range = (type: string, max: Record<string, string>) => ({ metadata: { name: 'x' }, spec: { limits: [{ type, max }] } }) as unknown as LimitRange;
const quota = (hard: Record<string, string>) => ({ metadata: { name: 'objects' }, spec: { hard } }) as unknown as ResourceQuota;
/** `{ v1: 'ab' }`: images b, then a, under tag v1. */
const stream = (tags: Record<string, string>, spec: string[] = []): ImageStream => ({
  apiVersion: 'image.openshift.io/v1', kind: 'ImageStream', metadata: { name: 'app', namespace: 'demo' }, spec: { tags: spec.map((name) => ({ name })) },
  status: { dockerImageRepository: '', tags: Object.entries(tags).map(([tag, images]) => ({ tag, items: [...images].map((image) => ({ created: '', dockerImageReference: '', image, generation: 1 })) })) },
});

describe('limit ranges', () => {
  it('hold to the smallest of what they say', () => {
    expect(imageLimits([])).toEqual({ imageBytes: Infinity, imagesPerStream: Infinity, tagsPerStream: Infinity });
    expect(imageLimits([range('openshift.io/Image', { storage: '1Gi' }), range('openshift.io/Image', { storage: '500M' }), range('Container', { storage: '1' }), range('openshift.io/ImageStream', { 'openshift.io/images': '3', 'openshift.io/image-tags': '2' })])).toEqual({ imageBytes: 5e8, imagesPerStream: 3, tagsPerStream: 2 });
  });

  it.each<[string, ImageStream | undefined, ImageStream, string | undefined]>([
    ['a first image', undefined, stream({ v1: 'a' }), undefined],
    ['as many as there may be', stream({ v1: 'a' }), stream({ v1: 'ab' }), undefined],
    ['one too many', stream({ v1: 'ab' }), stream({ v1: 'abc' }), 'requested usage of openshift.io/images exceeds the maximum limit per openshift.io/ImageStream (3 > 2)'],
    ['the same image again', stream({ v1: 'ab' }), stream({ v1: 'aba' }), undefined],
    ['no more than there were before the limit', stream({ v1: 'abcd' }), stream({ v1: 'abce' }), undefined],
    ['a tag too many', stream({ v1: 'a', v2: 'a' }), stream({ v1: 'a', v2: 'a' }, ['v3']), 'requested usage of openshift.io/image-tags exceeds the maximum limit per openshift.io/ImageStream (3 > 2)'],
  ])('%s', (_name, before, next, why) => expect(exceededStream({ imageBytes: Infinity, imagesPerStream: 2, tagsPerStream: 2 }, before, next)).toBe(why));

  it('hold images to their size', () => {
    const limits = imageLimits([range('openshift.io/Image', { storage: '512' })]);
    expect(exceededImage(limits, 512)).toBeUndefined();
    expect(exceededImage(limits, 513)).toBe('requested usage of storage exceeds the maximum limit per openshift.io/Image (513 > 512)');
  });
});

describe('quotas', () => {
  const used = { streams: 2, images: 3 };
  it.each<[string, Record<string, string>, Partial<typeof used>, string | undefined]>([
    ['a stream within', { 'openshift.io/imagestreams': '3' }, { streams: 3 }, undefined],
    ['a stream beyond', { 'openshift.io/imagestreams': '2' }, { streams: 3 }, 'exceeded quota: objects, requested: openshift.io/imagestreams=1, used: openshift.io/imagestreams=2, limited: openshift.io/imagestreams=2'],
    ['a stream beyond, by the other name', { 'count/imagestreams.image.openshift.io': '2' }, { streams: 3 }, 'exceeded quota: objects, requested: count/imagestreams.image.openshift.io=1, used: count/imagestreams.image.openshift.io=2, limited: count/imagestreams.image.openshift.io=2'],
    ['an image beyond', { 'openshift.io/images': '3' }, { images: 4 }, 'exceeded quota: objects, requested: openshift.io/images=1, used: openshift.io/images=3, limited: openshift.io/images=3'],
    ['nothing new in a project that has too much', { 'openshift.io/images': '1' }, {}, undefined],
    ['what it does not name', { pods: '0' }, { streams: 9, images: 9 }, undefined],
  ])('%s', (_name, hard, more, why) => expect(exceededQuota([quota(hard)], used, { ...used, ...more })).toBe(why));

  it('count streams, and images once', () => {
    const streams = [stream({ v1: 'ab', v2: 'a' }), stream({ v1: 'bc' })];
    expect(imageUsage(streams)).toEqual({ streams: 2, images: 3 });
    expect(quotaUsed(quota({ 'openshift.io/images': '9', pods: '1' }), imageUsage(streams))).toEqual({ 'openshift.io/images': '3' });
    expect(imageUsage([withImage(stream({ v1: 'a' }), 'z', ['v1', 'v2'])])).toEqual({ streams: 1, images: 2 });
  });
});
