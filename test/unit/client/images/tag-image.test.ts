import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { imageStreams, type ImageStream, type TagReference } from '../../../../src/api/kinds/image.ts';
import { formatImageName, readImageName } from '../../../../src/client/images/image-name.ts';
import { tagImage, untag, type TagOptions } from '../../../../src/client/images/tag-image.ts';
import { startImagePlatform, type ImagePlatform } from '../../../support/image-platform.ts';

let directory: string;
let platform: ImagePlatform;
const digest = `sha256:${'a'.repeat(64)}`;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'slipway-tag-'));
  platform = await startImagePlatform(directory);
  for (const namespace of ['demo', 'shared']) {
    await platform.client.create(imageStreams, { apiVersion: 'image.openshift.io/v1', kind: 'ImageStream', metadata: { name: 'web', namespace }, spec: { tags: [{ name: 'outside', from: { kind: 'DockerImage', name: 'quay.io/acme/ref:1' }, reference: true }] } } as ImageStream);
    const mapping = { apiVersion: 'image.openshift.io/v1', kind: 'ImageStreamMapping', metadata: { name: 'web', namespace }, tag: 'v1', image: { metadata: { name: digest }, dockerImageReference: `quay.io/acme/web@${digest}` } };
    await platform.client.raw('POST', `/apis/image.openshift.io/v1/namespaces/${namespace}/imagestreammappings`, mapping);
  }
});
afterAll(async () => {
  await platform.close();
  rmSync(directory, { recursive: true });
});

const tag = (source: string, destination: string, more: Partial<TagOptions> = {}) => tagImage(platform.client, { source, destinations: [destination], namespace: 'demo', ...more });
const specOf = async (namespace: string, name: string, tagName: string) => (await platform.client.get(imageStreams, { namespace, name })).spec.tags?.find((one) => one.name === tagName);

describe('a tag is written', () => {
  it.each<[string, string, string, Partial<TagOptions>, Partial<TagReference>, string]>([
    ['of an image that a tag stands for', 'web:v1', 'prod:a', {}, { from: { kind: 'ImageStreamImage', name: `web@${digest}` } }, `Tag prod:a set to web@${digest}.`],
    ['of another project', 'shared/web:v1', 'prod:b', {}, { from: { kind: 'ImageStreamImage', namespace: 'shared', name: `web@${digest}` } }, `Tag prod:b set to shared/web@${digest}.`],
    ['in another project', 'web:v1', 'shared/prod:c', {}, { from: { kind: 'ImageStreamImage', namespace: 'demo', name: `web@${digest}` } }, `Tag shared/prod:c set to web@${digest}.`],
    ['of an image by digest', `web@${digest}`, 'prod:d', {}, { from: { kind: 'ImageStreamImage', name: `web@${digest}` } }, `Tag prod:d set to web@${digest}.`],
    ['that follows', 'web:v1', 'web:e', { alias: true }, { from: { kind: 'ImageStreamTag', name: 'web:v1' } }, 'Tag web:e set up to track web:v1.'],
    ['of another registry, regularly', 'quay.io/acme/web:v2', 'prod:f', { scheduled: true, insecure: true, reference: true }, { from: { kind: 'DockerImage', name: 'quay.io/acme/web:v2' }, importPolicy: { scheduled: true, insecure: true, importMode: 'Legacy' } }, 'Tag prod:f set to import quay.io/acme/web:v2 periodically.'],
    ['of a plain word as an image', 'nginx', 'prod:g', { reference: true, local: true }, { from: { kind: 'DockerImage', name: 'nginx' }, referencePolicy: { type: 'Local' } }, 'Tag prod:g set to nginx.'],
    ['of a word that is said to be an image', 'library/nginx:1', 'prod:h', { sourceKind: 'DockerImage', reference: true }, { from: { kind: 'DockerImage', name: 'library/nginx:1' } }, 'Tag prod:h set to library/nginx:1.'],
    ['of what a reference names', 'web:outside', 'prod:i', { reference: true }, { from: { kind: 'DockerImage', name: 'quay.io/acme/ref:1' } }, 'Tag prod:i set to quay.io/acme/ref:1.'],
  ])('%s', async (_what, source, destination, more, expected, text) => {
    expect(await tag(source, destination, more)).toEqual([text]);
    const [namespace, name] = destination.includes('/') ? destination.split('/') : ['demo', destination];
    const [stream = '', tagName = ''] = (name ?? '').split(':');
    expect(await specOf(namespace ?? '', stream, tagName)).toMatchObject(expected);
  });

  it('in several places, and taken away again', async () => {
    expect(await tagImage(platform.client, { source: 'web:v1', destinations: ['many:a', 'many:b'], namespace: 'demo' })).toHaveLength(2);
    expect(await untag(platform.client, ['many:a', 'demo/many:b'], 'demo')).toEqual(['Deleted tag demo/many:a.', 'Deleted tag demo/many:b.']);
    expect((await platform.client.get(imageStreams, { namespace: 'demo', name: 'many' })).spec.tags).toEqual([]);
  });

  it.each<[string, string, string, Partial<TagOptions>, RegExp]>([
    ['a destination without a tag', 'web:v1', 'prod', {}, /must be of the form <stream>:<tag>/],
    ['a destination too deep', 'web:v1', 'a/b/c:d', {}, /must be of the form/],
    ['a source that has no image', 'web:v9', 'prod:x', {}, /"web:v9" is not currently pointing to an image/],
    ['a schedule within', 'web:v1', 'prod:x', { scheduled: true }, /Only images of other registries/],
    ['an alias across streams', 'web:v1', 'prod:x', { alias: true }, /across image streams/],
    ['an alias of an image', `web@${digest}`, 'web:x', { alias: true }, /Only a tag of an image stream/],
    ['a registry in a stream’s name', 'quay.io/a/b:c', 'prod:x', { sourceKind: 'ImageStreamTag' }, /names a registry/],
    ['a stream tag without a tag', 'web', 'prod:x', { sourceKind: 'ImageStreamTag' }, /names no tag/],
    ['half a name', 'web:', 'prod:x', {}, /is not the name of an image/],
  ])('not with %s', async (_what, source, destination, more, text) => {
    await expect(tag(source, destination, more)).rejects.toThrow(text);
  });
});

it.each<[string, object]>([
  ['web', { registry: '', namespace: '', name: 'web', tag: '', digest: '' }],
  ['web:v1', { name: 'web', tag: 'v1' }],
  ['demo/web:v1', { registry: '', namespace: 'demo', name: 'web' }],
  ['quay.io/web', { registry: 'quay.io', namespace: '', name: 'web' }],
  ['localhost/web', { registry: 'localhost', name: 'web' }],
  ['127.0.0.1:5000/acme/web:v1', { registry: '127.0.0.1:5000', namespace: 'acme', name: 'web', tag: 'v1' }],
  [`quay.io/a/b/c@${digest}`, { registry: 'quay.io', namespace: 'a', name: 'b/c', tag: '', digest }],
])('reads %s', (text, expected) => {
  expect(readImageName(text)).toMatchObject(expected);
  expect(formatImageName(readImageName(text))).toBe(text);
});
