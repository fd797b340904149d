/** A small base image as registries have them: Debian's busybox-static with users, owners other than root, a setuid program and a hidden file. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { buildImage, type ConfigChange } from '../../../src/oci/image-builder.ts';
import { writeLayer, type LayerEntry } from '../../../src/oci/layer-writer.ts';
import type { RunConfig } from '../../../src/oci/manifest.ts';
import { digestOf } from '../../../src/oci/digest.ts';
import type { RegistryClient } from '../../../src/oci/registry-client.ts';

const busybox = '/bin/busybox';

export function busyboxEntries(): LayerEntry[] {
  const file = (name: string, text: string, more: Partial<{ mode: number; uid: number; gid: number }> = {}): LayerEntry => ({ type: 'file', name, mode: 0o644, uid: 0, gid: 0, ...more, size: Buffer.byteLength(text), content: Buffer.from(text) });
  const folder = (name: string, more: Partial<{ mode: number; uid: number; gid: number }> = {}): LayerEntry => ({ type: 'directory', name, mode: 0o755, uid: 0, gid: 0, ...more });
  const program = readFileSync(busybox);
  const applets = execFileSync(busybox, ['--list'], { encoding: 'utf8' }).trim().split('\n').filter((name) => name !== 'busybox');
  return [
    ...['bin', 'etc', 'home', 'opt', 'usr', 'usr/bin', 'usr/lib', 'var', 'var/old'].map((name) => folder(name)),
    folder('tmp', { mode: 0o1777 }), folder('home/app', { uid: 1000, gid: 1000 }),
    { type: 'symlink', name: 'lib', mode: 0o777, uid: 0, gid: 0, target: 'usr/lib' },
    { type: 'file', name: 'bin/busybox', mode: 0o755, uid: 0, gid: 0, size: program.length, content: program },
    ...applets.map((name): LayerEntry => ({ type: 'symlink', name: `bin/${name}`, mode: 0o777, uid: 0, gid: 0, target: 'busybox' })),
    file('etc/passwd', 'root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000:App:/home/app:/bin/sh\n'), file('etc/group', 'root:x:0:\napp:x:1000:\nstaff:x:50:\n'),
    file('usr/bin/lifted', '#!/bin/sh\n', { mode: 0o4755 }), file('home/app/own', 'own\n', { uid: 1000, gid: 1000, mode: 0o600 }), file('var/old/a', 'a'), file('var/old/b', 'b'),
  ];
}

/** Pushes an image of these layers; answers with its digest. `config`: what no builder option sets. */
export async function pushImageOf(client: RegistryClient, scratch: string, repository: string, layers: readonly (readonly LayerEntry[])[], change: ConfigChange = {}, config: RunConfig = {}): Promise<string> {
  const written = [];
  for (const entries of layers) written.push({ ...(await writeLayer(entries, { directory: join(scratch, 'layers') })), createdBy: 'test' });
  const image = buildImage({ layers: written, change });
  const document = { ...image.document.config, config: { ...image.document.config.config, ...config } };
  const bytes = Buffer.from(JSON.stringify(document));
  const described = { mediaType: image.config.mediaType, digest: digestOf(bytes), size: bytes.length };
  const manifest = Buffer.from(JSON.stringify({ ...image.document.manifest, config: described }));
  const blobs = [...written.map(({ digest, size, path }) => ({ digest, size, content: path })), { ...described, content: bytes }];
  const digest = await client.pushImage(repository, 'latest', { blobs, manifest: { mediaType: image.manifest.mediaType, bytes: manifest } });
  await rm(join(scratch, 'layers'), { recursive: true, force: true });
  return digest;
}
