/** Asks a route's URL until the application behind it answers. */
import http from 'node:http';
import https from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';

/** `*.localhost` means this machine for browsers but not for every resolver: such names are dialled on the loopback. */
export async function statusOf(url: string, timeoutMs = 5_000): Promise<number> {
  const target = new URL(url);
  const loopback = target.hostname === 'localhost' || target.hostname.endsWith('.localhost');
  const send = target.protocol === 'https:' ? https.request : http.request;
  return new Promise((resolve, reject) => {
    const request = send(
      {
        host: loopback ? '127.0.0.1' : target.hostname,
        servername: target.hostname,
        port: target.port || (target.protocol === 'https:' ? 443 : 80),
        path: target.pathname + target.search,
        headers: { host: target.host, 'user-agent': 'slipway' },
        timeout: timeoutMs,
        // Only whether the application answers is asked; its certificate may be the router's own.
        rejectUnauthorized: false,
        agent: false,
      },
      (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      },
    );
    request.on('timeout', () => request.destroy(new Error('no answer in time')));
    request.on('error', reject);
    request.end();
  });
}

/** Resolves to the first status that is not the router's own 503; rejects after `limitMs`. */
export async function untilAnswers(url: string, limitMs = 60_000, signal?: AbortSignal): Promise<number> {
  const end = Date.now() + limitMs;
  for (let wait = 20; ; wait = Math.min(wait * 1.5, 500)) {
    signal?.throwIfAborted();
    const status = await statusOf(url).catch(() => 503);
    if (status !== 503) return status;
    if (Date.now() > end) throw new Error(`${url} did not answer within ${limitMs / 1000} seconds. Look at the log of its pod.`);
    await sleep(wait, undefined, signal ? { signal } : undefined);
  }
}
