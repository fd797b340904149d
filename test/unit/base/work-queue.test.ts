import { describe, expect, it } from 'vitest';
import { exponential, WorkQueue, type WorkResult } from '../../../src/base/work-queue.ts';
import { manualClock, settle } from '../../support/manual-clock.ts';

interface Run { key: string; signal: AbortSignal; finish(result?: WorkResult): void; fail(error: Error): void }

/** A queue whose work ends when the test says so. */
function bench(workers = 2) {
  const clock = manualClock();
  const runs: Run[] = [];
  const failures: [string, number, number][] = [];
  const queue = new WorkQueue({
    clock,
    workers,
    work: (key, signal) => new Promise((finish, fail) => runs.push({ key, signal, finish, fail })),
    onFailure: (key, _error, count, wait) => failures.push([key, count, wait]),
  });
  return { clock, runs, failures, queue, keys: () => runs.map((run) => run.key) };
}

describe('work queue', () => {
  it('merges equal keys and works on as many as it has workers', async () => {
    const { queue, runs, keys } = bench();
    for (const key of ['a', 'a', 'b', 'c', 'b']) queue.add(key);
    await settle();
    expect([keys(), queue.size]).toEqual([['a', 'b'], 1]);
    runs[0]?.finish();
    await settle();
    expect(keys()).toEqual(['a', 'b', 'c']);
  });

  it('never works on a key twice at once, and takes one added meanwhile once more', async () => {
    const { queue, runs, keys } = bench();
    queue.add('a');
    await settle();
    queue.add('a');
    queue.add('a');
    await settle();
    expect(keys()).toEqual(['a']);
    runs[0]?.finish();
    await settle();
    expect(keys()).toEqual(['a', 'a']);
    runs[1]?.finish();
    await settle();
    expect([keys(), queue.idle]).toEqual([['a', 'a'], true]);
  });

  it('waits longer after each failure and forgets them after a success', async () => {
    const { queue, runs, clock, failures } = bench();
    queue.add('a');
    for (const wait of [5, 10, 20]) {
      await settle();
      runs.at(-1)?.fail(new Error('not yet'));
      await clock.advance(wait - 1);
      expect(queue.size).toBe(0);
      await clock.advance(1);
    }
    expect(runs).toHaveLength(4);
    runs.at(-1)?.finish();
    await settle();
    queue.add('a');
    await settle();
    runs.at(-1)?.fail(new Error('again'));
    await settle();
    expect(failures).toEqual([['a', 1, 5], ['a', 2, 10], ['a', 3, 20], ['a', 1, 5]]);
  });

  it('takes a key again after the time its work asked for, the earliest of several', async () => {
    const { queue, runs, clock, keys } = bench();
    queue.add('a');
    await settle();
    runs[0]?.finish({ afterMs: 1000 });
    await settle();
    queue.addAfter('a', 5000);
    queue.addAfter('a', 300);
    await clock.advance(299);
    expect(keys()).toEqual(['a']);
    await clock.advance(1);
    expect(keys()).toEqual(['a', 'a']);
    runs[1]?.finish();
    await clock.advance(10_000);
    expect(keys()).toEqual(['a', 'a']);
  });

  it('aborts what runs when disposed, waits for it, and takes nothing more', async () => {
    const { queue, runs, keys, clock } = bench(1);
    queue.add('a');
    queue.add('b');
    await settle();
    queue.addAfter('c', 10);
    let ended = false;
    const ending = queue.dispose().then(() => (ended = true));
    await clock.advance(100);
    expect([runs[0]?.signal.aborted, ended]).toEqual([true, false]);
    runs[0]?.fail(new Error('aborted'));
    await ending;
    queue.add('d');
    await clock.advance(100);
    expect([keys(), clock.waiting]).toEqual([['a'], 0]);
  });

  it('doubles up to a limit', () => {
    expect([1, 2, 3, 14, 15, 100].map(exponential(5, 60_000))).toEqual([5, 10, 20, 40_960, 60_000, 60_000]);
  });
});
