/** What a Dockerfile build is given: the Dockerfile, and the context with the inputs of the build config in it. */
import { constants } from 'node:fs';
import { chmod, copyFile, lstat, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { ScopedFolder } from '../../../../../oci/scoped-folder.ts';
import { fileInside } from '../source/inside.ts';
import type { BuildSettings } from '../settings.ts';
import { manageDockerfileFailed } from './failures.ts';
import { applyIgnoreRules, readIgnoreFile } from './ignore.ts';
import { parseInstruction, type Instruction } from './instruction.ts';
import { parseLines } from './lines.ts';
import { DockerfileError } from './syntax-error.ts';

export interface PreparedContext {
  instructions: Instruction[];
  escape: string;
  /** Paths that `.dockerignore` left out. */
  ignored: number;
}

/** `folder`: the context, which is the build's own copy. */
export async function prepareContext(settings: BuildSettings, folder: string, say: (text: string) => void): Promise<PreparedContext> {
  const { source = {}, strategy } = settings.build.spec;
  for (const { secret, destinationDir } of source.secrets ?? []) await copyInputs(join(settings.secrets, secret.name ?? ''), folder, destinationDir, 0o600);
  for (const { configMap, destinationDir } of source.configMaps ?? []) await copyInputs(join(settings.configMaps, configMap.name ?? ''), folder, destinationDir, 0o644);
  const name = strategy.dockerStrategy?.dockerfilePath || 'Dockerfile';
  const file = await fileInside(folder, name);
  if (file === undefined) throw manageDockerfileFailed(`there is no "${name}" in the source${source.contextDir ? ` below ${source.contextDir}` : ''}. Name it in spec.strategy.dockerStrategy.dockerfilePath (relative to contextDir), or give one in spec.source.dockerfile.`);
  try {
    const { lines, escape } = parseLines(await readFile(file, 'utf8'));
    const instructions = lines.map((line) => parseInstruction(line, escape));
    if (!instructions.some(({ keyword }) => keyword === 'FROM')) throw new DockerfileError('there is no FROM in it');
    const rules = await readIgnoreFile(folder, name);
    const ignored = rules && rules.size > 0 ? await applyIgnoreRules(folder, rules) : 0;
    if (ignored > 0) say(`Left out ${ignored} path${ignored === 1 ? '' : 's'} named by .dockerignore`);
    return { instructions, escape, ignored };
  } catch (error) {
    if (error instanceof DockerfileError) throw manageDockerfileFailed(error.message);
    throw error;
  }
}

/** Files of a mounted secret or config map, into a folder of the context; links in the source are not followed out of it. */
async function copyInputs(from: string, context: string, destinationDir: string | undefined, mode: number): Promise<void> {
  const folder = posix.normalize(`/${destinationDir || '.'}`).slice(1);
  const inside = new ScopedFolder(context);
  for (const name of await readdir(from).catch(() => [])) {
    const path = join(from, name);
    // `..data` and its likes are how mounted secrets change at once.
    if (name.startsWith('..') || !(await stat(path)).isFile()) continue;
    const target = await inside.place(folder === '' ? name : posix.join(folder, name));
    if (await lstat(target).catch(() => undefined)) await rm(target, { recursive: true, force: true });
    await copyFile(path, target, constants.COPYFILE_EXCL);
    await chmod(target, mode);
  }
}
