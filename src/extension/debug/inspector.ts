/** Node.js' inspector in a container, asked over its port. */
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
const answerMs = 3_000;
/** Characters of an answer. */
const longest = 100_000;

/** The first of several that answers as an inspector, and where. */
export async function firstInspected(ports: readonly number[], dial: (port: number) => Promise<Duplex>): Promise<number | undefined> {
  for (const port of ports) {
    const targets = await dial(port).then(inspectorTargets).catch(() => []);
    if (targets.length > 0) return port;
  }
  return undefined;
}

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

/** Spoken by hand: editors put a client of their own, which knows proxies but no streams, in the place of Node.js' one. */
function inspectorTargets(stream: Duplex): Promise<InspectorTarget[]> {
  return new Promise((resolve, reject) => {
    let text = '';
    const end = (run: () => void) => {
      clearTimeout(timer);
      stream.destroy();
      run();
    };
    const timer = setTimeout(() => end(() => reject(new Error('no answer'))), answerMs);
    const read = () => {
      const body = bodyOf(text);
      if (body !== undefined) end(() => resolve(body));
    };
    stream.on('error', (error) => end(() => reject(error)));
    stream.on('end', () => end(() => reject(new Error('what listens there is no inspector'))));
    stream.setEncoding('utf8').on('data', (part: string) => {
      text = (text + part).slice(0, longest);
      read();
    });
    stream.write('GET /json/list HTTP/1.1\r\nHost: localhost\r\n\r\n');
  });
}

/** The targets in an answer, once all of it is there. */
function bodyOf(answer: string): InspectorTarget[] | undefined {
  const body = answer.slice(answer.indexOf('\r\n\r\n') + 4);
  if (!/^HTTP\/1\.[01] 200 /.test(answer) || !body.trimEnd().endsWith(']')) return undefined;
  try {
    return JSON.parse(body) as InspectorTarget[];
  } catch {
    return undefined;
  }
}
