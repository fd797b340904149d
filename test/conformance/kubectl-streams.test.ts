/** Real kubectls of every protocol generation: SPDY (1.27), WebSocket exec (1.30), SPDY in WebSocket for port-forward (1.31 and later). */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, realpathSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, get, request as httpRequest, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startStreamServer, type StreamServer } from '../support/stream-server.ts';

const size = 50 * 1024 * 1024;
const real = realpathSync('/usr/bin/kubectl');
const versions = ['1.27', '1.28', '1.29', '1.30', '1.31', '1.32', '1.33'].filter((version) => existsSync(`${real}.${version}`));

let api: StreamServer;
let home: string;
let data: Buffer;
let web: Server;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'slipway-streams-'));
  data = randomBytes(size);
  await writeFile(join(home, 'big'), data);
  api = await startStreamServer();
  web = createServer((request, response) => {
    if (request.method === 'GET') return void response.end(data);
    const hash = createHash('sha256');
    request.on('data', (chunk: Buffer) => hash.update(chunk)).on('end', () => response.end(hash.digest('hex')));
  });
  web.listen(0, '127.0.0.1');
  await once(web, 'listening');
});
beforeEach(() => {
  api.upgrades.length = 0;
  api.refuse = undefined;
});
afterAll(async () => {
  await api.close();
  web.close();
  await rm(home, { recursive: true });
});

const environment = () => ({ HOME: home, PATH: process.env.PATH ?? '', TERM: 'xterm' });
const argumentsOf = (args: string[]) => ['--server', api.url, '--cache-dir', join(home, 'cache'), ...args];

/** Runs kubectl to its end, with `input` on its standard input. */
async function kubectl(version: string, args: string[], input?: Buffer): Promise<{ code: number | null; stdout: Buffer; stderr: string }> {
  const child = spawn(`${real}.${version}`, argumentsOf(args), { env: environment(), stdio: 'pipe' });
  child.stdin.on('error', () => undefined).end(input);
  const stdout: Buffer[] = [];
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout: Buffer.concat(stdout), stderr };
}

describe.each(versions)('kubectl %s', (version) => {
  test('exec: output, errors and exit codes', async () => {
    const result = await kubectl(version, ['exec', 'p', '--', 'sh', '-c', 'echo out; echo err >&2; exit 7']);
    expect(result).toMatchObject({ code: 7, stderr: expect.stringContaining('err\n') });
    expect(result.stdout.toString()).toBe('out\n');
    expect(await kubectl(version, ['exec', 'p', '--', 'true'])).toMatchObject({ code: 0, stderr: '' });
    expect((await kubectl(version, ['exec', 'p', '--', 'no-such-program'])).stderr).toContain('ENOENT');
    expect(api.upgrades[0]).toContain(Number(version.slice(2)) >= 30 ? 'websocket v5.channel.k8s.io' : 'SPDY/3.1 v');
  });

  test('exec -i: 50 MB there and back, standard input ends', async () => {
    const result = await kubectl(version, ['exec', '-i', 'p', '--', 'cat'], data);
    expect(result.code).toBe(0);
    expect(result.stdout.equals(data)).toBe(true);
  });

  test('exec -i: a command that ends without reading its input', async () => {
    expect((await kubectl(version, ['exec', '-i', 'p', '--', 'echo', 'done'], data)).stdout.toString()).toBe('done\n');
  });

  test('exec -it: a terminal with its size, and a change of it', async () => {
    const command = [`${real}.${version}`, ...argumentsOf(['exec', '-it', 'p', '--', 'sizes', '2'])].join(' ');
    const terminal = spawn('script', ['-qec', `tty > ${home}/tty; stty rows 41 cols 97; exec ${command}`, '/dev/null'], { env: environment(), stdio: ['pipe', 'pipe', 'ignore'] });
    let output = '';
    for await (const chunk of terminal.stdout as AsyncIterable<Buffer>) {
      output += chunk.toString();
      if (output.includes('97x41') && !output.includes('97x50')) execFile('stty', ['-F', (await readFile(join(home, 'tty'), 'utf8')).trim(), 'rows', '50']);
    }
    expect(output).toContain('97x50');
  });

  test('cp in both directions', async () => {
    await kubectl(version, ['cp', join(home, 'big'), `p:${home}/copied`]);
    expect((await readFile(join(home, 'copied'))).equals(data)).toBe(true);
    await kubectl(version, ['cp', `p:${home}/copied`, join(home, 'back')]);
    expect((await readFile(join(home, 'back'))).equals(data)).toBe(true);
  });

  test('port-forward: 50 MB down and up, several connections at once, a closed port', async () => {
    const port = (web.address() as AddressInfo).port;
    const { child, local } = await forward(version, [`:${port}`, ':1']);
    const [first = 0, closed = 0] = local;
    const downloads = await Promise.all(Array.from({ length: 3 }, () => download(first)));
    expect(downloads.every((one) => one.equals(data))).toBe(true);
    expect(await upload(first)).toBe(createHash('sha256').update(data).digest('hex'));
    await expect(download(closed)).rejects.toThrow();
    // kubectl ends when a port refuses a connection (1.27 and later), so this comes last.
    child.kill();
    expect(api.upgrades[0]).toContain(Number(version.slice(2)) >= 31 ? 'websocket SPDY/3.1+portforward.k8s.io' : 'SPDY/3.1 portforward.k8s.io');
  });
});

test('both streams fall back to SPDY where WebSockets do not pass', async () => {
  api.refuse = 'websocket';
  const version = versions.at(-1) ?? '';
  expect((await kubectl(version, ['exec', '-i', 'p', '--', 'cat'], data)).stdout.equals(data)).toBe(true);
  const { child, local } = await forward(version, [`:${(web.address() as AddressInfo).port}`]);
  expect((await download(local[0] ?? 0)).equals(data)).toBe(true);
  child.kill();
  expect(api.upgrades.map((upgrade) => upgrade.split(' ')[0])).toEqual(['websocket', 'SPDY/3.1', 'websocket', 'SPDY/3.1']);
});

/** Starts a port-forward and reads the local ports it chose. */
async function forward(version: string, ports: string[]): Promise<{ child: ChildProcess; local: number[] }> {
  const child = spawn(`${real}.${version}`, argumentsOf(['port-forward', 'p', ...ports, '--address', '127.0.0.1']), { env: environment(), stdio: ['ignore', 'pipe', 'inherit'] });
  const local: number[] = [];
  for await (const chunk of child.stdout.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    for (const [, port] of chunk.toString().matchAll(/Forwarding from 127\.0\.0\.1:(\d+)/g)) local.push(Number(port));
    if (local.length === ports.length) break;
  }
  child.stdout.resume();
  return { child, local };
}

async function read(response: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

async function download(port: number): Promise<Buffer> {
  const request = get({ host: '127.0.0.1', port, agent: false });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  return read(response);
}

async function upload(port: number): Promise<string> {
  const request = httpRequest({ host: '127.0.0.1', port, agent: false, method: 'PUT' });
  request.end(data);
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  return (await read(response)).toString();
}
