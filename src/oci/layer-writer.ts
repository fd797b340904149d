/** Packs entries into a layer blob whose bytes depend on the entries alone. Memory stays flat whatever their size. */
import { randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { pack, type Header, type Pack } from 'tar-stream';
import { compressor, Gatherer, layerTypeOf, type Compression } from './compression.ts';
import { DigestMeter, splitDigest } from './digest.ts';
import type { Descriptor } from './manifest.ts';
import { inParallel } from './parallel.ts';
import { whiteoutPrefix } from './whiteout.ts';

type NewHeader = Partial<Header> & Pick<Header, 'name'>;

interface EntryBase {
  /** Relative to the image's root, without leading or trailing slash. */
  name: string;
}
interface Owned {
  /** Permission bits. */
  mode: number;
  uid: number;
  gid: number;
  /** Seconds since 1970; 0 unless said, so that equal content makes equal layers. */
  mtime?: number;
}

export type LayerEntry =
  | (EntryBase & Owned & { type: 'directory' })
  /** `content`: bytes, or the path of a file of exactly `size` bytes. */
  | (EntryBase & Owned & { type: 'file'; size: number; content: string | Uint8Array })
  | (EntryBase & Owned & { type: 'symlink'; target: string })
  /** A second name of the file entry called `target`. */
  | (EntryBase & Owned & { type: 'link'; target: string })
  /** Hides what lower layers have under the name. */
  | (EntryBase & { type: 'whiteout' });

export interface WriteLayerOptions {
  /** Where the blob goes, named by the hex of its digest. */
  directory: string;
  /** Default gzip, which every engine reads; zstd packs three times as fast. */
  compression?: Compression;
  signal?: AbortSignal;
}

export interface WrittenLayer extends Descriptor {
  diffId: string;
  path: string;
}

/** Writes entries, in whatever order they come, as one layer. Two entries of one name are an error. */
export async function writeLayer(entries: Iterable<LayerEntry>, options: WriteLayerOptions): Promise<WrittenLayer> {
  const sorted = [...entries].sort(byPlace);
  sorted.forEach((entry, index) => {
    if (index > 0 && sorted[index - 1]?.name === entry.name) throw new Error(`two entries named "${entry.name}" in one layer`);
  });
  const compression = options.compression ?? 'gzip';
  await mkdir(options.directory, { recursive: true, mode: 0o700 });
  const temporary = join(options.directory, `.layer-${randomUUID()}`);
  const tar = pack();
  const plain = new DigestMeter();
  const packed = new DigestMeter();
  const squeeze = compressor(compression);
  const out = createWriteStream(temporary, { mode: 0o600, flags: 'wx' });
  const signal = options.signal ? { signal: options.signal } : {};
  try {
    const written = squeeze ? pipeline(tar, new Gatherer(), plain, squeeze, packed, out, signal) : pipeline(tar, new Gatherer(), plain, packed, out, signal);
    const filled = fill(tar, sorted).catch((error: unknown) => {
      tar.destroy(error as Error);
      throw error;
    });
    const [filling, writing] = await Promise.allSettled([filled, written]);
    options.signal?.throwIfAborted();
    // A full disk fails the writing, and the filling only as its echo; a bad file fails the filling, and the writing as its echo.
    const diskFailed = writing.status === 'rejected' && (writing.reason as NodeJS.ErrnoException).syscall !== undefined;
    if (filling.status === 'rejected' && !diskFailed) throw filling.reason;
    if (writing.status === 'rejected') throw writing.reason;
    const digest = packed.digest();
    const path = join(options.directory, splitDigest(digest).hex);
    await rename(temporary, path);
    return { mediaType: layerTypeOf[compression], digest, size: packed.bytes, diffId: plain.digest(), path };
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** Small files are read ahead, in batches; at most `batchFiles` × `smallFile` bytes are held. */
const smallFile = 256 * 1024;
const batchFiles = 32;

async function fill(tar: Pack, entries: readonly LayerEntry[]): Promise<void> {
  let ahead = readBatch(entries, 0);
  for (let at = 0; at < entries.length; at += batchFiles) {
    const contents = await ahead;
    ahead = readBatch(entries, at + batchFiles);
    // A failure is met when its turn comes.
    ahead.catch(() => undefined);
    for (const [index, entry] of entries.slice(at, at + batchFiles).entries()) {
      const { header, content } = toHeader(entry);
      const read = contents[index];
      if (read) await addBytes(tar, header, checkedSize(read, header, content));
      else if (typeof content === 'string') await addFile(tar, header, content);
      else await addBytes(tar, header, Buffer.from(content));
    }
  }
  tar.finalize();
}

function readBatch(entries: readonly LayerEntry[], at: number): Promise<(Buffer | undefined)[]> {
  return inParallel(entries.slice(at, at + batchFiles), 8, async (entry) => (entry.type === 'file' && typeof entry.content === 'string' && entry.size <= smallFile ? readFile(entry.content) : undefined));
}

function checkedSize(bytes: Buffer, { size = 0 }: NewHeader, path: unknown): Buffer {
  if (bytes.length < size) throw new Error(`${String(path)} became smaller while it was packed`);
  return bytes.subarray(0, size);
}

function addBytes(tar: Pack, header: NewHeader, bytes: Buffer): Promise<void> {
  return new Promise((resolve, reject) => tar.entry(header, bytes, (error) => (error ? reject(error) : resolve())));
}

/** The file is opened once and read to the size that was promised; a change under our hands fails the layer instead of bending it. */
async function addFile(tar: Pack, header: NewHeader, path: string): Promise<void> {
  const file = await open(path, 'r');
  const size = header.size ?? 0;
  const source = createReadStream(path, { fd: file, start: 0, end: size - 1, highWaterMark: 256 * 1024 });
  try {
    await pipeline(source, tar.entry(header));
  } catch (error) {
    if ((error as Error).message === 'Size mismatch') throw new Error(`${path} became smaller while it was packed`, { cause: error });
    throw error;
  }
}

function toHeader(entry: LayerEntry): { header: NewHeader; content: string | Uint8Array } {
  if (entry.type === 'whiteout') {
    const slash = entry.name.lastIndexOf('/') + 1;
    const name = `${entry.name.slice(0, slash)}${whiteoutPrefix}${entry.name.slice(slash)}`;
    return { header: { name, type: 'file', mode: 0o600, uid: 0, gid: 0, size: 0, mtime: new Date(0) }, content: Buffer.alloc(0) };
  }
  const header: NewHeader = {
    name: entry.type === 'directory' ? `${entry.name}/` : entry.name,
    type: entry.type,
    mode: entry.mode & 0o7777,
    uid: entry.uid,
    gid: entry.gid,
    mtime: new Date((entry.mtime ?? 0) * 1000),
    size: entry.type === 'file' ? entry.size : 0,
    ...((entry.type === 'symlink' || entry.type === 'link') && { linkname: entry.target }),
  };
  const ids = Object.entries({ uid: entry.uid, gid: entry.gid }).filter(([, id]) => id > largestOctalId);
  if (ids.length > 0) header.pax = Object.fromEntries(ids.map(([key, id]) => [key, String(id)]));
  return { header, content: entry.type === 'file' ? entry.content : Buffer.alloc(0) };
}

/** Six octal digits; larger ids (OpenShift's projects have them) need an extended header. */
const largestOctalId = 0o777777;

/** Parents before children, and whiteouts before their siblings (image-spec layer.md). */
function byPlace(a: LayerEntry, b: LayerEntry): number {
  const left = a.name.split('/');
  const right = b.name.split('/');
  const shared = Math.min(left.length, right.length);
  for (let at = 0; at < shared; at++) {
    if (left[at] === right[at]) continue;
    const leftGone = a.type === 'whiteout' && at === left.length - 1;
    const rightGone = b.type === 'whiteout' && at === right.length - 1;
    if (leftGone !== rightGone) return leftGone ? -1 : 1;
    return Buffer.compare(Buffer.from(left[at] ?? ''), Buffer.from(right[at] ?? ''));
  }
  return left.length - right.length;
}
