/** Builder images in the shape of sclorg's, made of busybox: labels, scripts in /usr/libexec/s2i, an application folder for user 1001 and group 0. */
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Compression } from '../../../src/oci/compression.ts';
import { digestOf } from '../../../src/oci/digest.ts';
import { buildImage, type ConfigChange } from '../../../src/oci/image-builder.ts';
import { writeLayer, type LayerEntry, type WrittenLayer } from '../../../src/oci/layer-writer.ts';
import { hostPlatform, type ImageManifest, type RunConfig } from '../../../src/oci/manifest.ts';
import { mediaTypes } from '../../../src/oci/media-types.ts';
import type { BlobSource, RegistryClient } from '../../../src/oci/registry-client.ts';

export interface ShapedImage extends ConfigChange {
  /** Files over the base: text by path; `null` deletes. Scripts and programs (in a `bin` or `s2i` folder) may be run. */
  files?: Record<string, string | null>;
  /** Applets of busybox to leave out. */
  without?: readonly string[];
  compression?: Compression;
  /** Also under an index, with an image for another platform before it. */
  listed?: boolean;
  /** Media types of Docker's schema 2 instead of OCI's. */
  docker?: boolean;
  onBuild?: string[];
}

export const shapedLabels = { 'io.openshift.s2i.scripts-url': 'image:///usr/libexec/s2i', 'io.k8s.display-name': 'Shaped', 'io.openshift.tags': 'builder,shaped' };
const usual = {
  'usr/libexec/s2i/assemble': '#!/bin/sh\nset -e\necho "---> Installing application source ..."\ncp -Rf /tmp/src/. ./\nfix-permissions /opt/app-root\n',
  'usr/libexec/s2i/run': '#!/bin/sh\nexec httpd -f -p 8080 -h /opt/app-root/src\n',
  'usr/libexec/s2i/save-artifacts': '#!/bin/sh\ncd /opt/app-root/src && exec tar -cf - deps\n',
  // As sclorg's: the group gets the owner's rights.
  'usr/bin/fix-permissions': '#!/bin/sh\nset -e\nchgrp -R 0 "$1"\nfind "$1" -type d -exec chmod g+x {} +\nchmod -R g+rw "$1"\n',
  'etc/passwd': 'root:x:0:0:root:/root:/bin/sh\ndefault:x:1001:0:Default Application User:/opt/app-root/src:/sbin/nologin\n',
  'etc/group': 'root:x:0:\nteam:x:1234:\n',
};

let base: WrittenLayer | undefined;

/** Pushes under `<repository>:latest`; answers with the digest that the tag has. */
export async function pushShaped(client: RegistryClient, repository: string, image: ShapedImage = {}): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'shaped-'));
  try {
    const { files = {}, compression = 'gzip', listed, docker, onBuild, without, ...change } = image;
    const bottom = without === undefined ? (base ??= await applets(await mkdtemp(join(tmpdir(), 'busybox-')), [])) : await applets(folder, without);
    const top = await writeLayer(entriesOf({ ...usual, ...files }), { directory: folder, compression });
    const made = buildImage({
      layers: [{ ...bottom, createdBy: 'busybox' }, { ...top, createdBy: 'scripts' }],
      change: { user: '1001', workingDir: '/opt/app-root/src', labels: shapedLabels, exposedPorts: ['8080/tcp'], env: [{ name: 'PATH', value: '/usr/local/bin:/usr/bin:/bin' }, { name: 'HOME', value: '/opt/app-root/src' }, { name: 'APP_ROOT', value: '/opt/app-root' }], cmd: ['/usr/libexec/s2i/usage'], ...change },
      platform: hostPlatform(),
    });
    const config: { config?: RunConfig } = structuredClone(made.document.config) as { config: RunConfig };
    if (onBuild) config.config = { ...config.config, OnBuild: onBuild };
    const configBytes = Buffer.from(JSON.stringify(config));
    const type = (own: string, theirs: string) => (docker ? theirs : own);
    const manifest: ImageManifest = {
      schemaVersion: 2, mediaType: type(mediaTypes.manifest, mediaTypes.dockerManifest),
      config: { mediaType: type(mediaTypes.config, mediaTypes.dockerConfig), digest: digestOf(configBytes), size: configBytes.length },
      layers: [bottom, top].map(({ mediaType, digest, size }) => ({ mediaType: type(mediaType, mediaTypes.dockerLayer), digest, size })),
    };
    const blobs: BlobSource[] = [...[bottom, top].map(({ digest, size, path }) => ({ digest, size, content: path })), { digest: digestOf(configBytes), size: configBytes.length, content: configBytes }];
    const bytes = Buffer.from(JSON.stringify(manifest));
    const mediaType = manifest.mediaType ?? '';
    if (!listed) return await client.pushImage(repository, 'latest', { blobs, manifest: { mediaType, bytes } });
    const digest = await client.pushImage(repository, digestOf(bytes), { blobs, manifest: { mediaType, bytes } });
    const other = Buffer.from(JSON.stringify({ ...manifest, annotations: { 'other.platform': 'true' } }));
    await client.pushManifest(repository, digestOf(other), { mediaType, bytes: other });
    const indexType = type(mediaTypes.index, mediaTypes.dockerManifestList);
    const index = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: indexType, manifests: [{ mediaType, digest: digestOf(other), size: other.length, platform: { os: 'linux', architecture: 's390x' } }, { mediaType, digest, size: bytes.length, platform: hostPlatform() }] }));
    return await client.pushManifest(repository, 'latest', { mediaType: indexType, bytes: index });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** busybox with a link for each of its programs, and the folders every system has. */
async function applets(directory: string, without: readonly string[]): Promise<WrittenLayer> {
  const busybox = readFileSync('/usr/bin/busybox');
  const names = execFileSync('busybox', ['--list'], { encoding: 'utf8' }).split('\n').filter((name) => name !== '' && name !== 'busybox' && !without.includes(name));
  const owned = { mode: 0o755, uid: 0, gid: 0 };
  const folders = ['bin', 'etc', 'opt', 'root', 'tmp', 'usr', 'usr/bin', 'usr/local', 'usr/local/bin', 'proc', 'dev', 'var', 'var/old'];
  return writeLayer(
    [
      ...folders.map((name): LayerEntry => ({ ...owned, type: 'directory', name, ...(name === 'tmp' && { mode: 0o1777 }) })),
      { ...owned, type: 'file', name: 'bin/busybox', size: busybox.length, content: busybox },
      ...names.map((name): LayerEntry => ({ ...owned, type: 'symlink', name: `bin/${name}`, target: 'busybox' })),
      ...(without.includes('env') ? [] : [{ ...owned, type: 'symlink' as const, name: 'usr/bin/env', target: '../../bin/env' }]),
      ...['kept', 'gone', 'old/a'].map((name): LayerEntry => ({ ...owned, mode: 0o644, type: 'file', name: `var/${name}`, size: 1, content: Buffer.from('x') })),
    ],
    { directory, compression: 'gzip' },
  );
}

/** The application's folder belongs to user 1001, everything else to root; `var/gone` is deleted. */
function entriesOf(files: Record<string, string | null>): LayerEntry[] {
  const entries: LayerEntry[] = [{ type: 'directory', name: 'opt/app-root', mode: 0o775, uid: 1001, gid: 0 }, { type: 'directory', name: 'opt/app-root/src', mode: 0o775, uid: 1001, gid: 0 }, { type: 'whiteout', name: 'var/gone' }];
  for (const [name, text] of Object.entries(files)) {
    if (text === null) continue;
    const content = Buffer.from(text);
    entries.push({ type: 'file', name, mode: /(?:^|\/)(?:bin|s2i)\//.test(name) ? 0o755 : 0o644, uid: 0, gid: 0, size: content.length, content });
  }
  return entries;
}
