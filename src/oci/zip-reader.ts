/** Reads zip archives (PKWARE APPNOTE 6.3: stored and deflated entries, zip64) in the form of tar entries. */
import { randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { open, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { crc32, createInflateRaw } from 'node:zlib';
import { LayerError, type ArchiveLimits } from './layer-error.ts';
import { safeName, type TarEntry } from './tar-reader.ts';

const localHeader = 0x04034b50;
const centralHeader = 0x02014b50;
const endOfDirectory = 0x06054b50;
const end64 = 0x06064b50;
const locator64 = 0x07064b50;
/** The end record with the longest comment it may carry. */
const endSearch = 22 + 0xffff;
const directoryLimit = 64 * 2 ** 20;

export function isZip(head: Buffer): boolean {
  return head.length >= 4 && (head.readUInt32LE() === localHeader || head.readUInt32LE() === endOfDirectory);
}

/** A zip's directory stands at its end, so the archive is kept in a file in `temporary` while it is read. */
export async function readZip(source: AsyncIterable<Uint8Array>, temporary: string, limits: ArchiveLimits, each: (entry: TarEntry) => Promise<void>): Promise<{ entries: number; bytes: number }> {
  const path = join(temporary, `.zip-${randomUUID()}`);
  try {
    await pipeline(Readable.from(atMost(source, limits.maxBytes)), createWriteStream(path, { mode: 0o600, flags: 'wx' }));
    const file = await open(path, 'r');
    try {
      return await readEntries(file, path, limits, each);
    } finally {
      await file.close();
    }
  } finally {
    await rm(path, { force: true });
  }
}

async function readEntries(file: FileHandle, path: string, limits: ArchiveLimits, each: (entry: TarEntry) => Promise<void>): Promise<{ entries: number; bytes: number }> {
  const { size } = await file.stat();
  const { offset, length, count } = await findDirectory(file, size);
  if (count > limits.maxEntries) throw new LayerError('TooManyEntries', `the archive has ${count} entries`);
  if (length > directoryLimit || offset + length > size) throw corrupt('its directory is out of bounds');
  const directory = await read(file, offset, length);
  let bytes = 0;
  let entries = 0;
  for (let at = 0; at + 46 <= directory.length && directory.readUInt32LE(at) === centralHeader; entries++) {
    const found = centralEntry(directory, at);
    at = found.next;
    bytes += found.size;
    if (entries >= limits.maxEntries) throw new LayerError('TooManyEntries', `the archive has more than ${limits.maxEntries} entries`);
    if (bytes > limits.maxBytes) throw new LayerError('TooLarge', `the archive unpacks to more than ${limits.maxBytes} bytes`);
    if (found.flags & 1) throw new LayerError('Unsupported', `"${found.name}" is encrypted; pack the source without a password`);
    const local = await read(file, found.offset, 30);
    if (local.readUInt32LE(0) !== localHeader) throw corrupt(`"${found.name}" is not where the directory says`);
    const start = found.offset + 30 + local.readUInt16LE(26) + local.readUInt16LE(28);
    if (start + found.packed > size) throw corrupt(`"${found.name}" is cut short`);
    const content = contentOf(path, start, found);
    const symlink = found.type === 'symlink';
    const target = symlink ? await readTarget(found, content) : '';
    await each({
      name: safeName(found.name),
      type: found.type,
      mode: found.mode,
      uid: 0,
      gid: 0,
      size: symlink ? 0 : found.size,
      mtime: found.mtime,
      target,
      content,
    });
  }
  if (entries !== count) throw corrupt('its directory is damaged');
  return { entries, bytes };
}

interface CentralEntry {
  name: string;
  type: TarEntry['type'];
  mode: number;
  flags: number;
  method: number;
  crc: number;
  packed: number;
  size: number;
  offset: number;
  mtime: Date;
  next: number;
}

function centralEntry(directory: Buffer, at: number): CentralEntry {
  const nameLength = directory.readUInt16LE(at + 28);
  const extraLength = directory.readUInt16LE(at + 30);
  const next = at + 46 + nameLength + extraLength + directory.readUInt16LE(at + 32);
  if (next > directory.length) throw corrupt('its directory is cut short');
  const name = directory.toString('utf8', at + 46, at + 46 + nameLength).replaceAll('\\', '/');
  const unix = directory[at + 5] === 3;
  const unixMode = unix ? directory.readUInt32LE(at + 38) >>> 16 : 0;
  const isDirectory = name.endsWith('/');
  const sizes = wide(directory.subarray(at + 46 + nameLength, at + 46 + nameLength + extraLength), {
    size: directory.readUInt32LE(at + 24),
    packed: directory.readUInt32LE(at + 20),
    offset: directory.readUInt32LE(at + 42),
  });
  const time = directory.readUInt16LE(at + 12);
  const date = directory.readUInt16LE(at + 14);
  return {
    name,
    type: isDirectory ? 'directory' : (unixMode & 0o170000) === 0o120000 ? 'symlink' : 'file',
    mode: unixMode & 0o777 || (isDirectory ? 0o755 : 0o644),
    flags: directory.readUInt16LE(at + 8),
    method: directory.readUInt16LE(at + 10),
    crc: directory.readUInt32LE(at + 16),
    ...sizes,
    mtime: new Date(Date.UTC(1980 + (date >> 9), ((date >> 5) & 15) - 1, date & 31, time >> 11, (time >> 5) & 63, (time & 31) * 2)),
    next,
  };
}

/** Sizes that do not fit into 32 bits stand in an extra field, in this order. */
function wide(extra: Buffer, narrow: { size: number; packed: number; offset: number }): typeof narrow {
  const result = { ...narrow };
  for (let at = 0; at + 4 <= extra.length; at += 4 + extra.readUInt16LE(at + 2)) {
    if (extra.readUInt16LE(at) !== 1) continue;
    let field = at + 4;
    for (const key of ['size', 'packed', 'offset'] as const) {
      if (result[key] !== 0xffffffff) continue;
      if (field + 8 > extra.length) throw corrupt('a zip64 field is cut short');
      result[key] = Number(extra.readBigUInt64LE(field));
      field += 8;
    }
  }
  return result;
}

async function* contentOf(path: string, start: number, entry: CentralEntry): AsyncGenerator<Buffer> {
  if (entry.method !== 0 && entry.method !== 8) throw new LayerError('Unsupported', `"${entry.name}" is packed by method ${entry.method}; use deflate`);
  let crc = 0;
  let bytes = 0;
  if (entry.packed > 0) {
    const packed = createReadStream(path, { start, end: start + entry.packed - 1 });
    const plain = entry.method === 8 ? packed.pipe(createInflateRaw()) : packed;
    packed.once('error', (error) => plain.destroy(error));
    for await (const chunk of plain as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > entry.size) throw corrupt(`"${entry.name}" is larger than its directory says`);
      crc = crc32(chunk, crc);
      yield chunk;
    }
  }
  if (bytes !== entry.size || crc !== entry.crc) throw corrupt(`"${entry.name}" does not match its checksum`);
}

async function findDirectory(file: FileHandle, size: number): Promise<{ offset: number; length: number; count: number }> {
  const start = Math.max(0, size - endSearch);
  const tail = await read(file, start, size - start);
  for (let at = tail.length - 22; at >= 0; at--) {
    if (tail.readUInt32LE(at) !== endOfDirectory) continue;
    const narrow = { count: tail.readUInt16LE(at + 10), length: tail.readUInt32LE(at + 12), offset: tail.readUInt32LE(at + 16) };
    if (at < 20 || tail.readUInt32LE(at - 20) !== locator64) return narrow;
    const record = await read(file, Number(tail.readBigUInt64LE(at - 12)), 56);
    if (record.readUInt32LE(0) !== end64) throw corrupt('its zip64 record is missing');
    return { count: Number(record.readBigUInt64LE(32)), length: Number(record.readBigUInt64LE(40)), offset: Number(record.readBigUInt64LE(48)) };
  }
  throw corrupt('its directory is missing; it was cut short');
}

async function read(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const { bytesRead, buffer } = await file.read(Buffer.alloc(length), 0, length, position);
  if (bytesRead !== length) throw corrupt('it ends too early');
  return buffer;
}

async function* atMost(source: AsyncIterable<Uint8Array>, maxBytes: number): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const chunk of source) {
    bytes += chunk.length;
    if (bytes > maxBytes) throw new LayerError('TooLarge', `the archive has more than ${maxBytes} bytes`);
    yield chunk;
  }
}

async function readTarget(entry: CentralEntry, content: AsyncIterable<Buffer>): Promise<string> {
  if (entry.size > 4096) throw corrupt(`link "${entry.name}" has a target that is too long`);
  const chunks: Buffer[] = [];
  for await (const chunk of content) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

function corrupt(why: string): LayerError {
  return new LayerError('Corrupt', `the zip archive is damaged: ${why}`);
}
