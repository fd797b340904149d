/** Tags as `oc tag` writes them, image names resolved at admission, and who may take what from where. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deployments, type Deployment } from '../../../../src/api/kinds/apps.ts';
import { pods, type Pod } from '../../../../src/api/kinds/core.ts';
import { imageStreams, imageTags, registryHost, type ImageStream, type ImageStreamTag, type ImageTag } from '../../../../src/api/kinds/image.ts';
import { LateClient } from '../../../../src/controlplane/kernel/boot/late-client.ts';
import type { RequestContext } from '../../../../src/controlplane/kernel/apiserver/kind.ts';
import { imageStreamMappingKind } from '../../../../src/controlplane/image/image-stream-mapping.ts';
import { imageStreamTagKind } from '../../../../src/controlplane/image/image-stream-tag.ts';
import { imageTagKind } from '../../../../src/controlplane/image/image-tag.ts';
import { buildImage } from '../../../../src/oci/image-builder.ts';
import { registryClient, type RegistryClient } from '../../../../src/oci/registry-client.ts';
import { eventually } from '../../../support/eventually.ts';
import { startImagePlatform, type ImagePlatform } from '../../../support/image-platform.ts';

let directory: string;
let platform: ImagePlatform;
let registry: RegistryClient;
const publicHost = '127.0.0.1:15000';
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'slipway-tags-'));
  platform = await startImagePlatform(directory, { publicHost: () => publicHost });
  registry = registryClient({ baseUrl: platform.registry, auth: { username: 'x', password: 'admin' } });
});
afterAll(async () => {
  registry.close();
  await platform.close();
  rmSync(directory, { recursive: true });
});

const push = (repository: string, tag: string, label = `${repository}:${tag}`) => {
  const image = buildImage({ layers: [], platform: { os: 'linux', architecture: 'amd64' }, change: { labels: { label } } });
  return registry.pushImage(repository, tag, { blobs: [{ ...image.config, content: image.config.bytes }], manifest: image.manifest });
};
const at = (namespace: string, plural: string, name = '') => `/apis/image.openshift.io/v1/namespaces/${namespace}/${plural}${name && `/${name}`}`;
const send = async <T>(method: 'POST' | 'PUT' | 'DELETE' | 'GET', path: string, body?: unknown) => (await platform.client.raw(method, path, body)) as T;
const stream = (namespace: string, name: string) => platform.client.get(imageStreams, { namespace, name });
const update = async (namespace: string, name: string, spec: Partial<ImageStream['spec']>) => {
  const now = await stream(namespace, name);
  return platform.client.update(imageStreams, { ...now, spec: { ...now.spec, ...spec } } as ImageStream);
};

/** What `oc tag` sends. */
const tagBody = (namespace: string, name: string, tag: object) => ({ kind: 'ImageStreamTag', apiVersion: 'image.openshift.io/v1', metadata: { name, namespace, creationTimestamp: null }, tag: { name: name.split(':')[1], annotations: null, generation: null, importPolicy: {}, referencePolicy: { type: 'Source' }, ...tag }, generation: 0, lookupPolicy: { local: false }, image: { metadata: { creationTimestamp: null }, dockerImageMetadata: null, dockerImageMetadataVersion: '' } });
const putTag = (namespace: string, name: string, tag: object) => send<ImageStreamTag>('PUT', at(namespace, 'imagestreamtags', name), tagBody(namespace, name, tag));

describe('oc tag', () => {
  it('sets an image of another stream, which stays when that moves on', async () => {
    const first = await push('tagging/app', 'latest', 'one');
    const tag = await putTag('tagging', 'prod:v1', { from: { kind: 'ImageStreamImage', name: `app@${first}` } });
    expect(tag).toMatchObject({ kind: 'ImageStreamTag', metadata: { name: 'prod:v1' }, tag: { name: 'v1', generation: 1, importPolicy: { importMode: 'Legacy' } }, generation: 1, image: { metadata: { name: first }, dockerImageReference: `${registryHost}/tagging/prod@${first}` } });
    await push('tagging/app', 'latest', 'two');
    expect((await stream('tagging', 'prod')).status?.tags?.[0]?.items?.map(({ image }) => image)).toEqual([first]);
  });

  it('makes an alias that follows within its stream', async () => {
    const first = await push('tagging/alias', 'latest', 'a1');
    await putTag('tagging', 'alias:stable', { from: { kind: 'ImageStreamTag', name: 'alias:latest' } });
    const second = await push('tagging/alias', 'latest', 'a2');
    const { spec, status } = await stream('tagging', 'alias');
    expect(spec.tags?.map(({ name }) => name)).toEqual(['stable']);
    expect(status?.tags?.map(({ tag, items }) => [tag, items?.map(({ image }) => image)])).toEqual([['latest', [second, first]], ['stable', [second, first]]]);
  });

  it('deletes a tag with its history, and says when there is none', async () => {
    await push('tagging/going', 'a');
    await putTag('tagging', 'going:b', { from: { kind: 'ImageStreamTag', name: 'a' } });
    expect(await send('DELETE', at('tagging', 'imagestreamtags', 'going:b'))).toMatchObject({ kind: 'Status', status: 'Success' });
    const { spec, status } = await stream('tagging', 'going');
    expect([spec.tags, status?.tags?.map(({ tag }) => tag)]).toEqual([[], ['a']]);
    await expect(send('DELETE', at('tagging', 'imagestreamtags', 'going:b'))).rejects.toMatchObject({ code: 404, message: 'imagestreamtags.image.openshift.io "going:b" not found' });
  });

  it('shows its tags sorted, whatever order they came in', async () => {
    for (const name of ['c', 'a', 'b']) await putTag('tagging', `sorted:${name}`, { from: { kind: 'DockerImage', name: 'quay.io/x/y:z' }, reference: true });
    expect((await stream('tagging', 'sorted')).spec.tags?.map(({ name }) => name)).toEqual(['a', 'b', 'c']);
  });

  it.each<[string, object, RegExp]>([
    ['a schedule for another tag', { from: { kind: 'ImageStreamTag', name: 'a' }, importPolicy: { scheduled: true } }, /ImageStreamTag\.image\.openshift\.io "bad:x" is invalid: tag\.importPolicy\.scheduled: Invalid value: true: only tags pointing to Docker repositories/],
    ['an unknown kind', { from: { kind: 'Pod', name: 'a' } }, /tag\.from\.kind: Required value: valid values are 'DockerImage', 'ImageStreamImage', 'ImageStreamTag'/],
    ['an unknown import mode', { from: { kind: 'DockerImage', name: 'a:b' }, importPolicy: { importMode: 'All' } }, /valid modes are/],
    ['an unknown policy', { from: { kind: 'DockerImage', name: 'a:b' }, referencePolicy: { type: 'Far' } }, /valid values are "Source", "Local"/],
    ['annotations of its own', { from: { kind: 'DockerImage', name: 'a:b' }, annotations: { a: 'b' } }, /tag annotations must not be provided or must be equal/],
  ])('is refused %s', async (_what, tag, text) => {
    await expect(putTag('tagging', 'bad:x', tag)).rejects.toMatchObject({ code: 422, message: expect.stringMatching(text) as string });
    await expect(stream('tagging', 'bad')).rejects.toMatchObject({ code: 404 });
  });

  it('is refused a stream of a name that the registry cannot have', async () => {
    await expect(putTag('tagging', 'Bad:x', { from: { kind: 'DockerImage', name: 'a:b' }, reference: true })).rejects.toMatchObject({ code: 422, message: expect.stringContaining('must match') as string });
  });
});

describe('image tags', () => {
  const body = (name: string, spec: object | null): ImageTag => ({ apiVersion: 'image.openshift.io/v1', kind: 'ImageTag', metadata: { name, namespace: 'itags' }, spec, status: null, image: null }) as ImageTag;

  it('are there before their image, and after their spec', async () => {
    await platform.client.create(imageTags, body('web:next', { name: 'next', from: { kind: 'DockerImage', name: 'quay.io/a/b:c' }, reference: true }), { namespace: 'itags' });
    const digest = await push('itags/web', 'pushed');
    const { items } = await platform.client.list(imageTags, { namespace: 'itags' });
    expect(items.map(({ metadata, spec, status }) => [metadata.name, spec?.from?.name, status?.items?.[0]?.image])).toEqual([['web:next', 'quay.io/a/b:c', ''], ['web:pushed', undefined, digest]]);
    const pushed = await platform.client.get(imageTags, { namespace: 'itags', name: 'web:pushed' });
    expect(pushed).toMatchObject({ kind: 'ImageTag', spec: null, status: { tag: 'pushed' }, image: { metadata: { name: digest }, dockerImageReference: `${registryHost}/itags/web@${digest}` } });
    await expect(platform.client.get(imageTags, { namespace: 'itags', name: 'web:none' })).rejects.toMatchObject({ code: 404 });
  });

  it('are written, cleared and deleted', async () => {
    const digest = await push('itags/moved', 'a');
    const made = await platform.client.update(imageTags, body('moved:b', { name: 'b', from: { kind: 'ImageStreamTag', name: 'a' } }), { namespace: 'itags' });
    expect(made.image?.metadata.name).toBe(digest);
    await expect(platform.client.create(imageTags, body('moved:b', { name: 'b' }), { namespace: 'itags' })).rejects.toMatchObject({ code: 409 });
    expect((await platform.client.update(imageTags, body('moved:b', null), { namespace: 'itags' })).spec).toBeNull();
    await platform.client.delete(imageTags, { namespace: 'itags', name: 'moved:b' });
    await expect(platform.client.get(imageTags, { namespace: 'itags', name: 'moved:b' })).rejects.toMatchObject({ code: 404 });
  });

  it.each<[string, ImageTag, RegExp]>([
    ['without a spec', body('x:y', null), /spec: Required value/],
    ['for another tag', body('x:y', { name: 'z' }), /must match image tag name/],
    ['from nowhere', body('x:y', { name: 'y', from: { kind: 'Cloud', name: 'a' } }), /spec\.from\.kind/],
  ])('are refused %s', async (_what, tag, text) => {
    await expect(platform.client.create(imageTags, tag, { namespace: 'itags' })).rejects.toMatchObject({ code: 422, message: expect.stringMatching(text) as string });
  });

  it('of a version that is not the newest are refused', async () => {
    await push('itags/versions', 'a');
    const stale = { ...body('versions:a', { name: 'a' }), metadata: { name: 'versions:a', namespace: 'itags', resourceVersion: '1' } };
    await expect(platform.client.update(imageTags, stale, { namespace: 'itags' })).rejects.toMatchObject({ code: 409 });
    await expect(platform.client.update(imageTags, { ...stale, metadata: { ...stale.metadata, name: 'unmade:a' } }, { namespace: 'itags' })).rejects.toMatchObject({ code: 404 });
  });
});

describe('image names', () => {
  const pod = (image: string, more: object = {}): Pod => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name: `p${Math.random().toString(36).slice(2)}`, namespace: 'lookup', ...more }, spec: { containers: [{ name: 'c', image }] } });
  const run = async (image: string, more?: object) => (await platform.client.create(pods, pod(image, more), { namespace: 'lookup' })).spec.containers[0]?.image;

  it('are looked up in streams that lend themselves to it', async () => {
    const digest = await push('lookup/web', 'v1');
    expect(await run('web:v1')).toBe('web:v1');
    await update('lookup', 'web', { lookupPolicy: { local: true } });
    expect(await run('web:v1')).toBe(`${registryHost}/lookup/web@${digest}`);
    expect(await run('web:v2')).toBe(`${registryHost}/lookup/web:v2`);
    expect(await run('other/web:v1')).toBe('other/web:v1');
    expect(await run('nowhere')).toBe('nowhere');
    expect(await run('web:v1', { ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'r', uid: 'u', controller: true }] })).toBe('web:v1');
  });

  it('are all looked up for objects that ask for it', async () => {
    const digest = await push('lookup/asked', 'latest');
    expect(await run('quay.io/acme/asked', { annotations: { 'alpha.image.policy.openshift.io/resolve-names': '*' } })).toBe(`${registryHost}/lookup/asked@${digest}`);
  });

  it('stay in a workload until they are written anew', async () => {
    const first = await push('lookup/rolling', 'latest', 'r1');
    await update('lookup', 'rolling', { lookupPolicy: { local: true } });
    const deployment = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'rolling', namespace: 'lookup' }, spec: { selector: { matchLabels: { a: 'b' } }, template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'rolling' }] } } } } as Deployment;
    const image = (of: Deployment) => of.spec.template.spec?.containers[0]?.image;
    expect(image(await platform.client.create(deployments, deployment))).toBe(`${registryHost}/lookup/rolling@${first}`);
    const second = await push('lookup/rolling', 'latest', 'r2');
    const scaled = await platform.client.patch(deployments, { namespace: 'lookup', name: 'rolling' }, 'merge', { spec: { replicas: 3 } });
    expect(image(scaled)).toBe(`${registryHost}/lookup/rolling@${first}`);
    const again = await platform.client.patch(deployments, { namespace: 'lookup', name: 'rolling' }, 'strategic', { spec: { template: { spec: { containers: [{ name: 'c', image: 'rolling' }] } } } });
    expect(image(again)).toBe(`${registryHost}/lookup/rolling@${second}`);
  });
});

describe('somebody who may write here but not pull there', () => {
  const context = (namespace: string) => ({ user: { username: 'sneak', groups: [] }, namespace, now: new Date(), dryRun: false }) as unknown as RequestContext;
  const late = () => {
    const client = new LateClient();
    client.set(platform.client);
    return client;
  };
  const nobody = () => ({ allowed: false });

  it('cannot tag an image of that project', async () => {
    await push('private/lib', 'v1');
    const from = { kind: 'ImageStreamTag', namespace: 'private', name: 'lib:v1' };
    const refused = { code: 422, message: expect.stringContaining('from: Forbidden: private/lib') as string };
    const tags = imageStreamTagKind(late(), nobody);
    for (const write of [tags.create, tags.update]) await expect(write?.(context('mine'), { metadata: { name: 'got:it' }, tag: { name: 'it', from } } as ImageStreamTag)).rejects.toMatchObject(refused);
    const views = imageTagKind(late(), nobody);
    for (const write of [views.create, views.update]) await expect(write?.(context('mine'), { metadata: { name: 'got:it' }, spec: { name: 'it', from } } as ImageTag)).rejects.toMatchObject(refused);
    await expect(stream('mine', 'got')).rejects.toMatchObject({ code: 404 });
  });

  it('cannot map its image by digest either', async () => {
    const digest = await push('private/lib', 'v2');
    await platform.client.create(imageStreams, { apiVersion: 'image.openshift.io/v1', kind: 'ImageStream', metadata: { name: 'mapped', namespace: 'mine' }, spec: {} } as ImageStream);
    const mapping = { apiVersion: 'image.openshift.io/v1', kind: 'ImageStreamMapping', metadata: { name: 'mapped', namespace: 'mine' }, image: { apiVersion: 'image.openshift.io/v1', kind: 'Image', metadata: { name: digest }, dockerImageReference: `quay.io/a/b@${digest}` }, tag: 'v1' };
    await expect(imageStreamMappingKind(late(), nobody).create?.(context('mine'), mapping)).rejects.toMatchObject({ code: 403 });
    expect((await stream('mine', 'mapped')).status?.tags).toBeUndefined();
    // Whoever may pull it may have it here, and pulls it from here.
    await imageStreamMappingKind(late(), () => ({ allowed: true })).create?.(context('mine'), mapping);
    expect((await stream('mine', 'mapped')).status?.tags?.[0]?.items?.[0]?.dockerImageReference).toBe(`${registryHost}/mine/mapped@${digest}`);
  });
});

it('takes many pushes into one stream at once', async () => {
  await Promise.all(Array.from({ length: 12 }, (_, index) => push('busy/app', `t${index}`)));
  expect((await stream('busy', 'app')).status?.tags?.length).toBe(12);
});

it('has no signatures, and says so', async () => {
  await expect(send('GET', '/apis/image.openshift.io/v1/imagesignatures')).rejects.toMatchObject({ code: 404 });
});

it('tells the public repository of every stream, after a restart on another port, too', async () => {
  await push('public/app', 'v1');
  expect((await stream('public', 'app')).status?.publicDockerImageRepository).toBe('127.0.0.1:15000/public/app');
  const other = mkdtempSync(join(tmpdir(), 'slipway-public-'));
  const before = await startImagePlatform(other, { publicHost: () => '127.0.0.1:1' });
  await before.client.create(imageStreams, { apiVersion: 'image.openshift.io/v1', kind: 'ImageStream', metadata: { name: 'app', namespace: 'public' }, spec: {} } as ImageStream);
  await before.close();
  const after = await startImagePlatform(other, { publicHost: () => '127.0.0.1:2' });
  await eventually(async () => (await after.client.get(imageStreams, { namespace: 'public', name: 'app' })).status?.publicDockerImageRepository).toBe('127.0.0.1:2/public/app');
  await after.close();
  rmSync(other, { recursive: true });
});
