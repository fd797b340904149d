import { describe, expect, it } from 'vitest';
import { chainId, digestOf } from '../../../src/oci/digest.ts';
import { buildImage, type BaseImage } from '../../../src/oci/image-builder.ts';
import { choosePlatform, parseConfig, parseManifest, type ImageIndex } from '../../../src/oci/manifest.ts';
import { mediaTypes } from '../../../src/oci/media-types.ts';

const base: BaseImage = {
  manifest: { schemaVersion: 2, mediaType: mediaTypes.dockerManifest, config: { mediaType: mediaTypes.dockerConfig, digest: digestOf('c'), size: 1 }, layers: [{ mediaType: mediaTypes.dockerLayer, digest: digestOf('b'), size: 10 }] },
  config: { os: 'linux', architecture: 'arm64', variant: 'v8', config: { Env: ['PATH=/bin', 'A=1'], Entrypoint: ['base'], Cmd: ['run'], Labels: { z: '1' }, ExposedPorts: { '80/tcp': {} }, User: '0' }, rootfs: { type: 'layers', diff_ids: [digestOf('diff-b')] }, history: [{ created_by: 'base' }] },
};
const layer = { mediaType: mediaTypes.layerZstd, digest: digestOf('l'), size: 20, diffId: digestOf('diff-l'), createdBy: 'assemble' };

describe('buildImage', () => {
  it('appends to a base, keeps its platform, and reads back', () => {
    const image = buildImage({ base, layers: [layer], change: { env: [{ name: 'A', value: '2' }, { name: 'B', value: 'b=c' }], labels: { a: '0' }, cmd: ['/usr/libexec/s2i/run'], entrypoint: null, user: '1001', workingDir: '/opt/app-root/src', exposedPorts: ['8080/tcp'] } });
    const config = parseConfig(image.config.bytes);
    expect(config).toEqual({
      created: '1970-01-01T00:00:00Z', os: 'linux', architecture: 'arm64', variant: 'v8',
      config: { Env: ['PATH=/bin', 'A=2', 'B=b=c'], Cmd: ['/usr/libexec/s2i/run'], Labels: { a: '0', z: '1' }, ExposedPorts: { '80/tcp': {}, '8080/tcp': {} }, User: '1001', WorkingDir: '/opt/app-root/src' },
      rootfs: { type: 'layers', diff_ids: [digestOf('diff-b'), digestOf('diff-l')] },
      history: [{ created_by: 'base' }, { created: '1970-01-01T00:00:00Z', created_by: 'assemble' }],
    });
    const parsed = parseManifest(image.manifest.bytes, mediaTypes.manifest);
    expect(parsed).toMatchObject({ kind: 'image', manifest: { config: { digest: digestOf(image.config.bytes), size: image.config.bytes.length } } });
    expect(image.layers.map(({ mediaType }) => mediaType)).toEqual([mediaTypes.layerGzip, mediaTypes.layerZstd]);
    expect(buildImage({ base, layers: [layer] }).document.config.config).toMatchObject({ Entrypoint: ['base'], Cmd: ['run'] });
    expect(buildImage({ base, layers: [], change: { entrypoint: ['mine'] } }).document.config.config).not.toHaveProperty('Cmd');
  });

  it('is reproducible from scratch, and refuses a base that contradicts itself', () => {
    const made = () => buildImage({ layers: [layer], platform: { os: 'linux', architecture: 'amd64' }, change: { labels: { b: '1', a: '2' } }, annotations: { y: '', x: '' } });
    expect(made().manifest.digest).toBe(made().manifest.digest);
    expect(() => buildImage({ base: { ...base, config: { ...base.config, rootfs: { type: 'layers', diff_ids: [] } } }, layers: [] })).toThrow('1 layers but 0 diff ids');
  });
});

describe('parseManifest', () => {
  const descriptor = { mediaType: 'a/b', digest: digestOf(''), size: 0 };
  it.each([
    ['no JSON', '{', undefined],
    ['a list', '[]', undefined],
    ['schema 1', { schemaVersion: 1 }, undefined],
    ['no config', { schemaVersion: 2, layers: [] }, undefined],
    ['no layers', { schemaVersion: 2, config: descriptor }, undefined],
    ['a bad digest', { schemaVersion: 2, config: { ...descriptor, digest: 'sha256:abc' }, layers: [] }, undefined],
    ['a negative size', { schemaVersion: 2, config: { ...descriptor, size: -1 }, layers: [] }, undefined],
    ['another content type', { schemaVersion: 2, mediaType: mediaTypes.manifest, config: descriptor, layers: [] }, mediaTypes.index],
    ['both manifest and index', { schemaVersion: 2, config: descriptor, layers: [], manifests: [] }, mediaTypes.manifest],
    ['an index with layers', { schemaVersion: 2, layers: [], manifests: [] }, mediaTypes.index],
  ])('refuses %s', (_name, document, type) => {
    expect(() => parseManifest(Buffer.from(typeof document === 'string' ? document : JSON.stringify(document)), type)).toThrow('invalid image manifest');
  });
});

describe('choosePlatform', () => {
  const entry = (digest: string, platform?: ImageIndex['manifests'][0]['platform']) => ({ mediaType: mediaTypes.manifest, digest: digestOf(digest), size: 1, ...(platform && { platform }) });
  const index = (...manifests: ImageIndex['manifests']): ImageIndex => ({ schemaVersion: 2, manifests });
  it('takes the exact variant, then the architecture, then a lone plain image', () => {
    const v7 = entry('v7', { os: 'linux', architecture: 'arm', variant: 'v7' });
    const v6 = entry('v6', { os: 'linux', architecture: 'arm', variant: 'v6' });
    const unknown = entry('attestation', { os: 'unknown', architecture: 'unknown' });
    expect(choosePlatform(index(v6, v7), { os: 'linux', architecture: 'arm', variant: 'v7' })).toBe(v7);
    expect(choosePlatform(index(unknown, v6), { os: 'linux', architecture: 'arm', variant: 'v7' })).toBe(v6);
    expect(choosePlatform(index(unknown, v6), { os: 'linux', architecture: 'amd64' })).toBeUndefined();
    expect(choosePlatform(index(entry('plain')), { os: 'linux', architecture: 'amd64' })?.digest).toBe(digestOf('plain'));
  });
});

it('names chains of layers as the specification does', () => {
  expect(chainId(['sha256:a'])).toBe('sha256:a');
  expect(chainId(['sha256:a', 'sha256:b', 'sha256:c'])).toBe(digestOf(`${digestOf('sha256:a sha256:b')} sha256:c`));
});
