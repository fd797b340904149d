/** Binary input: an archive or a single file that arrives on standard input. */
import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { extractArchive } from '../../../../../oci/archive-extractor.ts';
import { LayerError } from '../../../../../oci/layer-error.ts';
import { fetchFailed } from '../failure.ts';

/** Unpacks into `folder`; with `asFile` the bytes become one file of that name. Answers with what came, for people. */
export async function receiveBinary(input: Readable, folder: string, asFile: string | undefined, scratch: string, signal: AbortSignal): Promise<string> {
  await mkdir(folder, { recursive: true });
  if (asFile !== undefined) {
    if (asFile.includes('/') || asFile === '.' || asFile === '..' || asFile === '') throw fetchFailed(`"${asFile}" is no file name; asFile is one name without slashes`);
    await pipeline(input, createWriteStream(join(folder, asFile), { mode: 0o644 }), { signal });
    return `file ${asFile}`;
  }
  try {
    const { entries, bytes, skipped } = await extractArchive(stopping(input, signal), folder, { temporary: scratch });
    if (entries === 0) throw fetchFailed('the upload is empty; start the build with its source, e.g. slipway new-app <dir>');
    const left = skipped.length > 0 ? `; left out: ${skipped.slice(0, 5).map(({ name, why }) => `${name} (${why})`).join(', ')}` : '';
    return `${entries} files, ${Math.ceil(bytes / 1024)} KiB${left}`;
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof LayerError) throw fetchFailed(error.message);
    throw error;
  }
}

async function* stopping(input: Readable, signal: AbortSignal): AsyncGenerator<Buffer> {
  const stop = () => input.destroy(signal.reason as Error);
  signal.addEventListener('abort', stop, { once: true });
  try {
    for await (const chunk of input) yield chunk as Buffer;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
