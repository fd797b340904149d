/** Puts source and scripts where the builder expects them, and tells which scripts will run. */
import { constants } from 'node:fs';
import { chmod, copyFile, cp, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { withoutPassword } from '../../../../api/shown-url.ts';
import type { BuilderImage } from './builder-image.ts';
import { scriptsMissing, scriptsNotFetched } from './failure.ts';
import type { BuildRoot } from './root/build-root.ts';
import { fileInside } from './source/inside.ts';
import { destinationOf, findScripts, scriptNames, scriptsUrlOf, type FoundScripts, type ScriptName, type ScriptPlace } from './scripts.ts';

/** Where scripts that the image does not bring stay in the image that is made. */
const keptScripts = '/opt/s2i/source';
const scriptLimit = 1 << 20;

export interface UploadedScripts {
  /** Path inside the root of each script. */
  paths: Partial<Record<ScriptName, string>> & { assemble: string; run: string };
  /** Of our own making or from the source, by name; for people. */
  origins: string;
}

export async function upload(source: string, scriptsUrl: string | undefined, root: BuildRoot, builder: BuilderImage, signal: AbortSignal): Promise<UploadedScripts> {
  const destination = destinationOf(builder.labels, builder.env);
  const inSource = new Map<string, string>();
  for (const name of scriptNames) {
    const file = await fileInside(source, `.s2i/bin/${name}`);
    if (file !== undefined) inSource.set(name, file);
  }
  const fetched = await fetchScripts(scriptsUrl, signal);
  const imageUrl = scriptsUrlOf(builder.labels, builder.env);
  const present = await presentInImage(root, [imageUrl, scriptsUrl]);
  const found = findScripts({ url: scriptsUrl, atUrl: new Set(fetched.keys()), inSource: new Set(inSource.keys()), imageUrl, inImage: (path) => present.has(path) });
  if (found.missing.length > 0) throw scriptsMissing(found.missing, found.looked);
  const paths: Partial<Record<ScriptName, string>> = {};
  for (const [name, place] of Object.entries(found.scripts) as [ScriptName, ScriptPlace][]) {
    if (place.from === 'image') paths[name] = place.path;
    else paths[name] = await install(name, (place.from === 'url' ? fetched : inSource).get(name) ?? '', destination, root);
  }
  await chmod(source, 0o755);
  await move(source, await root.place(`${destination}/src`));
  const { assemble = '', run = '' } = paths;
  return { paths: { ...paths, assemble, run }, origins: describe(found) };
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
    if (script.endsWith(`/.s2i/bin/${name}`)) await rm(script);
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
      const path = `${url.slice('image://'.length).replace(/\/$/, '')}/${name}`;
      const found = await root.find(path);
      if (found && !found.stat.isDirectory()) present.add(path);
    }
  }
  return present;
}

/** Scripts at an http(s) URL; one that is not there (404) is looked for elsewhere. */
async function fetchScripts(url: string | undefined, signal: AbortSignal): Promise<Map<ScriptName, Buffer>> {
  const scripts = new Map<ScriptName, Buffer>();
  if (url === undefined || url.startsWith('image://')) return scripts;
  if (!/^https?:\/\//.test(url)) throw scriptsNotFetched(url, 'only http, https and image URLs are known');
  const { EnvHttpProxyAgent, request } = await import('undici');
  const dispatcher = new EnvHttpProxyAgent();
  try {
    for (const name of scriptNames) {
      const { statusCode, body } = await request(`${url.replace(/\/$/, '')}/${name}`, { dispatcher, signal });
      if (statusCode !== 200) await body.dump();
      if (statusCode === 404) continue;
      if (statusCode !== 200) throw new Error(`${name}: the server answered ${statusCode}`);
      const chunks: Buffer[] = [];
      let size = 0;
      for await (const chunk of body as AsyncIterable<Buffer>) {
        size += chunk.length;
        if (size > scriptLimit) throw new Error(`${name} is larger than ${scriptLimit} bytes`);
        chunks.push(chunk);
      }
      scripts.set(name, Buffer.concat(chunks));
    }
  } catch (error) {
    signal.throwIfAborted();
    throw scriptsNotFetched(url, (error as Error).message);
  } finally {
    await dispatcher.close();
  }
  if (scripts.size === 0) throw scriptsNotFetched(url, 'it has none of assemble, run, save-artifacts');
  return scripts;
}

function describe(found: FoundScripts): string {
  const own = Object.entries(found.scripts).filter(([, place]) => place.from !== 'image');
  return own.length === 0 ? 'scripts of the builder image' : own.map(([name, place]) => `${name} from ${place.from === 'url' ? withoutPassword(place.url) : '.s2i/bin'}`).join(', ');
}
