/** The text log of a part of the platform, with the options of `kubectl logs` that make sense for lines that carry their own time. */
import { watch } from 'node:fs';
import { open } from 'node:fs/promises';
import path from 'node:path';

export interface PlainLogOptions {
  follow: boolean;
  tailLines?: number;
  limitBytes?: number;
}

const block = 64 * 1024;
const lookMs = 1_000;

/** Ends at the end of the file, or when `signal` aborts while following. A file that is replaced is read from its start. */
export async function* readPlainLog(file: string, options: PlainLogOptions, signal: AbortSignal): AsyncGenerator<Buffer> {
  let left = options.limitBytes ?? Infinity;
  let handle = await open(file, 'r').catch(() => undefined);
  let position = handle && options.tailLines !== undefined ? await tailStart(handle, options.tailLines) : 0;
  const bell = options.follow ? ringer(path.dirname(file), signal) : undefined;
  try {
    while (!signal.aborted) {
      const ring = bell?.next();
      const info = await handle?.stat();
      if (info && info.size < position) position = 0;
      for (;;) {
        const read = await handle?.read({ buffer: Buffer.alloc(block), position });
        if (!read || read.bytesRead === 0) break;
        position += read.bytesRead;
        yield read.buffer.subarray(0, Math.min(read.bytesRead, left));
        if ((left -= read.bytesRead) <= 0) return;
      }
      if (!ring) return;
      await ring;
      const next = await open(file, 'r').catch(() => undefined);
      if (next && (await next.stat()).ino !== info?.ino) {
        await handle?.close();
        handle = next;
        position = 0;
      } else await next?.close();
    }
  } finally {
    bell?.close();
    await handle?.close();
  }
}

async function tailStart(handle: Awaited<ReturnType<typeof open>>, lines: number): Promise<number> {
  const { size } = await handle.stat();
  let found = 0;
  for (let end = size; end > 0; ) {
    const start = Math.max(0, end - block);
    const { buffer, bytesRead } = await handle.read({ buffer: Buffer.alloc(end - start), position: start });
    for (let at = bytesRead - 1; at >= 0; at--) {
      if (buffer[at] !== 10 || start + at === size - 1) continue;
      if (++found === lines) return start + at + 1;
    }
    end = start;
  }
  return lines === 0 ? size : 0;
}

function ringer(folder: string, signal: AbortSignal): { next(): Promise<void>; close(): void } {
  let wake: () => void = () => undefined;
  const ring = () => wake();
  const watcher = watch(folder, ring);
  watcher.on('error', () => watcher.close());
  const timer = setInterval(ring, lookMs);
  signal.addEventListener('abort', ring, { once: true });
  return {
    next: () => new Promise((resolve) => (wake = resolve)),
    close() {
      watcher.close();
      clearInterval(timer);
      signal.removeEventListener('abort', ring);
    },
  };
}
