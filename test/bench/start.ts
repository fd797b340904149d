/** How long a start takes on a home that was used before, and what an idle platform weighs. `node test/bench/start.ts` */
import { once } from 'node:events';
import net from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePort } from '../support/free-port.ts';
import { withPlatform, type MeasuredPlatform } from './platform.ts';
import { median, printTable, recorded, type Row } from './table.ts';

const rounds = 3;
const settleMs = 10_000;

/** Leaves the platform running. */
export async function benchStart(platform: MeasuredPlatform): Promise<Row[]> {
  const answers: number[] = [];
  const ready: number[] = [];
  const port = await freePort();
  for (let round = 0; round < rounds; round += 1) {
    await platform.down();
    const child = platform.spawn(['up', '--detach', '--runtime', 'sandbox', '--api-port', String(port)], { stdio: ['ignore', 'ignore', 'inherit'] });
    const began = performance.now();
    const ended = once(child, 'exit').then(() => performance.now() - began);
    answers.push(await untilAnswers(platform, port, began));
    ready.push(await ended);
  }
  await sleep(settleMs);
  const parts = platform.memory();
  for (const { command, megabytes } of parts.filter((one) => one.megabytes >= 1)) console.log(`  ${megabytes.toFixed(1).padStart(6)} MB  ${command.slice(0, 100)}`);
  return [
    { what: 'API answers after start, warm disk', value: median(answers) / 1000, unit: 's', better: 'less', peer: recorded('kube-apiserver + etcd', 3), least: { value: 1 }, aim: { value: 0.4 } },
    { what: 'ready after start: pods can run, routes are served', value: median(ready) / 1000, unit: 's', better: 'less', peer: recorded('k3d', 20) },
    { what: 'memory idle, PSS of all processes', value: parts.reduce((sum, one) => sum + one.megabytes, 0), unit: 'MB', better: 'less', peer: recorded('kube-apiserver + etcd', 350), least: { value: 160 }, aim: { value: 120 } },
  ];
}

/** From the start of the command to the first object read over HTTPS. */
async function untilAnswers(platform: MeasuredPlatform, port: number, began: number): Promise<number> {
  while (!(await connects(port))) await sleep(5);
  for (;;) {
    const pool = platform.pool(1, port);
    const status = await pool.request({ method: 'GET', path: '/api/v1/namespaces/default' }).then(({ statusCode }) => statusCode, () => 0);
    await pool.destroy();
    if (status === 200) return performance.now() - began;
    await sleep(5);
  }
}

function connects(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    socket.on('connect', () => (socket.destroy(), resolve(true))).on('error', () => resolve(false));
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) printTable(await withPlatform(benchStart));
