/** Reads a tar, compressed or not, entry by entry within limits, and tells its uncompressed digest. */
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { extract, type ExtractEvents } from 'tar-stream';
import { decompress } from './compression.ts';
import { DigestMeter } from './digest.ts';
import { LayerError, type ArchiveLimits } from './layer-error.ts';

export interface TarEntry {
  /** Relative, without `.` and empty components; `''` is the root itself. Never contains `..`. */
  name: string;
  type: 'file' | 'directory' | 'symlink' | 'link' | 'device' | 'fifo';
  mode: number;
  uid: number;
  gid: number;
  size: number;
  mtime: Date;
  /** Target of a symlink as written, or of a hard link. */
  target: string;
  /** Of files. Unread content is skipped. */
  content: AsyncIterable<Buffer>;
}

export interface TarResult {
  /** Digest of the uncompressed archive. */
  diffId: string;
  entries: number;
  /** Uncompressed. */
  bytes: number;
}

type Entry = ExtractEvents['entry'][1];

const pathLimit = 4096;

/** Calls `each` for one entry after another. Throws `LayerError` for whatever is wrong with the archive. */
export async function readTar(source: AsyncIterable<Uint8Array>, limits: ArchiveLimits, each: (entry: TarEntry) => Promise<void>): Promise<TarResult> {
  const meter = new DigestMeter({ maxBytes: limits.maxBytes, tooMany: tooLarge });
  const tar = extract();
  const fed = pipeline(Readable.from(decompress(source), { objectMode: false }), meter, tar);
  let entries = 0;
  let failure: unknown;
  const consumed = (async () => {
    for await (const entry of tar) {
      if (++entries > limits.maxEntries) throw new LayerError('TooManyEntries', `the archive has more than ${limits.maxEntries} entries`);
      await each(toEntry(entry));
      entry.resume();
    }
  })().catch((error: unknown) => {
    failure ??= error;
    tar.destroy(error as Error);
  });
  const [feeding] = await Promise.allSettled([fed, consumed]);
  failure = failure instanceof LayerError ? failure : feeding.status === 'rejected' && !isEcho(feeding.reason) ? feeding.reason : failure ?? (feeding.status === 'rejected' ? feeding.reason : undefined);
  if (failure !== undefined) throw classify(failure);
  return { diffId: meter.digest(), entries, bytes: meter.bytes };
}

/** The pipeline repeats the consumer's own failure, or reports only that the stream closed early. */
function isEcho(error: unknown): boolean {
  const { code, message } = error as NodeJS.ErrnoException;
  return code === 'ERR_STREAM_PREMATURE_CLOSE' || code === 'ABORT_ERR' || message === 'Writable stream closed prematurely' || message === 'Stream was destroyed';
}

function tooLarge(maxBytes: number): LayerError {
  return new LayerError('TooLarge', `the archive unpacks to more than ${Math.round(maxBytes / 2 ** 20)} MiB`);
}

/** Errors of zlib and the tar parser mean a damaged archive; those of the disk, the source or `each` are passed on. */
function classify(error: unknown): Error {
  if (error instanceof LayerError) return error;
  const { code = '', message } = error as NodeJS.ErrnoException;
  const damaged = code.startsWith('Z_') || code.startsWith('ZSTD_') || /^(?:Invalid tar header|Invalid header|Header exceeds|Unexpected end of data|unexpected end of file|corrupt zstd)/.test(message);
  return damaged ? new LayerError('Corrupt', `the archive is damaged: ${message}`, { cause: error }) : (error as Error);
}

function toEntry(entry: Entry): TarEntry {
  const header = entry.header;
  const written = header.name;
  const type = typeOf(header.type);
  if (!type) throw new LayerError('Unsupported', `entry "${written}" has a type this reader does not know`);
  if (header.pax && Object.keys(header.pax as object).some((key) => key.startsWith('GNU.sparse.'))) throw new LayerError('Unsupported', `entry "${written}" is a sparse file; pack it without --sparse`);
  return {
    name: safeName(written),
    type,
    mode: (header.mode ?? 0) & 0o7777,
    uid: idOf(header.pax, 'uid') ?? header.uid ?? 0,
    gid: idOf(header.pax, 'gid') ?? header.gid ?? 0,
    size: header.size ?? 0,
    mtime: header.mtime ?? new Date(0),
    target: header.linkname ?? '',
    content: entry as unknown as AsyncIterable<Buffer>,
  };
}

/** What did not fit the header stands in an extended one (pax(1)). */
function idOf(pax: unknown, key: 'uid' | 'gid'): number | undefined {
  const text = (pax as Record<string, string> | null | undefined)?.[key];
  return text !== undefined && /^\d{1,10}$/.test(text) && Number(text) < 0xffff_ffff ? Number(text) : undefined;
}

function typeOf(type: Entry['header']['type']): TarEntry['type'] | undefined {
  switch (type) {
    case 'file':
    case 'contiguous-file':
      return 'file';
    case 'directory':
    case 'symlink':
    case 'link':
    case 'fifo':
      return type;
    case 'character-device':
    case 'block-device':
      return 'device';
    default:
      return undefined;
  }
}

/** `./a//b/` and `/a/b` read `a/b`; a name that climbs is refused, even if it would end inside. */
export function safeName(written: string): string {
  if (written.includes('\0')) throw new LayerError('UnsafePath', `entry name ${JSON.stringify(written)} contains a NUL`);
  if (Buffer.byteLength(written) > pathLimit) throw new LayerError('UnsafePath', `entry name "${written.slice(0, 80)}…" is longer than ${pathLimit} bytes`);
  const parts = written.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) throw new LayerError('UnsafePath', `entry "${written}" points outside the archive`);
  return parts.join('/');
}
