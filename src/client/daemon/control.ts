/** Speaks with a running control plane over its control socket. */
import { readFile } from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ControlRequest, RunInfo } from '../../protocol/daemon.ts';
import { homeLayout } from '../../protocol/home.ts';
import { runDirectoryOf, socketPath } from './home.ts';

/** An answer is one line; a longer one is not ours. */
const longestAnswer = 1024 * 1024;

/** What the control plane of `home` says of itself; `undefined` if none runs. */
export async function runningPlatform(home: string): Promise<RunInfo | undefined> {
  try {
    return (await ask(home, { method: 'status' }, 5_000)) as RunInfo;
  } catch {
    return undefined;
  }
}

/** What the last control plane of `home` wrote about itself, running or not. */
export async function lastRunInfo(home: string): Promise<RunInfo | undefined> {
  try {
    return JSON.parse(await readFile(path.join(home, homeLayout.runInfo), 'utf8')) as RunInfo;
  } catch {
    return undefined;
  }
}

/** Stops the control plane and every app; resolves when it has ended. False if none ran. */
export async function stopPlatform(home: string, timeoutMs = 60_000): Promise<boolean> {
  const running = await runningPlatform(home);
  if (!running) return false;
  await ask(home, { method: 'stop' }, timeoutMs);
  // The answer comes just before the process ends: the next start must find the home free.
  for (let tries = 0; tries < 200 && alive(running.pid); tries += 1) await sleep(25);
  return true;
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function ask(home: string, request: ControlRequest, timeoutMs: number): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(socketPath(runDirectoryOf(home), 'control'));
    let answer = '';
    socket.setEncoding('utf8');
    socket.setTimeout(timeoutMs, () => socket.destroy(new Error('The control plane does not answer.')));
    socket.on('connect', () => socket.write(`${JSON.stringify(request)}\n`));
    socket.on('data', (text: string) => {
      answer += text;
      if (answer.length > longestAnswer) socket.destroy(new Error('The answer is too long.'));
      if (!answer.includes('\n')) return;
      socket.end();
      resolve(JSON.parse(answer));
    });
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('The control plane closed the connection.')));
  });
}
