/** Puts source and scripts where the builder expects them, and tells which scripts will run. */
import { constants } from 'node:fs';
import { chmod, copyFile, cp, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { withoutPassword } from '../../../../api/shown-url.ts';
import type { BuilderImage } from './builder-image.ts';
import { scriptsMissing, scriptsNotFetched } from './failure.ts';
import { scriptsAt } from './script-source.ts';
import type { BuildRoot } from './root/build-root.ts';
import { fileInside } from './source/inside.ts';
import { destinationOf, findScripts, outdatedNames, scriptNames, scriptsUrlOf, type FoundScripts, type ScriptName, type ScriptPlace } from './scripts.ts';

/** Where scripts that the image does not bring stay in the image that is made. */
const keptScripts = '/opt/s2i/source';
/** Folders of a source that hold scripts; the second is of old. */
const sourceFolders = ['.s2i/bin', '.sti/bin'] as const;

export interface UploadedScripts {
  /** Path inside the root of each script. */
  paths: Partial<Record<ScriptName, string>> & { assemble: string; run: string };
  /** Of our own making or from the source, by name; for people. */
  origins: string;
}

export interface UploadOrder {
  /** Folder of the source; it is moved into the root. */
  source: string;
  /** `spec.strategy.sourceStrategy.scripts`. */
  scriptsUrl: string | undefined;
  root: BuildRoot;
  builder: BuilderImage;
  /** Where a path of the build pod is. */
  mounted(path: string): string;
  say(text: string): void;
  signal: AbortSignal;
}

export async function upload({ source, scriptsUrl, root, builder, mounted, say, signal }: UploadOrder): Promise<UploadedScripts> {
  const { labels, env } = builder;
  const place = destinationOf(labels, env);
  for (const old of outdatedNames(labels, env)) say(`warning: ${old}`);
  const inSource = new Map<string, string>();
  for (const name of scriptNames) {
    for (const folder of sourceFolders) {
      const file = inSource.has(name) ? undefined : await fileInside(source, `${folder}/${name}`);
      if (file === undefined) continue;
      inSource.set(name, file);
      if (folder !== sourceFolders[0]) say(`warning: ${folder}/${name} is outdated, the folder is ${sourceFolders[0]} now`);
    }
  }
  const given = await scriptsAt(scriptsUrl, mounted, signal);
  const imageUrl = scriptsUrlOf(labels, env);
  const present = await presentInImage(root, [imageUrl, scriptsUrl]);
  if (scriptsUrl !== undefined && given.size === 0 && (!scriptsUrl.startsWith('image://') || ![...present].some((path) => path.startsWith(`${folderOf(scriptsUrl)}/`)))) throw scriptsNotFetched(scriptsUrl, 'it has none of assemble, run, save-artifacts');
  const needed = (['assemble', 'run'] as const).some((name) => !given.has(name) && !inSource.has(name));
  const ofImage = needed ? await scriptsAt(imageUrl, mounted, signal) : new Map<ScriptName, Buffer>();
  const found = findScripts({ url: scriptsUrl, atUrl: new Set(given.keys()), inSource: new Set(inSource.keys()), imageUrl, atImageUrl: new Set(ofImage.keys()), inImage: (path) => present.has(path) });
  if (found.missing.length > 0) throw scriptsMissing(found.missing, found.looked);
  const paths: Partial<Record<ScriptName, string>> = {};
  for (const [name, script] of Object.entries(found.scripts) as [ScriptName, ScriptPlace][]) {
    if (script.from === 'image') paths[name] = script.path;
    else paths[name] = await install(name, (script.from === 'source' ? inSource.get(name) : (given.get(name) ?? ofImage.get(name))) ?? '', place, root);
  }
  await chmod(source, 0o755);
  await move(source, await root.place(`${place}/src`));
  const { assemble = '', run = '' } = paths;
  return { paths: { ...paths, assemble, run }, origins: describe(found) };
}

function folderOf(imageUrl: string): string {
  return imageUrl.slice('image://'.length).replace(/\/$/, '');
}

/** `script`: a file of the source, or the content. `run` is started from the image later, so it may not lie in `/tmp`. */
async function install(name: ScriptName, script: Buffer | string, destination: string, root: BuildRoot): Promise<string> {
  const path = name === 'run' ? `${keptScripts}/run` : `${destination}/scripts/${name}`;
  const target = await root.place(path);
  await mkdir(dirname(target), { recursive: true });
  // The image may have a link of that name, which would be written through.
  await rm(target, { recursive: true, force: true });
  if (typeof script === 'string') {
    await copyFile(script, target, constants.COPYFILE_EXCL);
    // Moved, as Source-to-Image does; a script that is a link elsewhere in the source leaves that in place.
    if (sourceFolders.some((folder) => script.endsWith(`/${folder}/${name}`))) await rm(script);
  } else await writeFile(target, script, { flag: 'wx' });
  await chmod(target, 0o755);
  return path;
}

async function move(from: string, to: string): Promise<void> {
  await rm(to, { recursive: true, force: true });
  await rename(from, to).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EXDEV') throw error;
    await cp(from, to, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true });
    await rm(from, { recursive: true, force: true });
  });
}

async function presentInImage(root: BuildRoot, urls: readonly (string | undefined)[]): Promise<Set<string>> {
  const present = new Set<string>();
  for (const url of urls) {
    if (!url?.startsWith('image://')) continue;
    for (const name of scriptNames) {
      const path = `${folderOf(url)}/${name}`;
      const found = await root.find(path);
      if (found && !found.stat.isDirectory()) present.add(path);
    }
  }
  return present;
}

function describe(found: FoundScripts): string {
  const own = Object.entries(found.scripts).filter(([, place]) => place.from !== 'image');
  return own.length === 0 ? 'scripts of the builder image' : own.map(([name, place]) => `${name} from ${place.from === 'url' ? withoutPassword(place.url) : '.s2i/bin'}`).join(', ');
}
