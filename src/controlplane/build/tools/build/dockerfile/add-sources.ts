/** What `ADD` brings from elsewhere: files at URLs, Git repositories, and archives, which are unpacked. */
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, open, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { withoutPassword } from '../../../../../api/shown-url.ts';
import { sourceLimits } from '../../../../../oci/layer-error.ts';
import { readTar } from '../../../../../oci/tar-reader.ts';
import { TreeWriter } from '../../../../../oci/tree-writer.ts';
import { fetchGit } from '../source/git.ts';
import { ownerRecord, type Owners } from './owners.ts';
import { DockerfileError } from './syntax-error.ts';

const downloadLimit = 4 * 2 ** 30;

export function isUrl(source: string): boolean {
  return /^https?:\/\//i.test(source) && !isGit(source);
}

export function isGit(source: string): boolean {
  const plain = source.replace(/#.*$/, '');
  return /^(?:git@[^:]+:|git:\/\/|ssh:\/\/)/.test(plain) || (/^https?:\/\//i.test(plain) && plain.endsWith('.git')) || /^github\.com\//.test(plain);
}

export interface Downloaded {
  /** By the last part of the URL's path. */
  name: string;
  path: string;
  /** Seconds since 1970, as the server says. */
  mtime: number | undefined;
}

/** `checksum`: `sha256:…`, compared. */
export async function download(url: string, scratch: string, checksum: string | undefined, signal: AbortSignal): Promise<Downloaded> {
  const shown = withoutPassword(url);
  const [, algorithm = '', expected = ''] = /^(sha256|sha384|sha512):([0-9a-f]+)$/i.exec(checksum ?? '') ?? [];
  if (checksum !== undefined && expected === '') throw new DockerfileError(`--checksum=${checksum} is no checksum such as sha256:24454f83…`);
  const { EnvHttpProxyAgent, interceptors, request } = await import('undici');
  const dispatcher = new EnvHttpProxyAgent();
  const folder = join(scratch, 'downloads', randomBytes(6).toString('hex'));
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, 'content');
  try {
    const { statusCode, headers, body } = await request(url, { dispatcher: dispatcher.compose(interceptors.redirect({ maxRedirections: 10 })), signal });
    if (statusCode !== 200) {
      await body.dump();
      throw new Error(`the server answered ${statusCode}`);
    }
    const hash = createHash((algorithm || 'sha256').toLowerCase());
    let size = 0;
    const checked = async function* (chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
      for await (const chunk of chunks) {
        size += chunk.length;
        if (size > downloadLimit) throw new Error(`it is larger than ${downloadLimit / 2 ** 30} GiB`);
        hash.update(chunk);
        yield chunk;
      }
    };
    await pipeline(body, checked, createWriteStream(path, { mode: 0o600, flags: 'wx' }), { signal });
    const digest = hash.digest('hex');
    if (expected !== '' && digest !== expected.toLowerCase()) throw new Error(`its checksum is ${algorithm}:${digest}, not ${checksum}`);
    const modified = Date.parse(String(headers['last-modified'] ?? ''));
    return { name: nameOf(url), path, mtime: Number.isNaN(modified) ? undefined : Math.floor(modified / 1000) };
  } catch (error) {
    signal.throwIfAborted();
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC') throw error;
    throw new DockerfileError(`ADD ${shown}: ${(error as Error).message}`);
  } finally {
    await dispatcher.close().catch(() => undefined);
  }
}

function nameOf(url: string): string {
  try {
    return basename(decodeURIComponent(new URL(url).pathname));
  } catch {
    return '';
  }
}

export interface GitOptions {
  scratch: string;
  secret: string | undefined;
  keepGitFolder: boolean;
  /** A commit that must be what the reference means. */
  checksum: string | undefined;
  say(text: string): void;
  signal: AbortSignal;
}

/** `url#ref:folder`. Answers with the folder on this machine. */
export async function fetchRepository(source: string, { scratch, secret, keepGitFolder, checksum, say, signal }: GitOptions): Promise<{ folder: string; commit: string; inside: string }> {
  const at = source.indexOf('#');
  const [ref = '', inside = ''] = at < 0 ? [] : source.slice(at + 1).split(':');
  const plain = at < 0 ? source : source.slice(0, at);
  const uri = plain.startsWith('github.com/') ? `https://${plain}` : plain;
  const target = join(scratch, 'repositories', randomBytes(6).toString('hex'));
  await mkdir(target, { recursive: true, mode: 0o755 });
  const { commit } = await fetchGit({ source: { uri, ...(ref && { ref }) }, commit: undefined, secret, target, scratch, say, signal });
  if (checksum !== undefined && !commit.startsWith(checksum)) throw new DockerfileError(`ADD ${withoutPassword(source)}: the commit is ${commit}, not ${checksum}`);
  if (!keepGitFolder) await rm(join(target, '.git'), { recursive: true, force: true });
  return { folder: target, commit, inside };
}

export type ArchiveKind = 'tar' | 'bzip2' | 'xz';

/** By content, as Docker tells archives: plain, gzip and zstd are read here, the others by programs of the build pod. */
export async function archiveKind(path: string): Promise<ArchiveKind | undefined> {
  const file = await open(path, 'r');
  try {
    const head = Buffer.alloc(512);
    const { bytesRead } = await file.read(head, 0, 512, 0);
    if (bytesRead >= 3 && head.toString('latin1', 0, 3) === 'BZh') return 'bzip2';
    if (bytesRead >= 6 && head.toString('hex', 0, 6) === 'fd377a585a00') return 'xz';
    const compressed = (bytesRead >= 3 && head.toString('hex', 0, 3) === '1f8b08') || (bytesRead >= 4 && head.toString('hex', 0, 4) === '28b52ffd');
    if (compressed) return (await isTar(path)) ? 'tar' : undefined;
    return bytesRead === 512 && head.toString('latin1', 257, 262) === 'ustar' ? 'tar' : undefined;
  } finally {
    await file.close();
  }
}

/** A compressed file need not be an archive. */
async function isTar(path: string): Promise<boolean> {
  const found = new Error('found');
  try {
    await readTar(createReadStream(path), sourceLimits, () => Promise.reject(found));
    return false;
  } catch (error) {
    return error === found || (error as Error).cause === found;
  }
}

/** Unpacked safely into a folder of its own; with the owners the archive tells. Bounded like an uploaded source. */
export async function unpackArchive(path: string, kind: ArchiveKind, scratch: string, signal: AbortSignal): Promise<{ folder: string; owners: Owners }> {
  const folder = join(scratch, 'archives', randomBytes(6).toString('hex'));
  await mkdir(folder, { recursive: true, mode: 0o755 });
  const tree = new TreeWriter(folder);
  const owners: Owners = {};
  await readTar(kind === 'tar' ? createReadStream(path, { signal }) : unpackedBy(kind, path, signal), sourceLimits, async (entry) => {
    if (entry.type === 'device' || entry.type === 'fifo' || entry.name === '') return;
    const record = ownerRecord(entry, entry.type === 'symlink' ? 0 : entry.mode);
    if (record) owners[entry.name] = record;
    await tree.write(entry);
  });
  await tree.finish();
  return { folder, owners };
}

async function* unpackedBy(program: 'bzip2' | 'xz', path: string, signal: AbortSignal): AsyncGenerator<Buffer> {
  const child = spawn(program, ['-dc', path], { stdio: ['ignore', 'pipe', 'ignore'], signal });
  const ended = new Promise<number>((resolve, reject) => {
    child.once('error', (error: NodeJS.ErrnoException) => reject(error.code === 'ENOENT' ? new DockerfileError(`ADD: ${basename(path)} is compressed with ${program}, and this machine has no ${program}; install it, or pack the archive with gzip`) : error));
    child.once('close', (code) => resolve(code ?? 1));
  });
  ended.catch(() => undefined);
  for await (const chunk of child.stdout) yield chunk as Buffer;
  if ((await ended) !== 0) throw new DockerfileError(`ADD: ${basename(path)} is damaged`);
}
