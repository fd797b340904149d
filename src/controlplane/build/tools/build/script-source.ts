/** Scripts at an address: of the build config, or of the image's label. */
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { scriptsNotFetched } from './failure.ts';
import { scriptNames, type ScriptName } from './scripts.ts';

const scriptLimit = 1 << 20;

/** Those that are there; none for `image://`, whose scripts lie in the image. `file://` is the build pod's own disk, with the volumes of the strategy. */
export async function scriptsAt(url: string | undefined, mounted: (path: string) => string, signal: AbortSignal): Promise<Map<ScriptName, Buffer>> {
  if (url === undefined || url.startsWith('image://')) return new Map();
  try {
    if (url.startsWith('file://')) return await fromFolder(mounted(fileURLToPath(url)));
    if (!/^https?:\/\//.test(url)) throw new Error('only http, https, file and image URLs are known');
    return await fromServer(url.replace(/\/$/, ''), signal);
  } catch (error) {
    signal.throwIfAborted();
    throw scriptsNotFetched(url, (error as Error).message);
  }
}

async function fromFolder(folder: string): Promise<Map<ScriptName, Buffer>> {
  const scripts = new Map<ScriptName, Buffer>();
  for (const name of scriptNames) {
    const path = join(folder, name);
    const found = await stat(path).catch(() => undefined);
    if (!found?.isFile()) continue;
    if (found.size > scriptLimit) throw tooLarge(name);
    scripts.set(name, await readFile(path));
  }
  return scripts;
}

/** One that is not there (404) is looked for elsewhere. */
async function fromServer(url: string, signal: AbortSignal): Promise<Map<ScriptName, Buffer>> {
  const scripts = new Map<ScriptName, Buffer>();
  const { EnvHttpProxyAgent, request } = await import('undici');
  const dispatcher = new EnvHttpProxyAgent();
  try {
    for (const name of scriptNames) {
      const { statusCode, body } = await request(`${url}/${name}`, { dispatcher, signal });
      if (statusCode !== 200) await body.dump();
      if (statusCode === 404) continue;
      if (statusCode !== 200) throw new Error(`${name}: the server answered ${statusCode}`);
      const chunks: Buffer[] = [];
      let size = 0;
      for await (const chunk of body as AsyncIterable<Buffer>) {
        size += chunk.length;
        if (size > scriptLimit) throw tooLarge(name);
        chunks.push(chunk);
      }
      scripts.set(name, Buffer.concat(chunks));
    }
  } finally {
    await dispatcher.close();
  }
  return scripts;
}

function tooLarge(name: string): Error {
  return new Error(`${name} is larger than ${scriptLimit} bytes`);
}
