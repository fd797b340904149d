/** Builds Dockerfiles by the real build program, unprivileged, with a cache that its builds share. */
import { chmod, chown, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pack } from 'tar-stream';
import type { CommonBuildSpec, DockerBuildStrategy } from '../../../src/api/kinds/build.ts';
import { layerLimits } from '../../../src/oci/layer-error.ts';
import type { FetchedImage } from '../../../src/oci/registry-client.ts';
import { readTar } from '../../../src/oci/tar-reader.ts';
import { buildMachine, registryName, type BuildMachine, type BuildOrder, type BuildOutcome } from './build-machine.ts';
import { busyboxEntries, pushImageOf } from './busybox-image.ts';

export const busyboxName = `${registryName}/base/busybox:latest`;

/** A name ends with a slash: a folder; `-> x`: a link; else a file. */
export type Files = Record<string, string | { text: string; mode?: number } | Buffer>;

/** One file of an image as a reader sees it: `755 1000:1000 text`, `/` for folders, `-> target`, `= other` for hard links. */
export type ImageFiles = Map<string, string>;

export interface DockerOrder extends Pick<BuildOrder, 'name' | 'mode' | 'env' | 'on'> {
  dockerfile: string;
  files?: Files;
  strategy?: DockerBuildStrategy;
  spec?: Partial<CommonBuildSpec>;
  /** Without what earlier builds left. */
  cold?: boolean;
}

export interface DockerMachine {
  machine: BuildMachine;
  build(order: DockerOrder): Promise<BuildOutcome & { image: FetchedImage | undefined }>;
  /** All layers over each other; `layer`: one of them alone, marks of deletion and all. */
  files(image: FetchedImage, layer?: number): Promise<ImageFiles>;
  close(): Promise<void>;
}

export async function dockerMachine(): Promise<DockerMachine> {
  const machine = await buildMachine();
  const cache = join(machine.folder, 'cache');
  await mkdir(cache);
  await chown(cache, 65534, 65534).catch(() => undefined);
  await chmod(cache, 0o755);
  await pushImageOf(machine.client, machine.folder, 'base/busybox', [busyboxEntries()], { env: [{ name: 'PATH', value: '/bin:/usr/bin' }], cmd: ['sh'], labels: { from: 'busybox' } });
  let count = 0;
  return {
    machine,
    async build({ dockerfile, files = {}, strategy = {}, spec = {}, cold, ...order }) {
      const repository = `demo/docker-${++count}`;
      const done = await machine.build({
        ...order, builder: '', input: contextOf({ Dockerfile: dockerfile, ...files }), env: { ...(!cold && { SLIPWAY_BUILD_CACHE: cache }), ...order.env },
        spec: { strategy: { type: 'Docker', dockerStrategy: strategy }, output: { to: { kind: 'DockerImage', name: `${registryName}/${repository}:latest` } }, ...spec },
      });
      return { ...done, image: done.code === 0 && spec.output === undefined ? await machine.image(repository) : undefined };
    },
    async files({ manifest }, layer) {
      const merged: ImageFiles = new Map();
      const repository = [...Array(count).keys()].map((index) => `demo/docker-${index + 1}`);
      for (const one of layer === undefined ? manifest.layers : [manifest.layers.at(layer)!]) {
        let holder = '';
        for (const name of repository.toReversed()) if (holder === '' && (await machine.client.hasBlob(name, one.digest))) holder = name;
        await readTar(machine.client.readBlob(holder, one), layerLimits, async (entry) => {
          const chunks: Buffer[] = [];
          for await (const chunk of entry.content) chunks.push(chunk);
          const text = Buffer.concat(chunks).toString('utf8');
          const leaf = entry.name.replace(/^.*\//, '');
          if (layer === undefined && leaf.startsWith('.wh.')) {
            const gone = entry.name.slice(0, entry.name.length - leaf.length) + leaf.slice(4);
            for (const name of [...merged.keys()]) if (name === gone || name.startsWith(`${gone}/`)) merged.delete(name);
          } else merged.set(entry.name, `${entry.mode.toString(8)} ${entry.uid}:${entry.gid} ${entry.type === 'directory' ? '/' : entry.type === 'symlink' ? `-> ${entry.target}` : entry.type === 'link' ? `= ${entry.target}` : text}`);
        });
      }
      return merged;
    },
    close: () => machine.close(),
  };
}

export function contextOf(files: Files): Readable {
  const tar = pack();
  const mtime = new Date('2026-01-01T00:00:00Z');
  for (const [name, value] of Object.entries(files)) {
    if (name.endsWith('/')) tar.entry({ name, type: 'directory', mtime, mode: 0o755 });
    else if (typeof value === 'string' && value.startsWith('-> ')) tar.entry({ name, type: 'symlink', linkname: value.slice(3), mtime });
    else if (typeof value === 'string' || Buffer.isBuffer(value)) tar.entry({ name, mtime, mode: 0o644 }, value as string);
    else tar.entry({ name, mtime, mode: value.mode ?? 0o644 }, value.text);
  }
  tar.finalize();
  return Readable.from(tar);
}
