import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createPlainServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Machine } from '../../../src/detect/command.ts';
import { askEngine, explainNoEngine, failedAnswer, findEngine, readAnswer } from '../../../src/detect/engine.ts';
import { engineAddresses, InvalidEngineAddress, parseEngineUrl } from '../../../src/detect/engine-address.ts';

const machine = (env: Machine['env'], platform: NodeJS.Platform = 'linux'): Machine => ({ platform, env: { PATH: '', ...env }, run: async () => ({ code: -1, stdout: '', stderr: '' }) });

describe('an address', () => {
  test.each([
    ['unix:///var/run/docker.sock', { socketPath: '/var/run/docker.sock' }],
    ['npipe:////./pipe/docker_engine', { socketPath: '//./pipe/docker_engine' }],
    ['npipe://\\\\.\\pipe\\docker_engine', { socketPath: '//./pipe/docker_engine' }],
    ['tcp://127.0.0.1:2375', { tcp: { host: '127.0.0.1', port: 2375 } }],
    ['tcp://[::1]:2375/', { tcp: { host: '::1', port: 2375 } }],
  ])('%s', (url, wanted) => expect(parseEngineUrl(url, 'the test', undefined)).toEqual({ url, source: 'the test', ...wanted }));

  test('of another machine needs TLS', () => {
    expect(parseEngineUrl('tcp://engine.example:2376', 'x', '/certs').tcp).toEqual({ host: 'engine.example', port: 2376, tls: '/certs' });
    expect(() => parseEngineUrl('tcp://engine.example:2375', 'x', undefined)).toThrow('DOCKER_CERT_PATH');
  });

  test.each(['ssh://me@host', 'unix://relative.sock', 'tcp://127.0.0.1', 'tcp://127.0.0.1:99999', 'docker.sock', ''])('"%s" is refused with what to do', (url) => expect(() => parseEngineUrl(url, 'x', undefined)).toThrow(InvalidEngineAddress));
});

describe('addresses in the order of docker', () => {
  let folder: string;
  beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'engine-'))));
  afterAll(() => rmSync(folder, { recursive: true }));

  test('what the user asked for is all', async () => expect((await engineAddresses(machine({ DOCKER_HOST: 'unix:///b' }), 'unix:///a')).map(({ url, source }) => [url, source])).toEqual([['unix:///a', '--engine']]));
  test('then the variables', async () => {
    expect((await engineAddresses(machine({ DOCKER_HOST: 'unix:///b', CONTAINER_HOST: 'unix:///c' }))).map(({ url, source }) => [url, source])).toEqual([['unix:///b', 'DOCKER_HOST']]);
    expect((await engineAddresses(machine({ CONTAINER_HOST: 'unix:///c' })))[0]).toMatchObject({ url: 'unix:///c', source: 'CONTAINER_HOST' });
  });
  test("then docker's context, then the usual places", async () => {
    const id = createHash('sha256').update('far').digest('hex');
    mkdirSync(join(folder, 'contexts/meta', id), { recursive: true });
    writeFileSync(join(folder, 'config.json'), JSON.stringify({ currentContext: 'far' }));
    writeFileSync(join(folder, 'contexts/meta', id, 'meta.json'), JSON.stringify({ Name: 'far', Endpoints: { docker: { Host: 'unix:///far.sock' } } }));
    const found = await engineAddresses(machine({ DOCKER_CONFIG: folder, XDG_RUNTIME_DIR: '/run/user/7' }));
    expect(found.map(({ url }) => url)).toEqual(expect.arrayContaining(['unix:///far.sock', 'unix:///var/run/docker.sock', 'unix:///run/user/7/podman/podman.sock', 'unix:///run/podman/podman.sock']));
    expect(found[0]).toMatchObject({ source: 'docker context "far"' });
    expect((await engineAddresses(machine({ DOCKER_CONFIG: folder, DOCKER_CONTEXT: 'default' })))[0]?.url).toBe('unix:///var/run/docker.sock');
  });
  test('on other systems', async () => {
    expect((await engineAddresses(machine({ DOCKER_CONFIG: '/none' }, 'win32'))).map(({ url }) => url)).toContain('npipe:////./pipe/docker_engine');
    expect((await engineAddresses(machine({ DOCKER_CONFIG: '/none' }, 'darwin'))).map(({ source }) => source)).toEqual(expect.arrayContaining(['Docker Desktop', 'Podman machine']));
  });
});

describe('an engine that cannot be used', () => {
  let folder: string;
  beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'engine-'))));
  afterAll(() => rmSync(folder, { recursive: true }));
  const at = (name: string) => `unix://${join(folder, name)}`;
  const why = async (url: string) => {
    const { found, asked } = await findEngine(machine({}), url);
    return found ?? explainNoEngine(asked, machine({}));
  };

  test('is found, with its version', async () => {
    const server = createServer((_, response) => response.end(JSON.stringify({ Version: '27.1.0', ApiVersion: '1.46', MinAPIVersion: '1.24', Components: [{ Name: 'Engine' }] })));
    await new Promise<void>((resolve) => server.listen(join(folder, 'good.sock'), resolve));
    expect(await why(at('good.sock'))).toMatchObject({ name: 'docker', version: '27.1.0', url: at('good.sock') });
    server.close();
  });

  test('too old', async () => {
    const server = createServer((_, response) => response.end(JSON.stringify({ Version: '19.3.0', ApiVersion: '1.40', Components: [] })));
    await new Promise<void>((resolve) => server.listen(join(folder, 'old.sock'), resolve));
    expect(await why(at('old.sock'))).toMatchObject({ why: expect.stringContaining('1.41 is needed') as string });
    server.close();
  });

  test('not there, not running, something else', async () => {
    expect(await why(at('none.sock'))).toMatchObject({ why: expect.stringContaining('there is no such socket') as string });
    const dead = createPlainServer();
    await new Promise<void>((resolve) => dead.listen(join(folder, 'podman-other.sock'), resolve));
    dead.on('connection', (socket) => socket.end('SSH-2.0-x\r\n'));
    expect(await why(at('podman-other.sock'))).toMatchObject({ fix: expect.stringContaining('--engine URL') as string });
    dead.close();
  });

  test('closed to this user: the line that mends it', async () => {
    expect(failedAnswer(Object.assign(new Error('connect EACCES'), { code: 'EACCES' }))).toMatchObject({ kind: 'forbidden' });
    const address = parseEngineUrl('unix:///var/run/docker.sock', 'Docker', undefined);
    expect(await explainNoEngine([{ address, answer: { ok: false, kind: 'forbidden', message: 'permission denied' } }], machine({}))).toMatchObject({ fix: expect.stringContaining('usermod -aG docker') as string });
    expect(await explainNoEngine([{ address, answer: { ok: false, kind: 'closed', message: 'x' } }], machine({}))).toMatchObject({ fix: 'sudo systemctl start docker' });
    expect(await explainNoEngine([{ address, answer: { ok: false, kind: 'closed', message: 'x' } }], machine({}, 'darwin'))).toMatchObject({ fix: 'Start Docker Desktop.' });
    expect(await explainNoEngine([{ address, answer: { ok: false, kind: 'absent', message: 'x' } }], machine({}))).toMatchObject({ why: 'no container engine is installed', fix: expect.stringContaining('podman') as string });
    chmodSync(folder, 0o700);
  });

  test('answers that are none', async () => {
    expect(['', '{}', '[1]', '<html>', '{"Version":"1"}'].map((text) => readAnswer(text).ok)).toEqual([false, false, false, false, false]);
    expect(await askEngine({ url: 'tcp://127.0.0.1:1', source: 'x', tcp: { host: '127.0.0.1', port: 1 } })).toMatchObject({ ok: false, kind: 'closed' });
  });
});
