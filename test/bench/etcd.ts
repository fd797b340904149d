/** A real etcd with values of the size of a small object, asked over its HTTP gateway by as many connections: what the store below an API server costs alone. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'undici';
import { freePort } from '../support/free-port.ts';
import { installed } from './platform.ts';

/** Undefined if it is not installed. */
export async function benchEtcd(connections: number, seconds: number): Promise<{ put: number; get: number } | undefined> {
  const program = installed('etcd');
  if (!program) return undefined;
  const folder = mkdtempSync(path.join(tmpdir(), 'slipway-bench-etcd-'));
  const [client, peer] = [await freePort(), await freePort()].map((port) => `http://127.0.0.1:${port}`) as [string, string];
  const child = spawn(program, ['--data-dir', folder, '--listen-client-urls', client, '--advertise-client-urls', client, '--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer, '--initial-cluster', `default=${peer}`, '--log-level', 'error'], { stdio: 'ignore' });
  const pool = new Pool(client, { connections, pipelining: 1 });
  const ask = async (method: string, body: object) => {
    const reply = await pool.request({ method: 'POST', path: `/v3/kv/${method}`, body: JSON.stringify(body) });
    const text = await reply.body.text();
    if (reply.statusCode !== 200) throw new Error(text);
  };
  const key = (number: number) => Buffer.from(`/registry/configmaps/bench/m-${number}`).toString('base64');
  const value = Buffer.alloc(700, 'x').toString('base64');
  try {
    for (let tries = 0; tries < 200 && !(await ask('put', { key: key(0), value }).then(() => true, () => false)); tries += 1) await sleep(50);
    let serial = 0;
    const put = await rate(connections, seconds, () => ask('put', { key: key(serial++), value }));
    const get = await rate(connections, seconds, () => ask('range', { key: key(serial++ % 100) }));
    return { put, get };
  } finally {
    await pool.destroy();
    child.kill('SIGKILL');
    await once(child, 'exit');
    rmSync(folder, { recursive: true, force: true });
  }
}

async function rate(connections: number, seconds: number, run: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  let done = 0;
  await Promise.all(Array.from({ length: connections }, async () => {
    for (; performance.now() - began < seconds * 1000; done += 1) await run();
  }));
  return done / ((performance.now() - began) / 1000);
}
