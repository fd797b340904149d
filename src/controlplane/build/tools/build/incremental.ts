/** Incremental builds: what save-artifacts gives in the image built last, put before assemble. Whatever goes wrong leads to a clean build. */
import { createReadStream, createWriteStream } from 'node:fs';
import { chmod, copyFile, mkdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { extractArchive } from '../../../../oci/archive-extractor.ts';
import { assembleUser } from './assemble-user.ts';
import { findBuilder, type BuilderImage } from './builder-image.ts';
import { openRoot } from './root/open-root.ts';
import type { BuildRoot } from './root/build-root.ts';
import { destinationOf, scriptsUrlOf } from './scripts.ts';
import type { BuildSettings } from './settings.ts';

/** Last line of what a failing save-artifacts said, for people. */
const longestReason = 200;

/** `script`: path in `root` of the save-artifacts that this build would use; of the source or a URL it comes before the image's own. */
export async function restoreArtifacts(settings: BuildSettings, root: BuildRoot, builder: BuilderImage, script: string | undefined, say: (text: string) => void, signal: AbortSignal): Promise<void> {
  const previous = settings.build.spec.output?.to?.name;
  if (!previous) return;
  const scratch = join(settings.folder, 'previous');
  try {
    const artifacts = await saveArtifacts({ ...settings, folder: scratch, pullSecret: settings.pushSecret }, previous, await ownScript(root, builder, script), signal);
    const target = await root.place(`${destinationOf(builder.labels, builder.env)}/artifacts`);
    const { entries } = await extractArchive(createReadStream(artifacts), target, { temporary: settings.folder });
    say(`Restored ${entries} artifacts of the previous build`);
  } catch (error) {
    signal.throwIfAborted();
    say(`warning: Clean build will be performed: ${(error as Error).message}`);
  } finally {
    await rm(scratch, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** On this side, if it was put into the root by this build. */
async function ownScript(root: BuildRoot, builder: BuilderImage, script: string | undefined): Promise<string | undefined> {
  if (!script?.startsWith(`${destinationOf(builder.labels, builder.env)}/scripts/`)) return undefined;
  return (await root.find(script))?.path;
}

/** `settings` are those of the previous image: its folder, its secret. Answers with a file that lies in the folder. */
async function saveArtifacts(settings: BuildSettings, previous: string, own: string | undefined, signal: AbortSignal): Promise<string> {
  await mkdir(settings.folder, { recursive: true });
  const image = await findBuilder(settings, previous, signal);
  try {
    const url = scriptsUrlOf(image.labels, image.env);
    const ofImage = url?.startsWith('image://') ? `${url.slice('image://'.length).replace(/\/$/, '')}/save-artifacts` : undefined;
    if (own === undefined && ofImage === undefined) throw new Error('the previous image names no scripts');
    const root = await openRoot(settings, image, () => undefined, signal, { user: assembleUser(image) });
    try {
      const script = own === undefined ? (ofImage ?? '') : await bring(own, root, image);
      if (!(await root.find(script))) throw new Error(`the previous image has no ${script}`);
      // The tar is written to a file of the root's /tmp, since lines are what its outputs give.
      const result = await root.run({ argv: ['/bin/sh', '-c', 'exec "$0" > "$S2I_ARTIFACTS"', script], workingDir: image.workingDir, env: { ...image.env, S2I_ARTIFACTS: '/tmp/artifacts' }, line: () => undefined, signal });
      if (result.code !== 0) throw new Error(`save-artifacts ended with exit code ${result.code}: ${(result.tail.at(-1) ?? '').slice(0, longestReason)}`);
      const saved = await root.find('/tmp/artifacts');
      if (!saved?.stat.isFile() || saved.stat.size === 0) throw new Error('save-artifacts gave nothing');
      const kept = join(settings.folder, 'artifacts.tar');
      await pipeline(createReadStream(saved.path), createWriteStream(kept), { signal });
      return kept;
    } finally {
      await root.dispose();
    }
  } finally {
    image.registry.close();
  }
}

async function bring(script: string, root: BuildRoot, image: BuilderImage): Promise<string> {
  const path = `${destinationOf(image.labels, image.env)}/scripts/save-artifacts`;
  const target = await root.place(path);
  await mkdir(dirname(target), { recursive: true });
  await rm(target, { recursive: true, force: true });
  await copyFile(script, target);
  await chmod(target, 0o755);
  return path;
}
