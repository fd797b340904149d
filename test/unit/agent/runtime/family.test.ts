import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, describe, expect, test } from 'vitest';
import { Family } from '../../../../src/agent/runtime/family.ts';
import { childrenOf } from '../../../../src/agent/runtime/procfs.ts';

describe.runIf(process.platform === 'linux')('processes of a container (/proc is Linux)', () => {
  const started: ChildProcess[] = [];
  afterEach(() => {
    for (const child of started.splice(0)) child.stdin?.end();
  });

  /** A shell that starts another one with each line. */
  async function shell(): Promise<{ pid: number; startOne(): Promise<number> }> {
    const child = spawn('sh', ['-c', 'echo up; read line; sh -c "echo up; read line; :"; :'], { stdio: ['pipe', 'pipe', 'inherit'] });
    started.push(child);
    await once(child.stdout, 'data');
    return {
      pid: child.pid!,
      async startOne() {
        child.stdin.write('\n');
        await once(child.stdout, 'data');
        return childrenOf(child.pid!)[0]!;
      },
    };
  }

  test('what its first process starts belongs to it, without being recognised', async () => {
    const first = await shell();
    const family = new Family(first.pid, () => false);
    const second = await first.startOne();
    expect(family.look(true).map(({ pid }) => pid)).toEqual([first.pid, second]);
  });

  test('who entered after he was taken for a stranger is found by what he starts, and comes before it', async () => {
    const inside = new Set<number>();
    const family = new Family(0, (pid) => inside.has(pid));
    const entering = await shell();
    expect(family.look(true)).toEqual([]);
    const command = await entering.startOne();
    for (const pid of [entering.pid, command]) inside.add(pid);
    expect(family.look(true).map(({ pid }) => pid)).toEqual([entering.pid, command]);
  });
});
