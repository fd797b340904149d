/** Node.js' inspector in a container, asked over its port. */
import http from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { Duplex } from 'node:stream';

export interface InspectorTarget {
  title: string;
  /** `file:///opt/app-root/src/server.js` */
  url: string;
}

/** The inspector opens its port some milliseconds after it was asked to. */
const tries = 25;
const betweenMs = 120;

/** What the inspector offers to debug. Rejects with the last failure if it does not answer. */
export async function untilInspected(dial: () => Promise<Duplex>, signal: AbortSignal): Promise<InspectorTarget> {
  let failure: Error = new Error('no answer');
  for (let left = tries; left > 0; left -= 1) {
    signal.throwIfAborted();
    try {
      const [target] = await inspectorTargets(await dial());
      if (target) return target;
    } catch (error) {
      failure = error as Error;
    }
    await delay(betweenMs, undefined, { signal });
  }
  throw failure;
}

function inspectorTargets(stream: Duplex): Promise<InspectorTarget[]> {
  return new Promise((resolve, reject) => {
    // A connection that breaks tells it here, whether or not a request is under way.
    stream.on('error', reject);
    const request = http.get({ path: '/json/list', headers: { host: 'localhost', connection: 'close' }, createConnection: () => stream, timeout: 3_000 }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => (text = (text + part).slice(0, 100_000))).on('end', () => {
        stream.destroy();
        try {
          resolve(JSON.parse(text) as InspectorTarget[]);
        } catch {
          reject(new Error('what listens there is no inspector'));
        }
      });
    });
    request.on('timeout', () => request.destroy(new Error('no answer')));
    request.on('error', reject);
  });
}
