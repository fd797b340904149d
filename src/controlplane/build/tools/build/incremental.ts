/** Incremental builds: what save-artifacts of the previous image gives, put before assemble. Whatever goes wrong leads to a clean build. */
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { extractArchive } from '../../../../oci/archive-extractor.ts';
import { findBuilder, type BuilderImage } from './builder-image.ts';
import { openRoot } from './root/open-root.ts';
import type { BuildRoot } from './root/build-root.ts';
import { destinationOf, scriptsUrlOf } from './scripts.ts';
import type { BuildSettings } from './settings.ts';

export async function restoreArtifacts(settings: BuildSettings, root: BuildRoot, builder: BuilderImage, say: (text: string) => void, signal: AbortSignal): Promise<void> {
  const previous = settings.build.spec.output?.to?.name;
  if (!previous) return;
  try {
    const artifacts = await saveArtifacts(settings, previous, signal);
    const target = await root.place(`${destinationOf(builder.labels, builder.env)}/artifacts`);
    const { entries } = await extractArchive(createReadStream(artifacts), target, { temporary: settings.folder });
    say(`Restored ${entries} artifacts of the previous build`);
  } catch (error) {
    signal.throwIfAborted();
    say(`warning: Clean build will be performed: ${(error as Error).message}`);
  }
}

async function saveArtifacts(settings: BuildSettings, previous: string, signal: AbortSignal): Promise<string> {
  const scratch = join(settings.folder, 'previous');
  await mkdir(scratch, { recursive: true });
  const image = await findBuilder(settings, previous, signal);
  const url = scriptsUrlOf(image.labels, image.env);
  if (!url?.startsWith('image://')) throw new Error('the previous image names no scripts');
  const root = await openRoot({ ...settings, folder: scratch }, image, () => undefined, signal);
  try {
    // The tar is written to a file of the root's /tmp, since lines are what its outputs give.
    const script = `${url.slice('image://'.length).replace(/\/$/, '')}/save-artifacts`;
    const result = await root.run({ argv: ['/bin/sh', '-c', 'exec "$0" > "${S2I_ARTIFACTS}"', script], workingDir: image.workingDir, env: { ...image.env, S2I_ARTIFACTS: '/tmp/artifacts' }, line: () => undefined, signal });
    if (result.code !== 0) throw new Error(`save-artifacts ended with exit code ${result.code}`);
    const saved = await root.find('/tmp/artifacts');
    if (!saved?.stat.isFile()) throw new Error('save-artifacts gave nothing');
    const kept = join(settings.folder, 'artifacts.tar');
    await rm(kept, { force: true });
    await pipeline(createReadStream(saved.path), createWriteStream(kept), { signal });
    return kept;
  } finally {
    await root.dispose();
    image.registry.close();
  }
}
