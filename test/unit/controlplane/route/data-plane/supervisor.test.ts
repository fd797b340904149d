import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { build } from 'esbuild';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../../../../src/base/clock.ts';
import { silentLog } from '../../../../../src/base/log.ts';
import type { RouterRoute } from '../../../../../src/protocol/router.ts';
import { routerSupervisor, type RouterOptions } from '../../../../../src/controlplane/route/data-plane/supervisor.ts';
import type { DataPlane } from '../../../../../src/controlplane/route/data-plane/data-plane.ts';
import { application, browse, defaultCertificate, routeTo } from '../../../../support/router.ts';

let folder: string;
let program: string;
let open: { dispose(): void | Promise<void> }[] = [];

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'slipway-router-'));
  program = path.join(folder, 'router.js');
  await build({ entryPoints: ['src/controlplane/route/router/main.ts'], bundle: true, platform: 'node', format: 'cjs', outfile: program, logLevel: 'error' });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(async () => {
  for (const one of open.reverse()) await one.dispose();
  open = [];
});

async function supervisor(more: Partial<RouterOptions> = {}): Promise<DataPlane> {
  const one = routerSupervisor({
    spawnInside: ([file = '', ...rest], { stdio, env }) => itself(spawn(file, rest, { stdio, env })),
    command: [process.execPath, program],
    defaultCertificate: await defaultCertificate(),
    clock: systemClock, log: silentLog, ...more,
  });
  open.push(one);
  return one;
}

const itself = (child: ChildProcess) => ({ child, kill: () => void child.kill('SIGKILL') });
const table = (...routes: RouterRoute[]) => new Map(routes.map((route) => [route.key, route]));
async function web(text: string) {
  const one = await application((_request, response) => response.end(text));
  open.push({ dispose: () => one.close() });
  return one.address;
}
async function occupied(port = 0): Promise<number> {
  const server = net.createServer();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  open.push({ dispose: () => new Promise<void>((resolve) => void server.close(() => resolve())) });
  return (server.address() as net.AddressInfo).port;
}
const page = async (port: number, host: string) => (await browse(port, `http://${host}/`)).text;

describe('the router', () => {
  test('serves a table handed over before and after its start, and its changes', async () => {
    const router = await supervisor();
    const [one, two] = await Promise.all([web('one'), web('two')]);
    void router.apply(table(routeTo('a.test', [one])));
    const { http } = await router.start();
    expect(router.ports?.http).toBe(http);
    expect(await page(http, 'a.test')).toBe('one');
    await router.apply(table(routeTo('a.test', [two]), routeTo('b.test', [one])));
    expect(await page(http, 'b.test')).toBe('one');
    expect(await page(http, 'a.test')).toBe('two');
    await router.apply(table(routeTo('b.test', [one])));
    expect((await browse(http, 'http://a.test/')).status).toBe(503);
    expect(await router.metrics()).toMatchObject({ routes: 1, endpoints: 1 });
  });

  test('keeps its port when the worker is killed: what connects meanwhile is served by the next one', async () => {
    const router = await supervisor();
    const answered: string[] = [];
    router.onFirstAnswer((key, status) => answered.push(`${key} ${status}`));
    void router.apply(table(routeTo('a.test', [await web('still here')])));
    const { http } = await router.start();
    for (let round = 0; round < 3; round += 1) {
      const { pid } = router;
      process.kill(pid ?? 0, 'SIGKILL');
      expect(await page(http, 'a.test')).toBe('still here');
      expect(router.pid).not.toBe(pid);
    }
    // Each worker tells it of its own first answer; it is passed on once.
    expect(answered).toEqual(['demo/a.test 200']);
  });

  test.runIf(process.platform === 'linux')('serves this machine from a network namespace of its own', async () => {
    const router = await supervisor({ spawnInside: (argv, { stdio, env }) => itself(spawn('unshare', ['--user', '--map-root-user', '--net', ...argv], { stdio, env: { ...env, PATH: process.env.PATH } })) });
    void router.apply(table(routeTo('a.test', [await web('outside')])));
    const { http, https } = await router.start();
    expect((await browse(http, 'http://nobody.test/')).text).toContain('Application is not available');
    expect((await browse(https, 'https://nobody.test/')).status).toBe(503);
    // The application listens outside: the worker really is somewhere else.
    expect((await browse(http, 'http://a.test/')).status).toBe(503);
    expect(await router.metrics()).toMatchObject({ connectFailures: 1 });
  });

  test('takes the next free port, but not when one was asked for', async () => {
    const taken = await occupied();
    const asked = await supervisor({ http: taken });
    await expect(asked.start()).rejects.toThrow(`port ${taken} on 127.0.0.1 is in use: end the program that holds it, or choose another port for the router`);
    const [first, second] = [await supervisor(), await supervisor()];
    const [a, b] = [await first.start(), await second.start()];
    expect(new Set([a.http, a.https, b.http, b.https]).size).toBe(4);
  });

  test('ends its worker and gives the port back', async () => {
    const router = await supervisor();
    const { http } = await router.start();
    const { pid } = router;
    await router.dispose();
    expect(() => process.kill(pid ?? 0, 0)).toThrow('ESRCH');
    await occupied(http);
  });

  test('says why a worker does not start', async () => {
    const router = await supervisor({ command: [process.execPath, '-e', 'process.exit(3)'] });
    await expect(router.start()).rejects.toThrow('the router worker does not start: it ended with exit code 3');
  });

  test('its worker ends with the process that owns it', async () => {
    const child = spawn(process.execPath, [program], { stdio: ['pipe', 'pipe', 'inherit'] });
    const { certificate, key } = await defaultCertificate();
    const at = { host: '127.0.0.1', port: 0 };
    child.stdin.write(`${JSON.stringify({ type: 'configure', http: at, https: at, defaultCertificate: { certificate, key } })}\n`);
    await new Promise((resolve) => child.stdout.once('data', resolve));
    child.stdin.end();
    expect(await new Promise((resolve) => child.once('exit', resolve))).toBe(0);
  });
});
