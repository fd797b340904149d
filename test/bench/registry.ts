/**
 * One large blob pushed to and pulled from the registry, beside Debian's docker-registry where it is installed. Both run in processes of
 * their own over plain HTTP, driven by curl, so that the client costs both the same; both sync what they acknowledge as they see fit (ours does before it answers).
 * The middle of three rounds counts, of pulls that of nine: whoever is pushed to is pulled from by more than one node. `memory` is what a process had at most beyond what it had at rest: whether content is kept in memory.
 *
 *   node test/bench/registry.ts [megabytes, default 500]
 */
import { execFile, fork, spawn, type ChildProcess } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { digestOfFile } from '../../src/oci/digest.ts';
import { measured, printTable, type Row } from './table.ts';

interface Measured {
  /** MB a second. */
  push: number;
  pull: number;
  /** MB. */
  memory: number;
}

const peer = '/usr/bin/docker-registry';
const rounds = 3;
const pullsPerRound = 3;
const run = promisify(execFile);

export async function benchRegistry(megabytes = 500): Promise<Row[]> {
  const [ours, theirs] = await both(megabytes);
  if (!ours) return [];
  const row = (what: string, value: number, peer: number | undefined, unit: Row['unit'], better: Row['better'], times?: number): Row => ({
    what, value, unit, better, peer: measured('docker-registry', peer, 'docker-registry'), ...(times !== undefined && { least: { times } }),
  });
  return [
    row(`registry, push of ${megabytes} MB`, ours.push, theirs?.push, 'MB/s', 'more', 1),
    row(`registry, pull of ${megabytes} MB`, ours.pull, theirs?.pull, 'MB/s', 'more', 1),
    row(`registry, memory grown by ${rounds} × ${megabytes} MB`, ours.memory, theirs?.memory, 'MB', 'less'),
  ];
}

/** Ours, then Debian's if it is installed. */
async function both(megabytes: number): Promise<Measured[]> {
  const directory = mkdtempSync(join(tmpdir(), 'slipway-bench-registry-'));
  try {
    const file = join(directory, 'blob');
    const block = randomFillSync(Buffer.alloc(1 << 20));
    for (let part = 0; part < megabytes; part++) writeFileSync(file, block, { flag: 'a' });
    const digest = await digestOfFile(file);
    const running = [await startOurs(join(directory, 'ours')), ...(existsSync(peer) ? [await startPeer(directory)] : [])];
    return await measure(running, { file, digest, megabytes });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

interface Running {
  url: string;
  child: ChildProcess;
  /** Where it keeps content. */
  content: string;
}

/** Round by round in turn, so that a moment in which the machine has other work falls on both. Content is removed between rounds: what is there already is not written. */
async function measure(all: readonly Running[], { file, digest, megabytes }: { file: string; digest: string; megabytes: number }): Promise<Measured[]> {
  const found = all.map(({ child }) => ({ push: [] as number[], pull: [] as number[], rest: memoryOf(child, 'VmRSS') }));
  try {
    for (let round = 0; round < rounds; round++) {
      for (const [index, { url, content }] of all.entries()) {
        const repository = `demo/bench-${round}`;
        const upload = await uploadOf(url, repository);
        const whole = `${upload}${upload.includes('?') ? '&' : '?'}digest=${digest}`;
        found[index]?.push.push(await rate(megabytes, () => curl('-X', 'PUT', '-T', file, '-H', 'Expect:', '-H', 'Content-Type: application/octet-stream', whole)));
        for (let pull = 0; pull < pullsPerRound; pull++) found[index]?.pull.push(await rate(megabytes, () => curl('-o', '/dev/null', `${url}/v2/${repository}/blobs/${digest}`)));
        for (const name of [digest.slice(7), digest.slice(7, 9)]) rmSync(join(content, 'sha256', name), { recursive: true, force: true });
      }
    }
    return all.map(({ child }, index) => {
      const { push = [], pull = [], rest = 0 } = found[index] ?? {};
      return { push: middle(push), pull: middle(pull), memory: Math.max(0, memoryOf(child, 'VmHWM') - rest) };
    });
  } finally {
    for (const { child } of all) {
      child.kill('SIGTERM');
      await once(child, 'exit');
    }
  }
}

function middle(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}

async function uploadOf(url: string, repository: string): Promise<string> {
  const response = await fetch(`${url}/v2/${repository}/blobs/uploads/`, { method: 'POST', headers: { authorization: 'Bearer admin' } });
  return new URL(response.headers.get('location') ?? '', url).href;
}

async function curl(...argv: string[]): Promise<void> {
  await run('curl', ['--silent', '--show-error', '--fail', '-H', 'Authorization: Bearer admin', ...argv]);
}

function memoryOf({ pid }: ChildProcess, field: 'VmRSS' | 'VmHWM'): number {
  const [, kilobytes = '0'] = new RegExp(`${field}:\\s+(\\d+)`).exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Math.round(Number(kilobytes) / 1024);
}

async function rate(megabytes: number, run: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await run();
  return Math.round(megabytes / ((performance.now() - start) / 1000));
}

async function startOurs(directory: string): Promise<Running> {
  const child = fork(fileURLToPath(new URL('../support/registry-program.ts', import.meta.url)), [directory], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], execArgv: ['--no-warnings'] });
  const [url] = (await once(child, 'message')) as [string];
  return { url, child, content: join(directory, 'blobs') };
}

async function startPeer(directory: string): Promise<Running> {
  const free = createServer();
  await new Promise<void>((resolve) => free.listen(0, '127.0.0.1', resolve));
  const { port } = free.address() as AddressInfo;
  await new Promise((resolve) => free.close(resolve));
  const config = join(directory, 'peer.yml');
  writeFileSync(config, `version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\nstorage: {filesystem: {rootdirectory: ${directory}/peer}}\nhttp: {addr: 127.0.0.1:${port}}\n`);
  const child = spawn(peer, ['serve', config], { stdio: 'ignore' });
  const url = `http://127.0.0.1:${port}`;
  while (!(await fetch(`${url}/v2/`).then((response) => response.ok, () => false))) await new Promise((resolve) => setTimeout(resolve, 20));
  return { url, child, content: join(directory, 'peer/docker/registry/v2/blobs') };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) printTable(await benchRegistry(Number(process.argv[2] ?? 500)));
