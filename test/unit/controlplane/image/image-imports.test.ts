/** ImageStreamImport through the API, with the bodies that `oc` sends, from a registry that asks for credentials. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { secrets } from '../../../../src/api/kinds/core.ts';
import { limitRanges, resourceQuotas } from '../../../../src/api/kinds/quota.ts';
import { images, imageStreams, imageStreamTags, type Image, type ImageStream, type ImageStreamImport, type TagReference } from '../../../../src/api/kinds/image.ts';
import type { Platform } from '../../../../src/oci/manifest.ts';
import { mediaTypes } from '../../../../src/oci/media-types.ts';
import { buildImage } from '../../../../src/oci/image-builder.ts';
import { openRegistry } from '../../../../src/controlplane/image/importer.ts';
import { registryClient, type RegistryClient } from '../../../../src/oci/registry-client.ts';
import { eventually } from '../../../support/eventually.ts';
import { startImagePlatform, type ImagePlatform } from '../../../support/image-platform.ts';
import { manualClock } from '../../../support/manual-clock.ts';
import { startRegistry, type TestRegistry } from '../../../support/registry.ts';

let directory: string;
let platform: ImagePlatform;
let remote: TestRegistry;
let registry: RegistryClient;
let host: string;
const clock = manualClock();
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'slipway-imports-'));
  platform = await startImagePlatform(directory, { clock, openRegistry: (reference, options) => gated(openRegistry(reference, options)) });
  remote = await startRegistry({ directory: join(directory, 'remote') });
  registry = registryClient({ baseUrl: remote.url, auth: { username: 'x', password: 'admin' } });
  host = `127.0.0.1:${remote.port}`;
});
/** While set, manifests are waited for. */
let gate: { reached(): void; opened: Promise<void> } | undefined;
const gated = (client: RegistryClient): RegistryClient => ({
  ...client, close: () => client.close(), tags: (...args) => client.tags(...args), readBlob: (...args) => client.readBlob(...args),
  async manifest(...args) {
    const found = await client.manifest(...args);
    const [, , signal] = args;
    if (!gate) return found;
    gate.reached();
    await Promise.race([gate.opened, new Promise<void>((resolve) => signal?.addEventListener('abort', () => resolve()))]);
    signal?.throwIfAborted();
    return found;
  },
});
afterAll(async () => {
  registry.close();
  await remote.close();
  await platform.close();
  rmSync(directory, { recursive: true });
});

const made = (label: string, target: Platform = { os: 'linux', architecture: 'amd64' }) => buildImage({ layers: [], platform: target, change: { labels: { label }, exposedPorts: ['8080/tcp'] } });
const push = (repository: string, tag: string, image = made(`${repository}:${tag}`)) => registry.pushImage(repository, tag, { blobs: [{ ...image.config, content: image.config.bytes }], manifest: image.manifest });

/** An index of two images; the digests of index, amd64 and arm64. */
async function pushIndex(repository: string, tag: string): Promise<[string, string, string]> {
  const parts = await Promise.all((['amd64', 'arm64'] as const).map(async (architecture) => {
    const image = made(`${tag} ${architecture}`, { os: 'linux', architecture });
    await push(repository, image.manifest.digest, image);
    return { mediaType: image.manifest.mediaType, digest: image.manifest.digest, size: image.manifest.bytes.length, platform: { os: 'linux', architecture } };
  }));
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.index, manifests: parts }));
  return [await registry.pushManifest(repository, tag, { mediaType: mediaTypes.index, bytes }), parts[0]?.digest ?? '', parts[1]?.digest ?? ''];
}

let projects = 0;
/** A project with a pull secret for the registry, unless told otherwise. */
async function project(password: string | undefined = 'reader', annotations: Record<string, string> = {}): Promise<string> {
  const namespace = `p${++projects}`;
  if (password) await addSecret(namespace, 'pull', password, annotations);
  return namespace;
}
const addSecret = (namespace: string, name: string, password: string, annotations: Record<string, string> = {}) => {
  const config = { auths: { [host]: { auth: Buffer.from(`x:${password}`).toString('base64') } } };
  return platform.client.create(secrets, { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace, annotations }, type: 'kubernetes.io/dockerconfigjson', data: { '.dockerconfigjson': Buffer.from(JSON.stringify(config)).toString('base64') } } as never, { namespace });
};
const post = async (namespace: string, name: string, spec: object): Promise<ImageStreamImport> =>
  (await platform.client.raw('POST', `/apis/image.openshift.io/v1/namespaces/${namespace}/imagestreamimports`, { kind: 'ImageStreamImport', apiVersion: 'image.openshift.io/v1', metadata: { name, namespace, creationTimestamp: null }, spec, status: {} })) as ImageStreamImport;
const image = (from: string, more: object = {}) => ({ from: { kind: 'DockerImage', name: `${host}/${from}` }, importPolicy: {}, referencePolicy: { type: '' }, ...more });
const stream = (namespace: string, name: string) => platform.client.get(imageStreams, { namespace, name });
const create = (namespace: string, name: string, spec: ImageStream['spec']) => platform.client.create(imageStreams, { apiVersion: 'image.openshift.io/v1', kind: 'ImageStream', metadata: { name, namespace }, spec } as ImageStream, { namespace });
const imageNow = async (namespace: string, name: string, tag: string) => (await stream(namespace, name)).status?.tags?.find((one) => one.tag === tag)?.items?.[0]?.image;

describe('an import of images', () => {
  it('shows what they are and writes nothing, unless asked to', async () => {
    const digest = await push('lib/web', 'v1');
    const namespace = await project();
    const { status } = await post(namespace, 'web', { import: false, images: [image('lib/web:v1', { to: { name: 'latest' }, includeManifest: true })] });
    expect(status.import).toBeUndefined();
    expect(status.images?.[0]).toMatchObject({
      status: { metadata: {}, status: 'Success' }, tag: 'v1',
      image: { metadata: { name: digest }, dockerImageReference: `${host}/lib/web@${digest}`, dockerImageMetadata: { kind: 'DockerImage', Config: { ExposedPorts: { '8080/tcp': {} } } }, dockerImageManifest: expect.stringContaining('schemaVersion') as string, dockerImageConfig: expect.stringContaining('rootfs') as string },
    });
    await expect(stream(namespace, 'web')).rejects.toMatchObject({ code: 404 });
    await expect(platform.client.get(images, { name: digest })).rejects.toMatchObject({ code: 404 });
  });

  it('puts them into a stream, which is made if it is missing', async () => {
    const digest = await push('lib/web', 'v2');
    const namespace = await project();
    const { status } = await post(namespace, 'web', { import: true, images: [image('lib/web:v2', { to: { name: 'latest' } }), image('lib/web:v2')] });
    expect(status.images?.[0]?.image?.dockerImageManifest).toBeUndefined();
    expect(status.import).toMatchObject({
      metadata: { generation: 1, annotations: { 'openshift.io/image.dockerRepositoryCheck': expect.any(String) as string } },
      spec: { tags: [{ name: 'latest', from: { kind: 'DockerImage', name: `${host}/lib/web:v2` }, generation: 1, importPolicy: { importMode: 'Legacy' }, referencePolicy: { type: 'Source' } }, { name: 'v2' }] },
      status: { tags: [{ tag: 'latest', items: [{ dockerImageReference: `${host}/lib/web@${digest}`, image: digest, generation: 1 }] }, { tag: 'v2' }] },
    });
    expect((await platform.client.get(imageStreamTags, { namespace, name: 'web:latest' })).image.dockerImageMetadata?.Architecture).toBe('amd64');
    // A second time changes nothing at all.
    const { metadata } = await stream(namespace, 'web');
    await post(namespace, 'web', { import: true, images: [image('lib/web:v2', { to: { name: 'latest' } })] });
    expect((await stream(namespace, 'web')).metadata.resourceVersion).toBe(metadata.resourceVersion);
  });

  it('tells of each what became of it', async () => {
    await push('lib/web', 'v3');
    const namespace = await project();
    const { status } = await post(namespace, 'web', { import: true, images: [image('lib/web:v3'), image('lib/none:v1'), image('lib/web:v9', { to: { name: 'nine' } })] });
    expect(status.images?.map(({ status: one }) => one)).toEqual([
      { metadata: {}, status: 'Success' },
      { metadata: {}, status: 'Failure', reason: 'NotFound', code: 404, message: `dockerimage.image.openshift.io "${host}/lib/none:v1" not found`, details: { name: `${host}/lib/none:v1`, group: 'image.openshift.io', kind: 'dockerimage' } },
      { metadata: {}, status: 'Failure', reason: 'NotFound', code: 404, message: `dockerimage.image.openshift.io "${host}/lib/web:v9" not found`, details: expect.anything() as object },
    ]);
    expect(status.import?.status?.tags?.map(({ tag, conditions }) => [tag, conditions?.[0]?.reason])).toEqual([['nine', 'NotFound'], ['v1', 'NotFound'], ['v3', undefined]]);
  });

  it.each<[string, string | undefined, Record<string, string>, string | RegExp]>([
    ['no credentials', '', {}, /you may not have access to the container image .* and did not have credentials/],
    ['wrong credentials', 'nobody', {}, /incorrect username or password for image/],
    ['credentials that are excluded', 'reader', { 'openshift.io/image.excludeSecret': 'true' }, /did not have credentials/],
  ])('fails with %s', async (_what, password, annotations, text) => {
    await push('lib/guarded', 'v1');
    const namespace = await project(password, annotations);
    const { status } = await post(namespace, 'web', { import: true, images: [image('lib/guarded:v1')] });
    expect(status.images?.[0]?.status).toMatchObject({ reason: 'Unauthorized', code: 401, message: expect.stringMatching(text) as string });
  });

  it('tries every credential of the project, and none for what is public', async () => {
    await push('lib/guarded', 'v1');
    await push('open/free', 'v1');
    const namespace = await project('nobody');
    expect((await post(namespace, 'free', { import: false, images: [image('open/free:v1')] })).status.images?.[0]?.status.status).toBe('Success');
    await addSecret(namespace, 'second', 'reader');
    expect((await post(namespace, 'web', { import: false, images: [image('lib/guarded:v1')] })).status.images?.[0]?.status.status).toBe('Success');
  });

  it('takes one of an index, that of the machine asked for, or the whole of it', async () => {
    const [index, amd64, arm64] = await pushIndex('lib/multi', 'v1');
    const namespace = await project();
    await create(namespace, 'multi', { tags: [{ name: 'arm', annotations: { 'importer.image.openshift.io/prefer-arch': 'arm64' } }] });
    const whole = { importPolicy: { importMode: 'PreserveOriginal' } };
    const { status } = await post(namespace, 'multi', { import: true, images: [image('lib/multi:v1'), image('lib/multi:v1', { to: { name: 'arm' } }), image('lib/multi:v1', { to: { name: 'all' }, ...whole }), image(`lib/multi@${index}`, { to: { name: 'pinned' }, ...whole })] });
    expect(status.images?.map(({ image: found }) => found?.metadata.name)).toEqual([process.arch === 'arm64' ? arm64 : amd64, arm64, index, index]);
    expect(status.images?.[2]?.manifests?.map(({ metadata, dockerImageMetadata }) => [metadata.name, dockerImageMetadata?.Architecture])).toEqual([[amd64, 'amd64'], [arm64, 'arm64']]);
    expect(await platform.client.get(images, { name: index })).toMatchObject({ dockerImageManifests: [{ digest: amd64, architecture: 'amd64', os: 'linux' }, { digest: arm64, architecture: 'arm64', os: 'linux' }] });
    expect((await platform.client.get(images, { name: arm64 })).dockerImageReference).toBe(`${host}/lib/multi@${arm64}`);
    expect((await stream(namespace, 'multi')).spec.tags?.find(({ name }) => name === 'all')?.importPolicy).toEqual({ importMode: 'PreserveOriginal' });
    const layers = (await platform.client.raw('GET', `/apis/image.openshift.io/v1/namespaces/${namespace}/imagestreams/multi/layers`)) as { images: Record<string, { manifests?: string[]; config?: string }>; blobs: Record<string, { size: number | null; mediaType: string }> };
    expect(layers.images[index]).toEqual({ manifests: [amd64, arm64] });
    expect(layers.blobs[layers.images[arm64]?.config ?? '']).toEqual({ size: null, mediaType: mediaTypes.config });
    expect(layers.blobs[index]).toEqual({ size: null, mediaType: mediaTypes.index });
  });

  it.each<[string, object, RegExp]>([
    ['nothing', { import: true }, /you must specify at least one image or a repository import/],
    ['another kind', { import: true, images: [{ from: { kind: 'ImageStreamTag', name: 'a:b' } }] }, /spec\.images\[0\]\.from\.kind: Invalid value: "ImageStreamTag": only DockerImage is supported/],
    ['no name', { import: true, images: [{ from: { kind: 'DockerImage' } }] }, /spec\.images\[0\]\.from\.name: Required value/],
    ['a target without a name', { import: true, images: [{ from: { kind: 'DockerImage', name: 'a:b' }, to: { name: '' } }] }, /the name of the target tag must be specified/],
    ['no reference', { import: true, images: [{ from: { kind: 'DockerImage', name: 'A B' } }] }, /invalid image reference/],
    ['a repository with a tag', { import: true, repository: { from: { kind: 'DockerImage', name: 'a/b:c' } } }, /you must specify an image repository, not a tag or ID/],
  ])('refuses %s', async (_what, spec, text) => {
    await expect(post('refused', 'web', spec)).rejects.toMatchObject({ code: 422, message: expect.stringMatching(text) as string });
  });

  it('refuses names that no repository can have, and streams that are not what the client saw', async () => {
    await expect(post('refused', 'Web', { import: true, images: [image('a:b')] })).rejects.toMatchObject({ code: 422, message: expect.stringContaining('must match') as string });
    const namespace = await project();
    const { metadata } = await create(namespace, 'seen', {});
    const body = (seen: object) => ({ kind: 'ImageStreamImport', apiVersion: 'image.openshift.io/v1', metadata: { name: 'seen', namespace, ...seen }, spec: { import: true, images: [image('lib/web:v1')] }, status: {} });
    const send = (seen: object) => platform.client.raw('POST', `/apis/image.openshift.io/v1/namespaces/${namespace}/imagestreamimports`, body(seen));
    await expect(send({ resourceVersion: '1' })).rejects.toMatchObject({ code: 409 });
    await expect(send({ uid: 'another' })).rejects.toMatchObject({ code: 404 });
    await send({ resourceVersion: metadata.resourceVersion, uid: metadata.uid });
  });
});

describe('an import of a repository', () => {
  it('takes its fifty most important tags and names the others', async () => {
    const one = made('many');
    for (let index = 0; index < 53; index++) await push('lib/many', `t${String(index).padStart(2, '0')}`, one);
    await push('lib/many', 'latest', one);
    const namespace = await project();
    const { status } = await post(namespace, 'many', { import: true, repository: { from: { kind: 'DockerImage', name: `${host}/lib/many` }, importPolicy: { scheduled: true } } });
    expect(status.repository?.status).toEqual({ metadata: {}, status: 'Success' });
    expect([status.repository?.images?.length, status.repository?.images?.[0]?.tag, status.repository?.additionalTags]).toEqual([50, 'latest', ['t49', 't50', 't51', 't52']]);
    expect(status.import?.spec.tags?.length).toBe(50);
    expect(status.import?.spec.tags?.[0]).toMatchObject({ name: 'latest', from: { name: `${host}/lib/many:latest` }, importPolicy: { scheduled: true } });
  });

  it('fails as a whole if it cannot be read', async () => {
    const namespace = await project();
    const { status } = await post(namespace, 'none', { import: true, repository: { from: { kind: 'DockerImage', name: `${host}/lib/never` } } });
    expect(status.repository).toMatchObject({ status: { status: 'Failure', reason: 'NotFound' } });
  });

  it('is made by the controller for a stream that names one, once', async () => {
    await push('lib/old', 'one');
    await push('lib/old', 'two');
    const namespace = await project();
    await create(namespace, 'old', { dockerImageRepository: `${host}/lib/old` });
    await eventually(async () => (await stream(namespace, 'old')).status?.tags?.map(({ tag }) => tag)).toEqual(['one', 'two']);
    expect((await stream(namespace, 'old')).spec.tags?.map(({ from }) => from?.name)).toEqual(['one', 'two'].map((tag) => `${host}/lib/old:${tag}`));
  });
});

describe('the schedule', () => {
  const scheduled = (tag: string): TagReference => ({ name: 'latest', from: { kind: 'DockerImage', name: `${host}/lib/${tag}` }, importPolicy: { scheduled: true } });

  it('looks scheduled tags up every 15 minutes, and others never again', async () => {
    const first = await push('lib/moving', 'v1', made('first'));
    const namespace = await project();
    await create(namespace, 'moving', { tags: [scheduled('moving:v1'), { name: 'still', from: { kind: 'DockerImage', name: `${host}/lib/moving:v1` } }] });
    await eventually(() => imageNow(namespace, 'moving', 'latest')).toBe(first);
    const second = await push('lib/moving', 'v1', made('second'));
    await clock.advance(14 * 60_000);
    expect(await imageNow(namespace, 'moving', 'latest')).toBe(first);
    await clock.advance(60_000);
    await eventually(() => imageNow(namespace, 'moving', 'latest')).toBe(second);
    const now = await stream(namespace, 'moving');
    expect(now.status?.tags?.[0]?.items?.map(({ image: one, generation }) => [one, generation])).toEqual([[second, 3], [first, 2]]);
    expect(await imageNow(namespace, 'moving', 'still')).toBe(first);
    const third = await push('lib/moving', 'v1', made('third'));
    await clock.advance(15 * 60_000);
    await eventually(() => imageNow(namespace, 'moving', 'latest')).toBe(third);
  });

  it('tells when an image is gone, and keeps what there was', async () => {
    const first = await push('lib/going', 'v1');
    const namespace = await project();
    await create(namespace, 'going', { tags: [scheduled('going:v1')] });
    await eventually(() => imageNow(namespace, 'going', 'latest')).toBe(first);
    await remote.streams.removeTag({ namespace: 'lib', name: 'going' }, 'v1');
    await clock.advance(15 * 60_000);
    await eventually(async () => (await stream(namespace, 'going')).status?.tags?.[0]?.conditions?.[0]?.reason).toBe('NotFound');
    expect(await imageNow(namespace, 'going', 'latest')).toBe(first);
  });
});

describe('what somebody writes while an image is looked up', () => {
  const tagOf = (name: string): TagReference => ({ name: 'v1', from: { kind: 'DockerImage', name: `${host}/lib/${name}` } });
  /** Asks for an import, and runs `write` once the image was looked up, before the outcome is recorded. */
  async function during(ask: () => Promise<unknown>, write: () => Promise<unknown>): Promise<void> {
    let open: () => void = () => undefined;
    const reached = new Promise<void>((resolve) => (gate = { reached: resolve, opened: new Promise((done) => (open = done)) }));
    try {
      await ask();
      await reached;
      await write();
    } finally {
      gate = undefined;
      open();
    }
  }

  it('counts: a tag that was deleted stays away', async () => {
    await push('lib/racing', 'v1');
    const namespace = await project();
    await create(namespace, 'racing', { tags: [{ name: 'kept', from: { kind: 'DockerImage', name: 'quay.io/a/b:c' }, reference: true }] });
    await during(
      async () => platform.client.update(imageStreams, { ...(await stream(namespace, 'racing')), spec: { tags: [tagOf('racing:v1')] } } as ImageStream),
      () => platform.client.delete(imageStreamTags, { namespace, name: 'racing:v1' }),
    );
    // What comes after is imported after it.
    await post(namespace, 'racing', { import: true, images: [image('lib/racing:v1', { to: { name: 'other' } })] });
    const { spec, status } = await stream(namespace, 'racing');
    expect([spec.tags?.map(({ name }) => name), status?.tags?.map(({ tag }) => tag)]).toEqual([['other'], ['kept', 'other']]);
  });

  it('counts: a tag with another source is imported from there', async () => {
    const [, second] = [await push('lib/racing', 'v2'), await push('lib/racing', 'v3')];
    const namespace = await project();
    await during(
      () => create(namespace, 'turning', { tags: [tagOf('racing:v2')] }),
      async () => platform.client.update(imageStreams, { ...(await stream(namespace, 'turning')), spec: { tags: [tagOf('racing:v3')] } } as ImageStream),
    );
    await eventually(() => imageNow(namespace, 'turning', 'v1')).toBe(second);
    expect((await stream(namespace, 'turning')).status?.tags?.[0]?.items).toHaveLength(1);
  });
});

it('is begun again when the platform stopped in the middle of it', async () => {
  const digest = await push('open/late', 'v1');
  const home = mkdtempSync(join(tmpdir(), 'slipway-imports-'));
  const reached = new Promise<void>((resolve) => (gate = { reached: resolve, opened: new Promise(() => undefined) }));
  const first = await startImagePlatform(home, { openRegistry: (reference, options) => gated(openRegistry(reference, options)) });
  await first.client.create(imageStreams, { apiVersion: 'image.openshift.io/v1', kind: 'ImageStream', metadata: { name: 'late', namespace: 'stopped' }, spec: { tags: [{ name: 'v1', from: { kind: 'DockerImage', name: `${host}/open/late:v1` } }] } } as ImageStream);
  await reached;
  await first.close();
  gate = undefined;
  const second = await startImagePlatform(home);
  await eventually(async () => (await second.client.get(imageStreams, { namespace: 'stopped', name: 'late' })).status?.tags?.[0]?.items?.map(({ image: one }) => one)).toEqual([digest]);
  await second.close();
  rmSync(home, { recursive: true });
});

it('needs no stream to show the project’s pull secrets', async () => {
  const namespace = await project();
  await addSecret(namespace, 'excluded', 'x', { 'openshift.io/image.excludeSecret': 'true' });
  const found = (await platform.client.raw('GET', `/apis/image.openshift.io/v1/namespaces/${namespace}/imagestreams/not-yet/secrets`)) as { kind: string; items: { metadata: { name: string } }[] };
  expect([found.kind, found.items.map(({ metadata }) => metadata.name)]).toEqual(['SecretList', ['pull']]);
});

it('keeps images that others made first', async () => {
  const digest = await push('lib/shared', 'v1');
  const [one, two] = [await project(), await project()];
  await post(one, 'web', { import: true, images: [image('lib/shared:v1')] });
  const { metadata } = await platform.client.get(images, { name: digest }) as Image;
  await post(two, 'web', { import: true, images: [image('lib/shared:v1')] });
  expect((await platform.client.get(images, { name: digest })).metadata.resourceVersion).toBe(metadata.resourceVersion);
});

describe('an import beyond what its project may have', () => {
  const limit = (namespace: string, max: Record<string, string>, type = 'openshift.io/ImageStream') => platform.client.create(limitRanges, { apiVersion: 'v1', kind: 'LimitRange', metadata: { name: 'limits', namespace }, spec: { limits: [{ type, max }] } } as never, { namespace });
  const quota = (namespace: string, hard: Record<string, string>) => platform.client.create(resourceQuotas, { apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name: 'objects', namespace }, spec: { hard } } as never, { namespace });
  const versions = ['v1', 'v2', 'v3'].map((tag) => `lib/bounded:${tag}`);

  it.each([
    ['images of a stream', { 'openshift.io/images': '2' }, 'requested usage of openshift.io/images exceeds the maximum limit per openshift.io/ImageStream (3 > 2)'],
    ['tags of a stream', { 'openshift.io/image-tags': '2' }, 'requested usage of openshift.io/image-tags exceeds the maximum limit per openshift.io/ImageStream (3 > 2)'],
  ])('%s: nothing of it is imported', async (_, max, why) => {
    for (const version of versions) await push('lib/bounded', version.split(':')[1] ?? '');
    const namespace = await project();
    await limit(namespace, max);
    await post(namespace, 'app', { import: true, images: versions.slice(0, 2).map((name) => image(name)) });
    await expect(post(namespace, 'app', { import: true, images: [image('lib/bounded:v3')] })).rejects.toMatchObject({ code: 403, message: `imagestreams.image.openshift.io "app" is forbidden: ${why}` });
    expect((await stream(namespace, 'app')).status?.tags?.map(({ tag }) => tag)).toEqual(['v1', 'v2']);
    // What is there may be imported anew.
    expect((await post(namespace, 'app', { import: true, images: versions.slice(0, 2).map((name) => image(name)) })).status.images?.map(({ status }) => status.status)).toEqual(['Success', 'Success']);
  });

  it('a tag that waits for its image tells why it does not come, and nothing is tried again', async () => {
    const namespace = await project();
    await limit(namespace, { 'openshift.io/images': '1' });
    const digest = await push('lib/bounded', 'v1');
    await push('lib/bounded', 'v2');
    const tags = (...names: string[]) => names.map((name): TagReference => ({ name, from: { kind: 'DockerImage', name: `${host}/lib/bounded:${name}` } }));
    await create(namespace, 'app', { tags: tags('v1') });
    await eventually(() => imageNow(namespace, 'app', 'v1')).toBe(digest);
    const more: ImageStream = { ...(await stream(namespace, 'app')), spec: { tags: tags('v1', 'v2') } };
    await platform.client.update(imageStreams, more, { namespace, name: 'app' });
    await eventually(async () => (await stream(namespace, 'app')).status?.tags?.find(({ tag }) => tag === 'v2')?.conditions?.[0]).toMatchObject({ type: 'ImportSuccess', status: 'False', reason: 'Forbidden', message: expect.stringContaining('openshift.io/images exceeds the maximum limit') as string });
    expect(await imageNow(namespace, 'app', 'v1')).toBe(digest);
    expect(await imageNow(namespace, 'app', 'v2')).toBeUndefined();
  });

  it('a quota counts streams and images; the size of an image bounds pushes alone', async () => {
    const namespace = await project();
    await quota(namespace, { 'openshift.io/imagestreams': '1', 'openshift.io/images': '1' });
    await limit(namespace, { storage: '1' }, 'openshift.io/Image');
    await push('lib/bounded', 'v1');
    await push('lib/bounded', 'v2');
    await post(namespace, 'one', { import: true, images: [image('lib/bounded:v1')] });
    await expect(post(namespace, 'one', { import: true, images: [image('lib/bounded:v2')] })).rejects.toMatchObject({ code: 403, message: expect.stringContaining('exceeded quota: objects, requested: openshift.io/images=1, used: openshift.io/images=1, limited: openshift.io/images=1') as string });
    await expect(post(namespace, 'two', { import: true, images: [image('lib/bounded:v1')] })).rejects.toMatchObject({ code: 403, message: expect.stringContaining('openshift.io/imagestreams=1') as string });
    await expect(stream(namespace, 'two')).rejects.toMatchObject({ code: 404 });
  });
});
