/** Content on its way between a connection and a file: a few buffers at a time, whatever its size. */
import type { FileHandle } from 'node:fs/promises';
import type { Writable } from 'node:stream';

/** Bytes gathered before they are written; twice as much is held while the disk works. What comes slowly is written after this time, for those who read along. */
const writeBytes = 512 * 1024;
const writeMs = 100;
/** Bytes of each of the two buffers that a reader alternates. */
const readBytes = 1024 * 1024;
/** The disk is asked to begin with what it has been given, so that the last sync finds little to do. */
const flushBytes = 32 * 1024 * 1024;

/**
 * Appends `source` to `file` at `position`. `onTaken` is told each chunk before it is written; bytes count once `onWritten` was told.
 * Chunks that own their memory are freed at once: the collector would let tens of megabytes gather first.
 */
export async function writeFrom(source: AsyncIterable<Uint8Array>, file: FileHandle, position: number, events: { onTaken?(chunk: Uint8Array): void; onWritten?(bytes: number): void }): Promise<number> {
  let at = position;
  let batch: Uint8Array[] = [];
  let gathered = 0;
  let unflushed = 0;
  let flushing: Promise<void> | undefined;
  let writing: Promise<void> = Promise.resolve();
  let timer: NodeJS.Timeout | undefined;
  /** One write after the other; the first that fails fails those behind it. */
  const flush = (): void => {
    clearTimeout(timer);
    timer = undefined;
    if (gathered === 0) return;
    const chunks = batch;
    const bytes = gathered;
    const start = at;
    batch = [];
    gathered = 0;
    at += bytes;
    writing = writing.then(async () => {
      await writeAll(file, chunks, start);
      chunks.forEach(release);
      events.onWritten?.(bytes);
    });
    // Awaited by the next batch or at the end.
    writing.catch(() => undefined);
    unflushed += bytes;
    if (unflushed >= flushBytes && !flushing) {
      unflushed = 0;
      flushing = file.datasync().catch(() => undefined).finally(() => (flushing = undefined));
    }
  };
  try {
    for await (const chunk of source) {
      events.onTaken?.(chunk);
      batch.push(chunk);
      gathered += chunk.length;
      timer ??= setTimeout(flush, writeMs);
      if (gathered < writeBytes) continue;
      const before = writing;
      flush();
      await before;
    }
  } finally {
    // What came before a break counts too.
    flush();
    await writing;
    await flushing;
  }
  return at - position;
}

async function writeAll(file: FileHandle, chunks: readonly Uint8Array[], position: number): Promise<void> {
  let rest = chunks;
  let at = position;
  while (rest.length > 0) {
    let { bytesWritten } = await file.writev(rest, at);
    at += bytesWritten;
    // A short write goes on in the middle of a chunk.
    const next: Uint8Array[] = [];
    for (const chunk of rest) {
      if (bytesWritten < chunk.length) next.push(bytesWritten > 0 ? chunk.subarray(bytesWritten) : chunk);
      bytesWritten = Math.max(0, bytesWritten - chunk.length);
    }
    rest = next;
  }
}

/** Frees the memory of a chunk that nobody else can see. */
function release(chunk: Uint8Array): void {
  const { buffer } = chunk;
  if (!(buffer instanceof ArrayBuffer) || buffer.byteLength !== chunk.byteLength || buffer.byteLength < 4096) return;
  try {
    (buffer as ArrayBuffer & { transfer(bytes: number): ArrayBuffer }).transfer(0);
  } catch {
    // Memory of a pool is not ours to free.
  }
}

/** Writes bytes `start` to `end` (inclusive) of `file` to `to`; `until` waits for bytes that are still being fetched and answers how many there are. */
export async function writeTo(to: Writable, file: FileHandle, { start, end }: { start: number; end: number }, until?: (position: number) => Promise<number>): Promise<void> {
  const buffers = [Buffer.allocUnsafeSlow(Math.min(readBytes, end - start + 1)), Buffer.allocUnsafeSlow(Math.min(readBytes, end - start + 1))] as const;
  let sent: Promise<void> = Promise.resolve();
  let turn: 0 | 1 = 0;
  for (let at = start; at <= end; ) {
    const available = until ? Math.min(await until(at), end + 1) : end + 1;
    const buffer = buffers[turn];
    const { bytesRead } = await file.read(buffer, 0, Math.min(buffer.length, available - at), at);
    if (bytesRead === 0) throw new Error(`the content ends after ${at} bytes`);
    // The other buffer is free once it was sent.
    await sent;
    sent = send(to, buffer.subarray(0, bytesRead));
    sent.catch(() => undefined);
    at += bytesRead;
    turn = turn === 0 ? 1 : 0;
  }
  await sent;
}

/** Rejects when the client is gone: a write to a closed connection may never be answered. */
function send(to: Writable, bytes: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    const gone = (): void => reject(new Error('the client went away'));
    if (to.destroyed) return gone();
    to.once('close', gone);
    to.write(bytes, (error) => {
      to.off('close', gone);
      if (error) reject(error);
      else resolve();
    });
  });
}
