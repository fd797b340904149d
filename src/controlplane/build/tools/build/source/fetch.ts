/** Stage FetchInputs: the source in one folder, as the build will see it. */
import { lstat, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join, normalize } from 'node:path';
import type { Readable } from 'node:stream';
import type { BuildSettings } from '../settings.ts';
import { fetchFailed, invalidContextDirectory } from '../failure.ts';
import { receiveBinary } from './binary.ts';
import { fetchGit } from './git.ts';
import type { GitRevision } from './git-fetch.ts';
import { applyIgnoreFile } from './ignore.ts';
import { copyImageContent } from './image-content.ts';

export interface FetchedSource {
  /** The context directory alone. */
  folder: string;
  revision?: GitRevision;
  /** For people. */
  detail: string;
}

/**
 * All inputs together, as OpenShift combines them (docs, "How Build Inputs Work"): Git or what was sent, paths of images over it, then the context directory of that,
 * then the inline Dockerfile. A Source build gets the source without git's own folders and what `.s2iignore` names; a Dockerfile has its own rules.
 */
export async function fetchSource(settings: BuildSettings, input: Readable, say: (text: string) => void, signal: AbortSignal): Promise<FetchedSource> {
  const { source = {}, revision, strategy } = settings.build.spec;
  const target = join(settings.folder, 'source');
  await mkdir(target, { recursive: true });
  const details: string[] = [];
  let git: GitRevision | undefined;
  if (source.binary) {
    say('Receiving source from STDIN ...');
    const received = await receiveBinary(input, target, source.binary.asFile || undefined, settings.folder, signal);
    details.push(received);
    say(`Received ${received}`);
  } else if (source.git) {
    git = await fetchGit({ source: source.git, commit: revision?.git?.commit, secret: settings.sourceSecret, target, scratch: settings.folder, say, signal });
    details.push(`${git.commit.slice(0, 12)} ${git.message}`);
  }
  const copied = await copyImageContent(settings, target, say, signal);
  if (copied > 0) details.push(`${copied} path${copied === 1 ? '' : 's'} of images`);
  const folder = await contextFolder(target, source.contextDir);
  if (source.dockerfile !== undefined) {
    // A link of that name would be written through.
    await rm(join(folder, 'Dockerfile'), { force: true, recursive: true });
    await writeFile(join(folder, 'Dockerfile'), source.dockerfile, { flag: 'wx' });
    details.push('inline Dockerfile');
  }
  if (strategy.sourceStrategy) {
    await removeGitFolders(folder);
    const ignored = await applyIgnoreFile(folder);
    if (ignored.length > 0) say(`Left out ${ignored.length} path${ignored.length === 1 ? '' : 's'} named by .s2iignore`);
  }
  if (source.type !== 'None' && (await readdir(folder)).length === 0) throw fetchFailed('the source is empty');
  return { folder, ...(git && { revision: git }), detail: details.join(', ') || 'no source' };
}

async function contextFolder(target: string, contextDir: string | undefined): Promise<string> {
  if (!contextDir || normalize(contextDir) === '.' || normalize(contextDir) === '/') return target;
  const inside = normalize(`/${contextDir}`).slice(1).replace(/\/$/, '');
  let folder = target;
  for (const part of inside.split('/')) {
    folder = join(folder, part);
    // A link could lead out of the source.
    const stat = await lstat(folder).catch(() => undefined);
    if (!stat?.isDirectory()) throw invalidContextDirectory(contextDir);
  }
  const moved = `${target}-context`;
  await rename(folder, moved);
  await rm(target, { recursive: true, force: true });
  return moved;
}

/** What git keeps for itself never reaches the build, submodules' included. */
async function removeGitFolders(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.name === '.git') await rm(path, { recursive: true, force: true });
    else if (entry.isDirectory() && entry.name !== 'node_modules') await removeGitFolders(path);
  }
}
