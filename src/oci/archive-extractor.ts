/** Unpacks what a user sends as a source: tar (plain, gzip, zstd) or zip. Safe, within limits, with errors for people. */
import { lstat, mkdir, readlink, rm } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { LayerError, sourceLimits, type ArchiveLimits } from './layer-error.ts';
import { readTar, type TarEntry } from './tar-reader.ts';
import { TreeWriter } from './tree-writer.ts';
import { isZip, readZip } from './zip-reader.ts';

export interface ExtractOptions {
  limits?: ArchiveLimits;
  /** Where a zip is kept while it is read; default: beside `directory`. */
  temporary?: string;
}

export interface ExtractedArchive {
  format: 'tar' | 'zip';
  entries: number;
  /** Uncompressed. */
  bytes: number;
  /** What was left out and why. At most 100. */
  skipped: { name: string; why: string }[];
}

const namesKept = 100;
const linkLimit = 40;

/**
 * Unpacks into `directory`, which is made if missing. Links that leave it are left out (a virtual environment's link to its
 * interpreter is a common, harmless one); names that leave it refuse the archive. Throws `LayerError`.
 */
export async function extractArchive(source: AsyncIterable<Uint8Array>, directory: string, options: ExtractOptions = {}): Promise<ExtractedArchive> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const limits = options.limits ?? sourceLimits;
  const tree = new TreeWriter(directory);
  const skipped: ExtractedArchive['skipped'] = [];
  const skip = (name: string, why: string) => void (skipped.length < namesKept && skipped.push({ name, why }));
  const links: string[] = [];
  const each = async (entry: TarEntry): Promise<void> => {
    if (entry.type === 'device' || entry.type === 'fifo') return skip(entry.name, `it is a ${entry.type === 'fifo' ? 'pipe' : 'device'}`);
    if (entry.name === '') return;
    const path = await tree.write({ ...entry, mode: entry.mode & 0o777 });
    if (entry.type === 'symlink') links.push(path);
  };
  const { head, all } = await peek(source);
  try {
    const zip = isZip(head);
    const result = zip ? await readZip(all, options.temporary ?? dirname(directory), limits, each) : await readTar(all, limits, each);
    await tree.finish();
    for (const path of links) {
      if (!(await leaves(directory, path))) continue;
      await rm(path, { force: true });
      skip(relative(directory, path), 'it is a link that leaves the source');
    }
    return { format: zip ? 'zip' : 'tar', entries: result.entries, bytes: result.bytes, skipped };
  } catch (error) {
    throw explained(error, limits);
  }
}

function explained(error: unknown, limits: ArchiveLimits): unknown {
  if (!(error instanceof LayerError)) return error;
  const advice: Partial<Record<LayerError['problem'], string>> = {
    TooLarge: `the source is larger than ${Math.round(limits.maxBytes / 2 ** 20)} MiB unpacked; leave out what the build does not need (.s2iignore, .gitignore: node_modules, virtual environments, data) or build from a Git URL`,
    TooManyEntries: `the source has more than ${limits.maxEntries} files; leave out what the build does not need (.s2iignore: node_modules, virtual environments)`,
    Corrupt: `the source archive is damaged or neither tar nor zip (${error.message}); pack it again`,
  };
  const text = advice[error.problem];
  return text === undefined ? error : new LayerError(error.problem, text, { cause: error });
}

async function peek(source: AsyncIterable<Uint8Array>): Promise<{ head: Buffer; all: AsyncIterable<Uint8Array> }> {
  const iterator = source[Symbol.asyncIterator]();
  const chunks: Uint8Array[] = [];
  let length = 0;
  while (length < 4) {
    const { done, value } = await iterator.next();
    if (done) break;
    chunks.push(value);
    length += value.length;
  }
  async function* all(): AsyncGenerator<Uint8Array> {
    try {
      yield* chunks;
      for (;;) {
        const { done, value } = await iterator.next();
        if (done) return;
        yield value;
      }
    } finally {
      await iterator.return?.();
    }
  }
  return { head: Buffer.concat(chunks), all: all() };
}

/** Whether following the link at `path` touches anything outside `root`. What does not exist is followed no further. */
async function leaves(root: string, path: string): Promise<boolean> {
  const todo = relative(root, path).split('/').reverse();
  const done: string[] = [];
  for (let links = 0; todo.length > 0; ) {
    const part = todo.pop() ?? '';
    if (part === '' || part === '.') continue;
    if (part === '..') {
      if (done.pop() === undefined) return true;
      continue;
    }
    const stat = await lstat(join(root, ...done, part)).catch(() => undefined);
    if (!stat?.isSymbolicLink()) {
      done.push(part);
      continue;
    }
    const target = await readlink(join(root, ...done, part));
    if (target.startsWith('/') || ++links > linkLimit) return true;
    todo.push(...target.split('/').reverse());
  }
  return false;
}
