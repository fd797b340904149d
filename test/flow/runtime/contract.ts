/** What every driver of the runtime contract does that kubectl does not show, as one table of tests; what it does show is in test/support/drivers. */
import { readdirSync, readlinkSync } from 'node:fs';
import { expect } from 'vitest';
import type { ContainerStats, ContainerStatus, PodSandbox, RuntimeName } from '../../../src/agent/runtime/runtime.ts';
import type { Machine } from '../../support/sandbox/machine.ts';
import { eventually } from '../../support/eventually.ts';
import { eventually as until } from '../../support/platform/platform.ts';
import { runPod, startPod, type TestPod } from '../../support/sandbox/pods.ts';
import type { RemoteError } from '../../support/sandbox/rpc.ts';
import type { ExecResult, Step } from '../../support/sandbox/runtime-methods.ts';

export interface ContractCase {
  name: string;
  /** Of drivers that do it themselves: others ask a service of this machine. */
  drivers?: readonly RuntimeName[];
  run(machine: Machine): Promise<void>;
}

function workingFolder(pid: string): string {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return '';
  }
}

const exec = (machine: Machine, container: string, argv: string[], options: { tty?: boolean; steps?: Step[] } = {}) => machine.agent<ExecResult>(1, 'exec', container, argv, options);

export const contract: ContractCase[] = [
  {
    name: 'writes the log in CRI form and tells the exit code',
    async run(machine) {
      const { rawLog, status } = await runPod(machine, 'echo out; echo err >&2; printf rest; exit 7');
      const entries = rawLog.split('\n').slice(0, -1).map((line) => /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z (stdout|stderr) ([FP]) (.*)$/.exec(line)!);
      // A line that does not end may come in parts.
      const text = (stream: string) => entries.filter(([, one]) => one === stream).map(([, , tag, part]) => (tag === 'F' ? `${part}\n` : part)).join('');
      expect([text('stdout'), text('stderr')]).toEqual(['out\nrest\n', 'err\n']);
      expect(status).toMatchObject({ state: 'exited', exitCode: 7, reason: 'Error', name: 'main', attempt: 0 });
      expect(Date.parse(status.finishedAt!)).toBeGreaterThanOrEqual(Date.parse(status.startedAt!));
    },
  },
  {
    name: 'leaves nothing of a container that cannot be made',
    async run(machine) {
      const failure = await startPod(machine, { command: ['true'], mounts: [{ hostPath: '/no/such/folder', containerPath: '/data', readOnly: false, volume: 'data' }] }).catch((error: RemoteError) => error);
      expect(failure).toMatchObject({ reason: expect.any(String) as string });
      // Whoever waited in its folder is gone with it.
      await eventually(() => readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && workingFolder(pid).startsWith(machine.directory) && workingFolder(pid).endsWith(' (deleted)'))).toEqual([]);
    },
  },
  {
    name: 'executes commands with streams and exit code',
    async run(machine) {
      const { pod, container } = await startPod(machine, { command: ['sleep', '1000'] });
      expect(await exec(machine, container, ['sh', '-c', 'cat; echo err > /dev/stderr; exit 3'], { steps: [{ write: 'in\n' }, { waitFor: 'in' }, { end: true }] })).toEqual({ stdout: 'in\n', stderr: 'err\n', exit: { code: 3 } });
      expect(await Promise.all(Array.from({ length: 6 }, (_, at) => exec(machine, container, ['echo', String(at)])))).toEqual(Array.from({ length: 6 }, (_, at) => ({ stdout: `${at}\n`, stderr: '', exit: { code: 0 } })));
      await machine.agent(1, 'removePod', pod.id);
    },
  },
  {
    name: 'ends an executed command whose client goes away',
    async run(machine) {
      const { pod, container } = await startPod(machine, { command: ['sleep', '1000'] });
      expect((await exec(machine, container, ['sleep', '999'], { steps: [{ kill: true }] })).exit).toMatchObject({ code: expect.any(Number) as number });
      await machine.agent(1, 'removePod', pod.id);
    },
  },
  {
    name: 'gives a real terminal: size, Ctrl-C, exit code',
    async run(machine) {
      const { pod, container } = await startPod(machine, { command: ['sleep', '1000'] });
      const { stdout, exit } = await exec(machine, container, ['sh'], {
        tty: true,
        steps: [
          { write: 'tty; echo is$((1+1))\n' }, { waitFor: 'is2' }, { resize: [132, 40] }, { write: 'until [ "$(stty size)" = "40 132" ]; do :; done; echo size$((1+1))\n' }, { waitFor: 'size2' },
          { write: "sh -c 'echo now$((1+1)); exec sleep 1000'\n" }, { waitFor: 'now2' }, { write: '\x03' }, { write: 'echo after$((1+1))\n' }, { waitFor: 'after2' }, { write: 'exit 9\n' },
        ],
      });
      expect(stdout).toMatch(/\/dev\/pts\/\d+/);
      expect(exit).toEqual({ code: 9 });
      await machine.agent(1, 'removePod', pod.id);
    },
  },
  {
    name: 'is looked on without touching its input',
    async run(machine) {
      const { pod, container } = await startPod(machine, { command: ['sh', '-c', '(while :; do echo tick; sleep 0.1; done) & read line; sleep 1; [ "$line" = hello ] && exit 5'], stdin: true, stdinOnce: true });
      const looking = machine.agent<ExecResult>(1, 'attach', container, { stdin: false, steps: [{ waitFor: 'tick' }, { end: true }] });
      expect(await machine.agent<ExecResult>(1, 'attach', container, { steps: [{ waitFor: 'tick' }, { write: 'hello\n' }] })).toMatchObject({ exit: { code: 5 } });
      expect(await looking).toMatchObject({ stdout: expect.stringContaining('tick\n') as string, exit: { code: 5 } });
      await machine.agent(1, 'removePod', pod.id);
    },
  },
  {
    name: 'connects to a port of the pod, its loopback included',
    async run(machine) {
      const { pod, container } = await startPod(machine, { args: ['serve', '127.0.0.1'] });
      await machine.agent(1, 'logged', container, 'listening');
      expect(await machine.agent<string>(1, 'http', pod.id, 8080)).toContain('hello from');
      expect(await machine.agent(1, 'stats', container)).toMatchObject({ processes: expect.any(Number) as number, cpuNanoseconds: expect.any(Number) as number, workingSetBytes: expect.any(Number) as number, rssBytes: expect.any(Number) as number });
      const interfaces = await machine.agent<{ name: string; txBytes: number }[] | undefined>(1, 'networkStats', pod.id);
      if (interfaces) expect(interfaces).toContainEqual(expect.objectContaining({ name: 'eth0', txBytes: expect.any(Number) as number }));
      await machine.agent(1, 'removePod', pod.id);
    },
  },
  {
    name: 'holds a container that runs to a limit it is given later',
    async run(machine) {
      const { pod, container } = await startPod(machine, { command: ['sleep', '1000'] });
      const refused = await machine.agent(1, 'changeLimits', container, { memoryLimit: 200 << 20, cpuLimit: 1000, cpuRequest: 100 }).then(() => undefined, ({ message }: RemoteError) => message);
      if (refused !== undefined) {
        // An older Podman.
        expect(refused).toBe('this container engine cannot change the limits of a container that runs: make the pod anew, or use a newer engine');
        return machine.agent(1, 'removePod', pod.id);
      }
      const eater = await startPod(machine, { command: ['sh', '-c', 'read line; exec node -e "const all = []; setInterval(() => all.push(Buffer.alloc(8 << 20, 1)), 20)"'], stdin: true });
      await machine.agent(1, 'changeLimits', eater.container, { memoryLimit: 200 << 20, cpuLimit: 0, cpuRequest: 0 });
      expect(await machine.agent<ExecResult>(1, 'attach', eater.container, { steps: [{ write: 'eat\n' }] })).toMatchObject({ exit: { code: 137 } });
      expect(await machine.agent<ContainerStatus>(1, 'exited', eater.container)).toMatchObject({ exitCode: 137, reason: 'OOMKilled' });
      expect(await machine.agent<ContainerStatus>(1, 'status', container)).toMatchObject({ state: 'running' });
      for (const { id } of [pod, eater.pod]) await machine.agent(1, 'removePod', id);
    },
  },
  {
    name: 'holds a container to its share of the processors, with all that runs in it, also after a kill of the agent',
    drivers: ['sandbox', 'process'],
    async run(machine) {
      const spin = 'while :; do :; done';
      const script = `trap 'echo bye; exit 0' TERM; (${spin}) & echo up; ${spin}`;
      const held = await startPod(machine, { command: ['sh', '-c', script], cpuLimit: 100 });
      const free = await startPod(machine, { command: ['sh', '-c', script], cpuLimit: 1200 });
      const used = async ({ container }: TestPod) => ((await machine.agent<ContainerStats>(1, 'stats', container)).cpuNanoseconds / 1e6);
      /** How much more the other one gets while it has a second of processor time. */
      const ratio = async () => {
        const [first, other] = [await used(held), await used(free)];
        return until('both to get on', async () => {
          const [now, there] = [(await used(held)) - first, (await used(free)) - other];
          return now > 0 && there > 1000 ? there / now : undefined;
        });
      };
      // A limit is not held from the first moment on.
      await until('both to be known', async () => ((await used(free)) > 2200 ? true : undefined));
      expect(await ratio()).toBeGreaterThan(2.5);
      // Commands in it wait, but they do not end otherwise; a shell with job control does not learn that its command stood.
      const busy = 'i=0; while [ $i -lt 8000 ]; do i=$((i+1)); done';
      expect(await exec(machine, held.container, ['sh', '-c', `${busy}; echo done; exit 3`])).toEqual({ stdout: 'done\n', stderr: '', exit: { code: 3 } });
      await machine.call('killAgent', 1);
      await machine.startAgent(1);
      // Several: a command may enter the container just before or after its processes are looked at.
      const short = 'i=0; while [ $i -lt 2000 ]; do i=$((i+1)); done';
      for (let one = 0; one < 8; one += 1) {
        const terminal = await exec(machine, held.container, ['sh'], { tty: true, steps: [{ write: `PS1=; sh -c '${short}; echo is$((1+1)); exit 4'; echo code$?; exit 5\n` }, { waitFor: 'code4' }] });
        expect(terminal).toMatchObject({ stdout: expect.not.stringMatching(/stopped/i) as string, exit: { code: 5 } });
      }
      expect(await ratio()).toBeGreaterThan(2.5);
      await machine.agent(1, 'stop', held.container, 30);
      expect(await machine.agent(1, 'status', held.container)).toMatchObject({ exitCode: 0, reason: 'Completed' });
      expect(held.lines()).toEqual(['up', 'bye']);
      for (const { pod } of [held, free]) await machine.agent(1, 'removePod', pod.id);
    },
  },
  {
    name: 'loses no line when the agent is killed, and keeps the container',
    async run(machine) {
      const { pod, container, lines } = await startPod(machine, { args: ['count'] });
      for (let round = 0; round < 2; round += 1) {
        await machine.call('killAgent', 1);
        await machine.startAgent(1);
        expect(await machine.agent(1, 'status', container)).toMatchObject({ id: container, state: 'running' });
      }
      expect(await machine.agent<PodSandbox[]>(1, 'pods')).toContainEqual(expect.objectContaining({ id: pod.id, ip: pod.ip, ready: true }));
      expect((await exec(machine, container, ['echo', 'again'])).stdout).toBe('again\n');
      await machine.agent(1, 'stop', container, 0);
      const written = lines();
      expect(written.length).toBeGreaterThan(20);
      expect(written).toEqual(written.map((_, at) => `line ${at}`));
      await machine.agent(1, 'removePod', pod.id);
    },
  },
  {
    name: 'learns of an end that came while there was no agent',
    async run(machine) {
      const { container } = await startPod(machine, { command: ['sh', '-c', 'sleep 0.3; echo done; exit 4'] });
      await machine.call('killAgent', 1);
      await machine.startAgent(1);
      expect(await machine.agent<ContainerStatus>(1, 'exited', container)).toMatchObject({ state: 'exited', exitCode: 4 });
    },
  },
];
