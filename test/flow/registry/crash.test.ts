import { fork, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { digestOf } from '../../../src/oci/digest.ts';
import { registryClient } from '../../../src/oci/registry-client.ts';

const program = fileURLToPath(new URL('../../bench/registry.ts', import.meta.url));
const rounds = 5;
let directory: string;
let child: ChildProcess | undefined;
beforeEach(() => void (directory = mkdtempSync(join(tmpdir(), 'slipway-crash-'))));
afterEach(() => {
  child?.kill('SIGKILL');
  rmSync(directory, { recursive: true });
});

async function start(): Promise<string> {
  child = fork(program, ['serve', directory], { stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
  return ((await once(child, 'message')) as [string])[0];
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
    const pushes = Array.from({ length: 30 }, async () => {
      const content = randomBytes(1000 + Math.floor(Math.random() * 300_000));
      const blob = { digest: digestOf(content), size: content.length, mediaType: 'a/b', content };
      await client.pushBlob('demo/crash', blob, { onProgress: () => (--left === 0 ? void dying?.kill('SIGKILL') : undefined), signal: gone.signal });
      acknowledged.set(blob.digest, content);
    });
    await Promise.allSettled(pushes);
    dying?.kill('SIGKILL');
    await exit;
    client.close();
    const folder = join(directory, 'blobs/sha256');
    for (const name of readdirSync(folder).filter((one) => !one.startsWith('.'))) expect(digestOf(readFileSync(join(folder, name)))).toBe(`sha256:${name}`);
  }
  expect(acknowledged.size).toBeGreaterThan(0);
});
