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

export type PlatformState =
  | { state: 'running'; info: RunInfo }
  | { state: 'starting' }
  /** The control plane ended without stopping its apps, and left what it had written about itself. */
  | { state: 'failed'; last: RunInfo }
  | { state: 'stopped' };

export async function platformState(home: string): Promise<PlatformState> {
  try {
    const answer = (await ask(home, { method: 'status' }, 5_000)) as Partial<RunInfo>;
    return answer.pid === undefined ? { state: 'starting' } : { state: 'running', info: answer as RunInfo };
  } catch {
    const last = await lastRunInfo(home);
    return last ? { state: 'failed', last } : { state: 'stopped' };
  }
}

/** What the control plane of `home` says of itself; `undefined` if none is ready. */
export async function runningPlatform(home: string): Promise<RunInfo | undefined> {
  const found = await platformState(home);
  return found.state === 'running' ? found.info : undefined;
}

/** Waits for a start that somebody else has under way; `undefined` if nothing runs in the end. */
export async function awaitPlatform(home: string, timeoutMs = 90_000): Promise<RunInfo | undefined> {
  for (const end = Date.now() + timeoutMs; ; await sleep(200)) {
    const found = await platformState(home);
    if (found.state === 'running') return found.info;
    if (found.state !== 'starting' || Date.now() > end) return undefined;
  }
}

/** What the last control plane of `home` wrote about itself, running or not. */
async function lastRunInfo(home: string): Promise<RunInfo | undefined> {
  try {
    return JSON.parse(await readFile(path.join(home, homeLayout.runInfo), 'utf8')) as RunInfo;
  } catch {
    return undefined;
  }
}

/** Stops a control plane that answers, and every app of it; resolves when it has ended. */
export async function endPlatform(home: string, timeoutMs = 60_000): Promise<void> {
  const running = await runningPlatform(home);
  await ask(home, { method: 'stop' }, timeoutMs);
  // The answer comes just before the process ends: the next start must find the home free.
  for (let tries = 0; tries < 200 && running && alive(running.pid); tries += 1) await sleep(25);
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
