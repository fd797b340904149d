import { spawn, spawnSync, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openSqliteStore } from '../../../src/controlplane/kernel/store/sqlite/sqlite-store.ts';

const program = path.resolve('test/support/store-child.ts');
const node = [process.execPath, '--disable-warning=MODULE_TYPELESS_PACKAGE_JSON', '--disable-warning=ExperimentalWarning', program];
/** What a container without the right to trace answers. */
const cannotTrace = spawnSync('strace', ['-e', 'trace=none', 'true']).status === 0 ? undefined : 'strace is missing or may not trace here';
const cannotMount = spawnSync('unshare', ['-rm', 'true']).status === 0 ? undefined : 'user namespaces are closed here';

let folder: string;
let file: string;
const children = new Set<Child>();
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'durable-'));
  file = path.join(folder, 'store.db');
});
afterEach(async () => {
  for (const child of children) await child.kill();
  rmSync(folder, { recursive: true, force: true });
});

/** A child and its lines. */
class Child {
  readonly process: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: AsyncIterator<string>;
  readonly ended: Promise<unknown>;

  constructor(command: string[]) {
    const [first = '', ...rest] = command;
    this.process = spawn(first, rest, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.ended = once(this.process, 'exit');
    this.#lines = createInterface({ input: this.process.stdout })[Symbol.asyncIterator]();
    children.add(this);
  }

  async line(): Promise<string> {
    const next = await this.#lines.next();
    return next.done ? 'gone' : next.value;
  }

  ask(command: string): Promise<string> {
    this.process.stdin.write(`${command}\n`);
    return this.line();
  }

  async kill(): Promise<void> {
    children.delete(this);
    // A traced program outlives its tracer, and ends with its input.
    this.process.stdin.destroy();
    if (this.process.exitCode === null && this.process.signalCode === null) this.process.kill('SIGKILL');
    await this.ended;
  }
}

/** Calls in the order in which they returned, with their thread: `7 fdatasync(19</tmp/x/store.db-wal>) = 0`. */
function calls(trace: string): { thread: string; call: string }[] {
  const unfinished = new Map<string, string>();
  return readFileSync(trace, 'utf8').split('\n').flatMap((line) => {
    const [, thread = '', rest = ''] = /^(\d+) +(.*)$/.exec(line) ?? [];
    const begun = / <unfinished \.\.\.>$/.exec(rest);
    if (begun) {
      unfinished.set(thread, rest.slice(0, begun.index));
      return [];
    }
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(rest);
    return thread ? [{ thread, call: resumed ? `${unfinished.get(thread) ?? ''}${resumed[1]}` : rest }] : [];
  });
}

const synced = /^f(data)?sync\(\d+<[^>]*store\.db-wal>\) += 0/;
const traced = (trace: string, inject: string[] = []) => ['strace', '-f', '-y', '-s', '64', '-e', 'trace=read,write,fdatasync,fsync', ...inject, '-o', trace, ...node, file];

describe('fsync', () => {
  it('comes between a lone write and its acknowledgement, and without it nothing is acknowledged', async ({ skip }) => {
    if (cannotTrace) return skip(cannotTrace);
    const trace = path.join(folder, 'trace');
    const child = new Child(traced(trace));
    expect(await child.line()).toBe('ready');
    expect(await child.ask('put a 100')).toMatch(/^ok a/);
    expect(await child.ask('close')).toBe('closed');
    await child.ended;
    const seen = calls(trace);
    const asked = seen.findIndex(({ call }) => call.startsWith('read(0') && call.includes('put a 100'));
    const acknowledged = seen.findIndex(({ call }) => call.startsWith('write(1') && call.includes('ok a'));
    const between = seen.slice(asked, acknowledged).filter(({ call }) => synced.test(call));
    expect([asked >= 0, acknowledged > asked]).toEqual([true, true]);
    expect(between).not.toEqual([]);

    // The same store again, with every sync of the writer's thread failing from that one on. Calls are counted for each thread.
    const before = seen.slice(0, asked).filter(({ thread, call }) => thread === between[0]?.thread && /^f(data)?sync/.test(call)).length;
    const failing = new Child(traced(trace, ['-e', `inject=fdatasync,fsync:error=EIO:when=${before + 1}+`]));
    expect(await failing.line()).toBe('ready');
    expect(await failing.ask('put b 100')).toMatch(/^failed b io writing to .* failed: disk I\/O error\. Check the disk/);
    expect(await failing.ask('put c 100')).toMatch(/^failed c io/);
    expect([await failing.ask('get b'), await failing.ask('get c')]).toEqual(['absent b', 'absent c']);
    expect(calls(trace).some(({ call }) => /^f(data)?sync.*EIO.*INJECTED/.test(call))).toBe(true);
    await failing.kill();
  });
});

describe('kill -9', () => {
  it('under load, fifty times, loses nothing acknowledged', { timeout: 120_000 }, async () => {
    const acknowledged = new Map<string, number>();
    for (let round = 0; round < 50; round++) {
      const child = new Child([...node, file, 'load']);
      // At another point of the work each time.
      const most = 1 + ((round * 37) % 600);
      let seen = 0;
      const lines = (async () => {
        for (let line = await child.line(); line !== 'gone'; line = await child.line()) {
          const [writer = '', count] = line.split(' ');
          acknowledged.set(writer, Number(count));
          if (++seen === most) child.process.kill('SIGKILL');
        }
      })();
      await lines;
      await child.kill();
      const store = await openSqliteStore({ file });
      for (const [writer, count] of acknowledged) {
        const entry = store.get(`core/configmaps/demo/writer-${writer}`);
        const stored = Number((entry?.object as unknown as { data: { value: string } } | undefined)?.data.value.split(' ')[0]);
        expect(stored, `writer ${writer} in round ${round}`).toBeGreaterThanOrEqual(count);
      }
      await store.dispose();
    }
    expect(acknowledged.size).toBe(8);
  });
});

describe('a full disk', () => {
  it('is told, takes nothing away, and works again once there is space', async ({ skip }) => {
    if (cannotMount) return skip(cannotMount);
    const disk = path.join(folder, 'disk');
    mkdirSync(disk);
    const child = new Child(['unshare', '-rm', 'sh', '-c', 'mount -t tmpfs -o size=2m tmpfs "$1" && shift && exec "$@"', 'sh', disk, ...node, path.join(disk, 'store.db')]);
    expect(await child.line()).toBe('ready');
    expect(await child.ask('put a 1000')).toMatch(/^ok a/);
    await child.ask(`ballast ${disk}/ballast 2000000`);
    expect(await child.ask('put b 400000')).toMatch(/^failed b full the disk that holds .* is full\. Free some space and try again/);
    expect(await child.ask('put a 400000')).toMatch(/^failed a full/);
    expect([await child.ask('get a'), await child.ask('get b')]).toEqual(['there a', 'absent b']);
    await child.ask(`unballast ${disk}/ballast`);
    expect(await child.ask('put b 400000')).toMatch(/^ok b/);
    expect(await child.ask('put a 10')).toMatch(/^ok a/);
    expect(await child.ask('close')).toBe('closed');
    expect(existsSync(path.join(disk, 'store.db'))).toBe(false);
  });
});
