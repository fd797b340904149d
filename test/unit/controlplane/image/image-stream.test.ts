/** Image streams through the API and the registry, as `oc`, builds and engines use them. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { secrets } from '../../../../src/api/kinds/core.ts';
import { images, imageStreamImages, imageStreamMappings, imageStreams, imageStreamTags, registryHost, type ImageStream, type ImageStreamTag, type TagReference } from '../../../../src/api/kinds/image.ts';
import { digestOf } from '../../../../src/oci/digest.ts';
import { buildImage, type BuiltImage } from '../../../../src/oci/image-builder.ts';
import { registryClient, type RegistryClient } from '../../../../src/oci/registry-client.ts';
import { startImagePlatform, type ImagePlatform } from '../../../support/image-platform.ts';

let directory: string;
let platform: ImagePlatform;
let registry: RegistryClient;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'slipway-streams-'));
  platform = await startImagePlatform(directory);
  registry = registryClient({ baseUrl: platform.registry, auth: { username: 'x', password: 'admin' } });
});
afterAll(async () => {
  registry.close();
  await platform.close();
  rmSync(directory, { recursive: true });
});

const made = (label: string): BuiltImage => buildImage({ layers: [], platform: { os: 'linux', architecture: 'amd64' }, change: { labels: { label }, exposedPorts: ['8080/tcp'], cmd: ['run'] } });
const push = (repository: string, tag: string, image: BuiltImage, client = registry) => client.pushImage(repository, tag, { blobs: [{ ...image.config, content: image.config.bytes }], manifest: image.manifest });
const stream = (namespace: string, name: string) => platform.client.get(imageStreams, { namespace, name });
const newStream = (namespace: string, name: string, tags: TagReference[] = []): ImageStream => ({ apiVersion: 'image.openshift.io/v1', kind: 'ImageStream', metadata: { namespace, name }, spec: { tags } });
const create = (one: ImageStream) => platform.client.create(imageStreams, one, { namespace: one.metadata.namespace });
const tagOf = (one: ImageStream, tag: string) => one.status?.tags?.find((found) => found.tag === tag);
const reference = (namespace: string, name: string, digest: string) => `${registryHost}/${namespace}/${name}@${digest}`;
const setTag = (namespace: string, name: string, tag: TagReference) =>
  platform.client.update(imageStreamTags, { apiVersion: 'image.openshift.io/v1', kind: 'ImageStreamTag', metadata: { name: `${name}:${tag.name}`, namespace, ...(tag.annotations && { annotations: tag.annotations }) }, tag } as unknown as ImageStreamTag, { namespace, name: `${name}:${tag.name}` });
const until = async <T>(read: () => Promise<T | undefined>): Promise<T> => {
  for (;;) {
    const found = await read();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
};

describe('a push', () => {
  it('makes stream, tag and image, newest first', async () => {
    const [one, two] = [made('one'), made('two')];
    expect(await registry.resolve('demo/web', 'latest')).toBeUndefined();
    await push('demo/web', 'latest', one);
    const digest = await push('demo/web', 'latest', two);
    const pushed = await stream('demo', 'web');
    expect(pushed.status).toMatchObject({ dockerImageRepository: `${registryHost}/demo/web` });
    expect(tagOf(pushed, 'latest')?.items).toEqual([two, one].map(({ manifest }) => ({ created: expect.any(String), dockerImageReference: reference('demo', 'web', manifest.digest), image: manifest.digest, generation: 1 })));
    expect(await platform.client.get(images, { name: digest })).toMatchObject({
      metadata: { annotations: { 'openshift.io/image.managed': 'true', 'image.openshift.io/manifestBlobStored': 'true' } },
      dockerImageReference: reference('demo', 'web', digest),
      dockerImageMetadata: { Id: two.config.digest, Architecture: 'amd64', Config: { Labels: { label: 'two' }, ExposedPorts: { '8080/tcp': {} }, Cmd: ['run'] } },
    });
    expect(await registry.tags('demo/web')).toEqual(['latest']);
    expect((await registry.image('demo/web', 'latest')).config.config?.Labels).toEqual({ label: 'two' });
    expect(await registry.resolve('demo/web', one.manifest.digest)).toBe(one.manifest.digest);
    await push('demo/web', 'latest', two);
    expect(tagOf(await stream('demo', 'web'), 'latest')?.items).toHaveLength(2);
  });

  it('by digest makes the image alone', async () => {
    const image = made('untagged');
    await push('demo/web', image.manifest.digest, image);
    expect((await platform.client.get(images, { name: image.manifest.digest })).metadata.name).toBe(image.manifest.digest);
    expect(JSON.stringify(await stream('demo', 'web'))).not.toContain(image.manifest.digest);
  });

  it('needs the right to make a stream that is missing', async () => {
    const builder = registryClient({ baseUrl: platform.registry, auth: { username: 'x', password: 'builder' } });
    await expect(push('demo/fresh', 'latest', made('fresh'), builder)).rejects.toMatchObject({ problem: 'Denied', code: 'DENIED' });
    await create(newStream('demo', 'fresh'));
    await push('demo/fresh', 'latest', made('fresh'), builder);
    builder.close();
  });
});

describe('tags of a spec', () => {
  it('take the image they name within the same write, and follow tags of their own stream', async () => {
    const [one, two] = [made('f1'), made('f2')];
    await push('tags/app', 'v1', one);
    await setTag('tags', 'app', { name: 'prod', from: { kind: 'ImageStreamTag', name: 'v1' } });
    const chained = await setTag('tags', 'app', { name: 'shown', from: { kind: 'ImageStreamTag', name: 'app:prod' } });
    expect(chained).toMatchObject({ generation: 3, tag: { generation: 3 }, image: { metadata: { name: one.manifest.digest } } });
    await setTag('tags', 'app', { name: 'pinned', from: { kind: 'ImageStreamImage', name: `app@${one.manifest.digest}` } });
    await push('tags/app', 'v1', two);
    const after = await stream('tags', 'app');
    expect(after.metadata.generation).toBe(4);
    for (const [tag, image] of [['v1', two], ['prod', two], ['shown', two], ['pinned', one]] as const) expect([tag, tagOf(after, tag)?.items?.[0]?.image]).toEqual([tag, image.manifest.digest]);
    expect(tagOf(after, 'shown')?.items?.map(({ image }) => image)).toEqual([two.manifest.digest, one.manifest.digest]);
  });

  it('take images from other projects, and can be pulled from here then', async () => {
    const image = made('across');
    await push('source/lib', 'latest', image);
    const created = await create(newStream('demo', 'mine', [{ name: 'latest', from: { kind: 'ImageStreamTag', name: 'lib:latest', namespace: 'source' } }]));
    expect(tagOf(created, 'latest')?.items).toEqual([{ created: expect.any(String), dockerImageReference: reference('demo', 'mine', image.manifest.digest), image: image.manifest.digest, generation: 1 }]);
    const builder = registryClient({ baseUrl: platform.registry, auth: { username: 'x', password: 'builder' } });
    expect((await builder.image('demo/mine', 'latest')).config.config?.Labels).toEqual({ label: 'across' });
    await expect(builder.image('source/lib', 'latest')).rejects.toMatchObject({ problem: 'Denied' });
    builder.close();
  });

  it.each<[string, TagReference, RegExp]>([
    ['another kind', { name: 'x', from: { kind: 'Pod', name: 'a' } }, /from\.kind: Unsupported value|must be DockerImage/],
    ['a missing stream', { name: 'x', from: { kind: 'ImageStreamTag', name: 'nowhere:latest' } }, /from\.name: Not found/],
    ['a reference of the wrong form', { name: 'x', from: { kind: 'ImageStreamTag', name: 'a:b:c' } }, /must be of the form/],
    ['no image reference', { name: 'x', from: { kind: 'DockerImage', name: 'UPPER/x y' } }, /invalid image reference/],
    ['a bad name', { name: '-x', from: { kind: 'DockerImage', name: 'nginx' }, reference: true }, /must be a tag/],
    ['a schedule on a stream tag', { name: 'x', from: { kind: 'ImageStreamTag', name: 'y' }, importPolicy: { scheduled: true } }, /may be scheduled/],
  ])('are refused with %s', async (_what, tag, text) => {
    await expect(create(newStream('demo', 'refused', [tag]))).rejects.toMatchObject({ code: 422, message: expect.stringMatching(text) as string });
  });

  it.each<[string, ImageStream['spec'], RegExp]>([
    ['a tag', { dockerImageRepository: 'quay.io/a/b:c' }, /spec\.dockerImageRepository: Invalid value: "quay\.io\/a\/b:c": the repository name may not contain a tag/],
    ['a digest', { dockerImageRepository: `quay.io/a/b@sha256:${'a'.repeat(64)}` }, /may not contain an ID/],
    ['no name', { dockerImageRepository: 'A B' }, /invalid image reference/],
  ])('stand beside no repository with %s', async (_what, spec, text) => {
    await expect(create({ ...newStream('demo', 'refused'), spec })).rejects.toMatchObject({ code: 422, message: expect.stringMatching(text) as string });
  });

  it('keep generations that clients send only when they ask for another look', async () => {
    const made = await create(newStream('demo', 'generations', [{ name: 'a', from: { kind: 'DockerImage', name: 'quay.io/a/b:c' }, reference: true, generation: 77 }]));
    expect(made.spec.tags?.[0]?.generation).toBe(1);
    expect(tagOf(made, 'a')?.items).toEqual([{ created: expect.any(String), dockerImageReference: 'quay.io/a/b:c', image: '', generation: 1 }]);
    const touched = structuredClone(made);
    touched.spec.tags![0]!.generation = 99;
    touched.metadata.labels = { l: '1' };
    const same = await platform.client.update(imageStreams, touched);
    expect([same.metadata.generation, same.spec.tags?.[0]?.generation]).toEqual([1, 1]);
    const again = await platform.client.update(imageStreams, { ...structuredClone(same), spec: { tags: [{ ...same.spec.tags![0]!, generation: 0 }] } } as ImageStream);
    expect([again.metadata.generation, again.spec.tags?.[0]?.generation]).toEqual([2, 2]);
  });

  it('may not read a project that the user may not pull from', async () => {
    await push('secretive/lib', 'latest', made('hidden'));
    const tag = { name: 'x', from: { kind: 'ImageStreamTag', name: 'lib:latest', namespace: 'secretive' } };
    // User `sneak` may write streams but pull nothing.
    const { imageStreamKind } = await import('../../../../src/controlplane/image/image-stream.ts');
    const { LateClient } = await import('../../../../src/controlplane/kernel/boot/late-client.ts');
    const client = new LateClient();
    client.set(platform.client);
    const rules = imageStreamKind({ client, authorize: () => ({ allowed: false }), publicHost: () => undefined });
    const context = { user: { username: 'sneak', groups: [] }, now: new Date() } as unknown as Parameters<NonNullable<typeof rules.prepareCreate>>[1];
    await expect(rules.prepareCreate?.(newStream('demo', 'sneaky', [tag]), context)).rejects.toMatchObject({ code: 422, message: expect.stringContaining('Forbidden: secretive/lib') as string });
  });
});

describe('virtual kinds', () => {
  it('show tags and images of a stream', async () => {
    const image = made('virtual');
    await push('virtual/app', 'v1', image);
    await setTag('virtual', 'app', { name: 'v1', from: { kind: 'ImageStreamImage', name: `app@${image.manifest.digest}` }, referencePolicy: { type: 'Local' }, annotations: { note: 'n' } });
    const tag = await platform.client.get(imageStreamTags, { namespace: 'virtual', name: 'app:v1' });
    expect(tag).toMatchObject({ metadata: { name: 'app:v1', namespace: 'virtual', annotations: { note: 'n' } }, lookupPolicy: { local: false }, image: { metadata: { name: image.manifest.digest }, dockerImageReference: reference('virtual', 'app', image.manifest.digest) } });
    const list = await platform.client.list(imageStreamTags, { namespace: 'virtual' });
    expect(list.items.map(({ metadata }) => metadata.name)).toEqual(['app:v1']);
    for (const id of [image.manifest.digest, image.manifest.digest.slice(0, 19), image.manifest.digest.slice(7, 19)]) {
      const found = await platform.client.get(imageStreamImages, { namespace: 'virtual', name: `app@${id}` });
      expect([found.metadata.name, found.image.metadata.name]).toEqual([`app@${image.manifest.digest}`, image.manifest.digest]);
    }
    for (const [of, name, code] of [[imageStreamTags, 'app:none', 404], [imageStreamTags, 'none:v1', 404], [imageStreamTags, 'app', 400], [imageStreamImages, 'app@abc', 404], [imageStreamImages, 'app:v1', 400]] as const)
      await expect(platform.client.get<never>(of as never, { namespace: 'virtual', name })).rejects.toMatchObject({ code });
  });

  it('create tags, in streams that may be missing, once', async () => {
    const tag = { apiVersion: 'image.openshift.io/v1', kind: 'ImageStreamTag', metadata: { name: 'made:ext', namespace: 'virtual' }, tag: { name: '', from: { kind: 'DockerImage', name: 'quay.io/a/b:c' }, reference: true } } as unknown as ImageStreamTag;
    await platform.client.create(imageStreamTags, tag, { namespace: 'virtual' });
    expect((await stream('virtual', 'made')).spec.tags?.[0]).toMatchObject({ name: 'ext', from: { name: 'quay.io/a/b:c' } });
    await expect(platform.client.create(imageStreamTags, tag, { namespace: 'virtual' })).rejects.toMatchObject({ code: 409, reason: 'AlreadyExists' });
  });

  it('delete a tag with its history, not its image', async () => {
    const image = made('deleted');
    await push('virtual/deleted', 'a', image);
    await setTag('virtual', 'deleted', { name: 'b', from: { kind: 'ImageStreamTag', name: 'a' } });
    await platform.client.delete(imageStreamTags, { namespace: 'virtual', name: 'deleted:b' });
    await platform.client.delete(imageStreamTags, { namespace: 'virtual', name: 'deleted:a' });
    const after = await stream('virtual', 'deleted');
    expect([after.spec.tags ?? [], after.status?.tags ?? []]).toEqual([[], []]);
    expect((await platform.client.get(images, { name: image.manifest.digest })).metadata.name).toBe(image.manifest.digest);
    await expect(platform.client.delete(imageStreamTags, { namespace: 'virtual', name: 'deleted:a' })).rejects.toMatchObject({ code: 404 });
    await expect(registry.manifest('virtual/deleted', 'a')).rejects.toMatchObject({ code: 'MANIFEST_UNKNOWN' });
  });

  it('refuse mappings that say too little', async () => {
    const mapping = { apiVersion: 'image.openshift.io/v1', kind: 'ImageStreamMapping', metadata: { name: 'app', namespace: 'virtual' }, image: { metadata: { name: 'latest' } }, tag: '' };
    await expect(platform.client.create(imageStreamMappings, mapping, { namespace: 'virtual' })).rejects.toMatchObject({ code: 422, message: expect.stringMatching(/digest of the manifest.*dockerImageReference: Required/) as string });
  });

  it('list layers and pull secrets below a stream', async () => {
    const image = made('layers');
    await push('virtual/layers', 'a', image);
    const layers = (await platform.client.raw('GET', '/apis/image.openshift.io/v1/namespaces/virtual/imagestreams/layers/layers')) as { images: Record<string, { config: string }> };
    expect(layers.images[image.manifest.digest]).toMatchObject({ config: image.config.digest });
    await platform.client.create(secrets, { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'pull', namespace: 'virtual' }, type: 'kubernetes.io/dockerconfigjson', data: {} } as never, { namespace: 'virtual' });
    const found = (await platform.client.raw('GET', '/apis/image.openshift.io/v1/namespaces/virtual/imagestreams/layers/secrets')) as { items: { metadata: { name: string } }[] };
    expect(found.items.map(({ metadata }) => metadata.name)).toEqual(['pull']);
  });
});

describe('tables', () => {
  it('read like OpenShift’s', async () => {
    for (const tag of ['latest', ...'abcdefgh'.split('').map((letter) => letter.repeat(7))]) await push('table/many', tag, made(tag));
    const response = await fetch(`${platform.api}/apis/image.openshift.io/v1/namespaces/table/imagestreams`, { headers: { authorization: 'Bearer admin', accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' } });
    const table = (await response.json()) as { columnDefinitions: { name: string }[]; rows: { cells: string[] }[] };
    expect(table.columnDefinitions.map(({ name }) => name)).toEqual(['Name', 'Image Repository', 'Tags', 'Updated']);
    expect(table.rows[0]?.cells.slice(0, 2)).toEqual(['many', `${registryHost}/table/many`]);
    expect(table.rows[0]?.cells[2]).toMatch(/^[a-z]+(,[a-z]+){4,5} \+ [34] more\.\.\.$/);
    expect(table.rows[0]?.cells[3]).toMatch(/^(Less than a second|\d+ seconds?) ago$/);
  });
});

describe('import', () => {
  const external = (tag: string) => `${new URL(platform.registry).host}/${tag}`;
  it('looks up images elsewhere, with the project’s pull secrets, and again when asked', async () => {
    const [one, two] = [made('ext1'), made('ext2')];
    await push('elsewhere/app', 'v1', one);
    const auth = Buffer.from('x:reader').toString('base64');
    const data = { '.dockerconfigjson': Buffer.from(JSON.stringify({ auths: { [new URL(platform.registry).host]: { auth } } })).toString('base64') };
    await platform.client.create(secrets, { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'creds', namespace: 'imports' }, type: 'kubernetes.io/dockerconfigjson', data } as never, { namespace: 'imports' });
    await create(newStream('imports', 'app', [{ name: 'v1', from: { kind: 'DockerImage', name: external('elsewhere/app:v1') } }, { name: 'alias', from: { kind: 'ImageStreamTag', name: 'v1' } }]));
    const digest = async (tag: string, wanted: string) => until(async () => {
      const event = tagOf(await stream('imports', 'app'), tag)?.items?.[0];
      return event?.image === wanted ? event : undefined;
    });
    expect(await digest('v1', one.manifest.digest)).toMatchObject({ dockerImageReference: `${external('elsewhere/app')}@${one.manifest.digest}`, generation: 2 });
    await digest('alias', one.manifest.digest);
    await push('elsewhere/app', 'v1', two);
    await setTag('imports', 'app', { name: 'v1', from: { kind: 'DockerImage', name: external('elsewhere/app:v1') }, generation: 0 });
    // One for asking, one for what was found.
    expect(await digest('alias', two.manifest.digest)).toMatchObject({ generation: 4 });
  });

  it('says why it failed, and forgets it once it worked', async () => {
    await create(newStream('failing', 'app', [{ name: 'v1', from: { kind: 'DockerImage', name: external('open/missing:v1') } }]));
    const condition = await until(async () => tagOf(await stream('failing', 'app'), 'v1')?.conditions?.[0]);
    expect(condition).toMatchObject({ type: 'ImportSuccess', status: 'False', reason: 'NotFound', generation: 2, message: `dockerimage.image.openshift.io "${external('open/missing:v1')}" not found` });
    await push('open/missing', 'v1', made('now there'));
    await setTag('failing', 'app', { name: 'v1', from: { kind: 'DockerImage', name: external('open/missing:v1') }, generation: 0 });
    const list = await until(async () => {
      const found = tagOf(await stream('failing', 'app'), 'v1');
      return found?.items?.length ? found : undefined;
    });
    expect(list.conditions).toBeUndefined();
  });
});

it('gives names that can be trusted', () => {
  expect(made('x').manifest.digest).toBe(digestOf(made('x').manifest.bytes));
});
