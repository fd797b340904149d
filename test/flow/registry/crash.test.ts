/** kill -9 at any moment: what is visible is whole, what was acknowledged stays, what was begun goes on. */
import { fork, type ChildProcess } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { digestOf } from '../../../src/oci/digest.ts';
import { registryClient } from '../../../src/oci/registry-client.ts';
import { contentOf } from '../../support/registry-images.ts';

const program = fileURLToPath(new URL('../../support/registry-program.ts', import.meta.url));
const rounds = 5;
const headers = { authorization: 'Bearer admin' };
let directory: string;
let child: ChildProcess | undefined;
beforeEach(() => void (directory = mkdtempSync(join(tmpdir(), 'slipway-crash-'))));
afterEach(() => {
  child?.kill('SIGKILL');
  rmSync(directory, { recursive: true });
});

async function start(): Promise<string> {
  child = fork(program, [directory], { stdio: ['ignore', 'ignore', 'ignore', 'ipc'], execArgv: ['--no-warnings'] });
  return ((await once(child, 'message')) as [string])[0];
}

async function kill(): Promise<void> {
  const dying = child;
  dying?.kill('SIGKILL');
  if (dying && dying.exitCode === null && dying.signalCode === null) await once(dying, 'exit');
}

function expectWhole(): void {
  for (const digest of contentOf(directory)) {
    const [algorithm = '', hex = ''] = digest.split(':');
    if (!hex.startsWith('.')) expect(digestOf(readFileSync(join(directory, 'blobs', algorithm, hex)), algorithm as 'sha256')).toBe(digest);
  }
}

it('shows whole blobs only and keeps what it acknowledged, wherever it is killed', async () => {
  const acknowledged = new Map<string, Buffer>();
  for (let round = 0; round < rounds; round++) {
    const client = registryClient({ baseUrl: await start(), auth: { username: 'x', password: 'admin' } });
    for (const [digest, content] of acknowledged) expect(await client.hasBlob('demo/crash', digest), `round ${round}, ${content.length} bytes`).toBe(true);
    const dying = child;
    const gone = new AbortController();
    const exit = new Promise<void>((resolve) => dying?.once('exit', () => (gone.abort(), resolve())));
    // Killed while some are being written, synced, renamed or linked, at another point each round.
    let left = 10 + round * 13;
    const pushes = Array.from({ length: 30 }, async (_, index) => {
      const content = randomBytes(1000 + Math.floor(Math.random() * 300_000));
      const blob = { digest: digestOf(content, index % 3 === 0 ? 'sha512' : 'sha256'), size: content.length, mediaType: 'a/b', content };
      await client.pushBlob('demo/crash', blob, { onProgress: () => (--left === 0 ? void dying?.kill('SIGKILL') : undefined), signal: gone.signal });
      acknowledged.set(blob.digest, content);
    });
    await Promise.allSettled(pushes);
    dying?.kill('SIGKILL');
    await exit;
    client.close();
    expectWhole();
  }
  expect(acknowledged.size).toBeGreaterThan(0);
});

it('goes on with an upload after each kill, from where it says it stands', async () => {
  const content = randomBytes(6_000_000);
  let url = await start();
  const at = (await fetch(`${url}/v2/demo/long/blobs/uploads/?digest-algorithm=sha512`, { method: 'POST', headers })).headers.get('location') ?? '';
  let done = 0;
  for (let round = 0; done < content.length; round++) {
    const told = (await fetch(`${url}${at}`, { headers })).headers.get('range') ?? '';
    const stands = told === '0-0' ? 0 : Number(told.split('-')[1]) + 1;
    expect(stands).toBeGreaterThanOrEqual(done);
    const end = Math.min(stands + 1_500_000, content.length);
    const patch = fetch(`${url}${at}`, { method: 'PATCH', body: content.subarray(stands, end), headers: { ...headers, 'content-range': `${stands}-${end - 1}` } });
    const ended = patch.then(() => undefined, () => undefined);
    // Every second chunk is broken off somewhere in its middle.
    if (round % 2 === 0) {
      expect((await patch).status).toBe(202);
      done = end;
    }
    await kill();
    await ended;
    url = await start();
    expect(contentOf(directory).size).toBe(0);
  }
  const digest = `sha512:${createHash('sha512').update(content).digest('hex')}`;
  expect((await fetch(`${url}${at}?digest=${digest}`, { method: 'PUT', headers })).status).toBe(201);
  await kill();
  url = await start();
  const pulled = await fetch(`${url}/v2/demo/long/blobs/${digest}`, { headers });
  expect(digestOf(new Uint8Array(await pulled.arrayBuffer()), 'sha512')).toBe(digest);
  expect(readdirSync(join(directory, 'uploads'))).toEqual([]);
});
