import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect } from 'vitest';
import { eventually, fetchRoute } from '../../platform/platform.ts';
import { processesNaming } from '../../platform/processes.ts';
import type { DriverBed } from '../bed.ts';
import { node, podOf, shell, type DriverCase } from '../contract.ts';

/** Listens on the loopback of its pod only. */
const hidden = `require('node:http').createServer((request, response) => response.end('from the inside')).listen(process.env.PORT || 8080, '127.0.0.1', () => require('node:fs').writeFileSync('up', ''))`;

async function forwarded(bed: DriverBed): Promise<void> {
  const child = bed.platform.spawnKubectl(['port-forward', 'pod/talker', ':8080']);
  try {
    const port = await new Promise<string>((resolve) => child.stdout?.on('data', (text: Buffer) => resolve(/127\.0\.0\.1:(\d+)/.exec(String(text))?.[1] ?? '')));
    expect((await fetchRoute(`http://127.0.0.1:${port}/`)).body).toBe('from the inside');
  } finally {
    child.kill();
  }
}

export const streams: DriverCase[] = [
  {
    name: 'commands: input, both outputs, exit code; a terminal of the size of the client\'s',
    objects: () => [podOf('talker', [node('main', hidden, { ports: [{ containerPort: 8080 }], readinessProbe: { exec: { command: ['test', '-e', 'up'] }, periodSeconds: 1 } })])],
    async run(bed) {
      await bed.ready('talker');
      expect(await bed.platform.kubectl(['exec', '-i', 'talker', '--', 'sh', '-c', 'cat; echo err >&2; exit 3'], { input: 'in\n' })).toEqual({ code: 3, stdout: 'in\n', stderr: 'err\ncommand terminated with exit code 3\n' });
      const { output, code } = bed.terminal('exec -it talker -- sh -c "until [ \\"\\$(stty size)\\" = \\"30 80\\" ]; do sleep 0.05; done; tty; exit 5"');
      expect(output).toMatch(/\/dev\/pts\/\d+/);
      expect(code).toBe(5);
      const missing = await bed.exec('talker', '/no/such/program');
      expect([missing.code, missing.stdout + missing.stderr]).toEqual([expect.toBeOneOf([126, 127]), expect.stringMatching(/\/no\/such\/program.*(no such file|not found)/i)]);
    },
  },
  {
    name: 'files are copied in and out',
    async run(bed) {
      const [from, to] = ['from', 'to'].map((name) => path.join(bed.shared, name)) as [string, string];
      writeFileSync(from, 'copied\n');
      await bed.platform.kube('cp', from, 'talker:copy');
      await bed.platform.kube('cp', 'talker:copy', to);
      expect(readFileSync(to, 'utf8')).toBe('copied\n');
    },
  },
  {
    name: 'attaching: input and output of what runs',
    objects: () => [podOf('attached', [shell('main', 'read line; echo "got $line"; exit 6', { stdin: true, stdinOnce: true })], { restartPolicy: 'Never' })],
    async run(bed) {
      await bed.ready('attached');
      const { stdout } = await bed.platform.kubectl(['attach', '-i', 'attached', '--quiet'], { input: 'hello\n' });
      expect(stdout).toBe('got hello\n');
      await bed.states('attached', 'it has ended', (of) => of.main?.state?.terminated?.exitCode === 6);
      expect(await bed.platform.kube('logs', 'attached')).toBe('got hello\n');
    },
  },
  { name: 'ports are forwarded, those of the loopback too', run: forwarded },
  {
    name: 'a container that is added to look at another',
    async run(bed) {
      await bed.platform.kube('debug', 'talker', '--image=slipway/tools', '--image-pull-policy=IfNotPresent', '--container=helper', '--profile=general', ...(bed.driver === 'process' ? [] : ['--target=main']), '--', 'sh', '-c', 'cat /proc/[0-9]*/cmdline | tr "\\0" " "; exit 4');
      const { helper } = await bed.states('talker', 'it has ended', (of) => of.helper?.state?.terminated !== undefined);
      expect(helper?.state?.terminated?.exitCode).toBe(4);
      expect(await bed.platform.kube('logs', 'talker', '-c', 'helper')).toContain('from the inside');
    },
  },
  {
    name: 'what it uses is measured',
    async run(bed) {
      const used = await eventually('it is measured', async () => /^talker +main +(\d+)m +(\d+)Mi/m.exec(await bed.platform.kube('top', 'pod', 'talker', '--containers')) ?? undefined);
      expect(Number(used[2])).toBeGreaterThan(1);
    },
  },
  {
    name: 'it lives on when the agent is killed; its log has no gap',
    objects: () => [podOf('counting', [node('main', 'let count = 0; setInterval(() => console.log("count " + count++), 20)')])],
    async run(bed) {
      const { platform } = bed;
      const { main } = await bed.states('counting', 'it runs', (of) => of.main?.state?.running !== undefined);
      const agents = () => processesNaming(path.join(platform.home, 'versions')).filter(({ command }) => /agent\.js/.test(command) && !/^nsenter/.test(command));
      const counts = async (least: number) => eventually(`the log reaches ${least}`, async () => {
        const found = [...(await platform.kube('logs', 'counting')).matchAll(/^count (\d+)$/gm)].map(([, count]) => Number(count));
        return (found.at(-1) ?? 0) >= least ? found : undefined;
      });
      await counts(10);
      const [agent] = agents();
      process.kill(agent?.pid ?? 0, 'SIGKILL');
      await eventually('another agent runs', async () => (agents().some(({ pid }) => pid !== agent?.pid) ? true : undefined));
      await eventually('it answers', async () => ((await bed.exec('counting', 'true')).code === 0 ? true : undefined));
      const all = await counts(((await counts(0)).at(-1) ?? 0) + 25);
      expect(all).toEqual(all.map((_, index) => index));
      const after = await bed.states('counting', 'it runs', (of) => of.main?.state?.running !== undefined);
      expect(after.main).toMatchObject({ containerID: main?.containerID, restartCount: 0 });
      await forwarded(bed);
    },
  },
];
