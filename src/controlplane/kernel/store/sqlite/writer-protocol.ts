import type { Batch } from './batch-writer.ts';

/** To the writer thread; each is answered by one `WriterAnswer`, in order. */
export type WriterRequest = { type: 'open'; file: string } | { type: 'commit'; batch: Batch } | { type: 'close' };

export type WriterAnswer = { ok: true; revision: number } | { ok: false; code: number | undefined; text: string };
