/** Requests through a router at a steady rate, whatever becomes of them: what matters is that every one is answered. */
import http from 'node:http';
import { eventually } from './platform/platform.ts';

export interface LoadOptions {
  url: string;
  /** Sent at their time whether earlier ones were answered or not; while `most` are open none is added, so that a machine that cannot carry the rate gets what it carries. */
  perSecond: number;
  most?: number;
}

export interface LoadResult {
  sent: number;
  /** Text and how often: anything but an answer 200 with a whole body. */
  failures: Record<string, number>;
  /** First lines of the answers and how often each came. */
  answers: Record<string, number>;
}

export interface Load {
  /** Answered so far. */
  readonly answered: number;
  /** Resolves once `count` more were answered. */
  more(count: number): Promise<void>;
  /** Sends no more, waits for those that are open. */
  end(): Promise<LoadResult>;
}

const tickMs = 10;

/** In turn GET and POST, on kept and on fresh connections. */
export function startLoad({ url, perSecond, most = 200 }: LoadOptions): Load {
  const target = new URL(url);
  const kept = new http.Agent({ keepAlive: true, maxSockets: most });
  const result: LoadResult = { sent: 0, failures: {}, answers: {} };
  const open = new Set<Promise<void>>();
  let answered = 0;
  const began = performance.now();
  let due = 0;
  const timer = setInterval(() => {
    const now = Math.floor(((performance.now() - began) / 1000) * perSecond);
    for (; due < now; due += 1) if (open.size < most) send();
  }, tickMs);

  function send(): void {
    const number = result.sent++;
    const body = number % 2 === 1 ? `order ${number}` : undefined;
    const one = exchange(target, body, number % 4 < 2 ? kept : undefined).then(
      (line) => void (result.answers[line] = (result.answers[line] ?? 0) + 1),
      (error: Error) => {
        const text = `${body === undefined ? 'GET' : 'POST'} ${error.message}`;
        result.failures[text] = (result.failures[text] ?? 0) + 1;
      },
    ).finally(() => {
      answered += 1;
      open.delete(one);
    });
    open.add(one);
  }

  return {
    get answered() {
      return answered;
    },
    async more(count) {
      const until = answered + count;
      while (answered < until) await new Promise((resolve) => setTimeout(resolve, tickMs));
    },
    async end() {
      clearInterval(timer);
      await Promise.all(open);
      kept.destroy();
      return result;
    },
  };
}

function exchange(target: URL, body: string | undefined, agent: http.Agent | undefined): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = { host: target.host, ...(body !== undefined && { 'Content-Type': 'text/plain', 'Content-Length': Buffer.byteLength(body) }) };
    const request = http.request({ host: '127.0.0.1', port: target.port, method: body === undefined ? 'GET' : 'POST', path: '/', headers, agent: agent ?? false, timeout: 60_000 }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk)).on('error', reject);
      response.on('end', () => (response.statusCode === 200 && response.complete ? resolve(text.split('\n')[0] ?? '') : reject(new Error(`status ${response.statusCode}${response.complete ? '' : ', cut short'}`))));
    });
    request.on('timeout', () => request.destroy(new Error('no answer in 60 s'))).on('error', reject).end(body);
  });
}

/** Resolves once the route leads to somebody: a few requests in a row are answered. */
export async function untilServed(url: string): Promise<void> {
  await eventually('the route leads there', async () => {
    const probe = startLoad({ url, perSecond: 20 });
    await probe.more(5);
    return Object.keys((await probe.end()).failures).length === 0 ? true : undefined;
  });
}
