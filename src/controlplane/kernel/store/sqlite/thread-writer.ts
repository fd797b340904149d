import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { diskFailed, diskFull, storeInUse, writerGone, type StoreFailure } from '../failure.ts';
import type { BatchWriter } from './batch-writer.ts';
import { result } from './database.ts';
import type { WriterAnswer, WriterRequest } from './writer-protocol.ts';

export interface ThreadWriter extends BatchWriter {
  /** Opens the file; resolves to its revision. The thread itself starts at once, while others still read the file. */
  open(): Promise<number>;
}

/** The thread needs little memory of its own: batches lie outside its heap. */
const limits = { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 32, stackSizeMb: 1 };

/** `script`: the writer's program; found beside the bundle, or beside this file in the source tree. */
export function threadWriter(file: string, script: string = writerScript()): ThreadWriter {
  const worker = new Worker(script, { resourceLimits: limits, env: {}, execArgv: ['--disable-warning=ExperimentalWarning', '--disable-warning=MODULE_TYPELESS_PACKAGE_JSON'] });
  const waiting: { resolve: (answer: WriterAnswer) => void; reject: (error: Error) => void }[] = [];
  let gone: StoreFailure | undefined;
  let closed = false;
  const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
  const fail = (cause: unknown) => {
    if (closed) return;
    gone ??= writerGone(file, cause);
    for (const { reject } of waiting.splice(0)) reject(gone);
  };
  worker.on('message', (answer: WriterAnswer) => waiting.shift()?.resolve(answer));
  worker.on('error', fail);
  worker.on('exit', (code) => fail(new Error(`exit code ${code}`)));
  worker.unref();

  const ask = async (request: WriterRequest): Promise<number> => {
    if (gone) throw gone;
    // The process stays up while something waits for the disk, and ends freely otherwise.
    worker.ref();
    const answer = await new Promise<WriterAnswer>((resolve, reject) => {
      waiting.push({ resolve, reject });
      worker.postMessage(request);
    });
    if (waiting.length === 0) worker.unref();
    if (answer.ok) return answer.revision;
    if (answer.code === result.full) throw diskFull(file, new Error(answer.text));
    if (answer.code === result.busy) throw storeInUse(file, new Error(answer.text));
    throw diskFailed(file, answer.text);
  };

  return {
    open: () => ask({ type: 'open', file }),
    async commit(batch) {
      await ask({ type: 'commit', batch });
    },
    get gone() {
      return gone;
    },
    async dispose() {
      if (closed) return ended;
      if (!gone) await ask({ type: 'close' }).catch(() => undefined);
      closed = true;
      worker.ref();
      await worker.terminate();
      await ended;
    },
  };
}

function writerScript(): string {
  const here = typeof __dirname === 'string' ? __dirname : path.dirname(fileURLToPath(import.meta.url));
  const bundled = path.join(here, 'store-writer.js');
  return existsSync(bundled) ? bundled : path.join(here, 'writer-thread.ts');
}
