import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock, type Clock } from '../../../src/base/clock.ts';
import { logLines, type LogLine, type LogOptions, type LogTarget } from '../../../src/client/log-stream.ts';
import { transport } from '../../../src/client/transport.ts';

/** Answers each request with the next script. */
type Script = (response: ServerResponse) => void;
let server: Server;
let scripts: Script[];
let asked: URL[];
const hasty: Clock = { now: systemClock.now, after: (_, run) => systemClock.after(1, run) };

beforeEach(async () => {
  scripts = [];
  asked = [];
  server = createServer((request, response) => {
    asked.push(new URL(request.url ?? '', 'http://x'));
    const script = scripts.shift() ?? ((answer) => answer.writeHead(404, { 'Content-Type': 'application/json' }).end('{"kind":"Status","code":404,"reason":"NotFound","message":"pods \\"p\\" not found"}'));
    script(response);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const sends = (...parts: (string | Buffer)[]): Script => async (response) => {
  for (const part of parts) await new Promise((done) => response.write(part, done));
  response.end();
};
const breaks = (...parts: string[]): Script => (response) => response.write(parts.join(''), () => setImmediate(() => response.destroy()));
const refuses = (code: number): Script => (response) => response.writeHead(code).end();

async function read(options: LogOptions = {}, target: LogTarget = { namespace: 'demo', pod: 'p', container: 'c' }): Promise<LogLine[]> {
  const over = transport({ server: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
  const got: LogLine[] = [];
  try {
    for await (const line of logLines(over, target, options, hasty)) got.push(line);
  } finally {
    await over.dispose();
  }
  return got;
}
const texts = (got: LogLine[]) => got.map(({ text }) => text);
const second = '2026-01-01T00:00:01';

describe('log stream', () => {
  it('splits lines and takes the times off, also where a chunk ends inside a character', async () => {
    const bytes = Buffer.from(`${second}.5Z größe\r\n${second}.6Z \nno time\n${second}.7Z end`);
    scripts.push(sends(bytes.subarray(0, 26), bytes.subarray(26)));
    expect(await read({ tailLines: 5 })).toEqual([
      { time: `${second}.5Z`, text: 'größe' }, { time: `${second}.6Z`, text: '' }, { time: '', text: 'no time' }, { time: `${second}.7Z`, text: 'end' },
    ]);
    expect(`${asked[0]?.pathname}${asked[0]?.search}`).toBe('/api/v1/namespaces/demo/pods/p/log?container=c&timestamps=true&tailLines=5');
  });

  it('reads the log of a build', async () => {
    scripts.push(sends(`${second}Z step\n`));
    expect(texts(await read({ follow: true }, { namespace: 'demo', build: 'app-1' }))).toEqual(['step']);
    expect(asked[0]?.pathname).toBe('/apis/build.openshift.io/v1/namespaces/demo/builds/app-1/log');
  });

  it('goes on after a break with what it has not given out: no gap, no line twice', async () => {
    // The server knows sinceTime in seconds only, so it repeats that whole second; two lines have the very same time.
    scripts.push(
      breaks(`2026-01-01T00:00:00Z old\n${second}.1Z a\n${second}.25Z b\n${second}.25Z c\n`),
      refuses(503),
      breaks(`${second}.1Z a\n${second}.25Z b\n${second}.25Z c\n${second}.25Z d\n${second}.3Z e\n`),
      sends(`${second}.100Z a\n2026-01-01T01:00:01.25+01:00 b\n${second}.25Z c\n${second}.25Z d\n${second}.3Z e\n2026-01-01T00:00:02Z f\n`),
    );
    const interruptions: boolean[] = [];
    const got = await read({ follow: true, tailLines: 10, onInterruption: (error) => interruptions.push(error !== undefined) });
    expect(texts(got)).toEqual(['old', 'a', 'b', 'c', 'd', 'e', 'f']);
    expect(asked.map(({ searchParams }) => [searchParams.get('sinceTime'), searchParams.get('tailLines')])).toEqual([[null, '10'], [`${second}Z`, null], [`${second}Z`, null], [`${second}Z`, null]]);
    expect(interruptions).toEqual([true, true, false, true, false]);
  });

  it('follows a container that has not said anything yet across a break', async () => {
    scripts.push((response) => (response.writeHead(200).flushHeaders(), setImmediate(() => response.destroy())), sends(`${second}Z first\n`));
    expect(texts(await read({ follow: true }))).toEqual(['first']);
  });

  it('gives what the server says when it refuses, and does not follow what is gone', async () => {
    await expect(read()).rejects.toMatchObject({ name: 'StatusError', code: 404, message: 'pods "p" not found' });
    scripts.push(breaks(`${second}Z a\n`));
    await expect(read({ follow: true })).rejects.toMatchObject({ code: 404 });
    scripts.push(breaks(`${second}Z a\n`));
    await expect(read()).rejects.toMatchObject({ name: 'ConnectionError' });
  });

  it('ends quietly when aborted', async () => {
    const abort = new AbortController();
    scripts.push((response) => response.write(`${second}Z a\n`, () => setImmediate(() => abort.abort())));
    expect((await read({ follow: true, signal: abort.signal })).length).toBeLessThanOrEqual(1);
  });

  it('cuts a line that never ends', async () => {
    scripts.push(sends(`${second}Z ${'x'.repeat(1_500_000)}`, 'y\n', `${second}.1Z next\n`));
    const got = await read();
    expect([got.at(-1)?.text, got.length > 2, texts(got.slice(0, -1)).join('').length]).toEqual(['next', true, 1_500_001]);
  });
});
