import { createServer, type AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pods } from '../../../../src/api/kinds/core.ts';
import { isPodReady } from '../../../../src/api/pod.ts';
import type { StatusError } from '../../../../src/api/status.ts';
import { systemClock } from '../../../../src/base/clock.ts';
import { attach, exec } from '../../../../src/client/exec.ts';
import { logLines, type LogOptions } from '../../../../src/client/log-stream.ts';
import { dial } from '../../../../src/client/port-forward.ts';
import { transport, type Transport } from '../../../../src/client/transport.ts';
import type { FakeRuntime } from '../../../support/agent/fake-runtime.ts';
import { smallPlatform, type SmallPlatform } from '../../../support/agent/small-platform.ts';

let platform: SmallPlatform;
let runtime: FakeRuntime;
let over: Transport;
beforeAll(async () => {
  platform = await smallPlatform();
  await platform.project('demo');
  ({ runtime } = await platform.agent('node-1'));
  const { url, ca, certificate, key } = await platform.listen();
  over = transport({ server: url, ca, certificate, key });
  await platform.run('demo', 'web-1', {});
  await platform.run('demo', 'two', { containers: [{ name: 'a', image: 'x' }, { name: 'b', image: 'missing:1' }], initContainers: [{ name: 'setup', image: 'x' }] });
  await platform.until('demo', 'web-1', isPodReady);
});
afterAll(async () => {
  await over.dispose();
  await platform.dispose();
});

const at = { namespace: 'demo', pod: 'web-1' };
const logs = async (pod: string, options: LogOptions = {}, container?: string): Promise<string[]> => {
  const lines: string[] = [];
  for await (const line of logLines(over, { namespace: 'demo', pod, container }, options, systemClock)) lines.push(line.text);
  return lines;
};
const refused = (promise: Promise<unknown>): Promise<string> => promise.then(() => 'was accepted', (error: StatusError) => error.message);

describe('through the API', () => {
  test('a command runs in a container, with its streams and exit code', async () => {
    const session = await exec(over, { ...at, command: ['exit', '3'], stdin: true });
    session.stdin?.end('hello\n');
    expect(await session.exit).toEqual({ code: 3 });
    expect([await text(session.stdout), await text(session.stderr)]).toEqual(['ran exit 3\nhello\n', 'to the other side\n']);
    expect(runtime.calls).toContain('exec web: exit 3');
  });

  test('a terminal is resized', async () => {
    const session = await exec(over, { ...at, command: ['sh'], stdin: true, tty: true });
    session.resize(132, 40);
    let seen = '';
    for await (const chunk of session.stdout) {
      seen += String(chunk);
      if (seen.includes('132x40')) break;
    }
    session.stdin?.end();
    expect(await session.exit).toEqual({ code: 0 });
  });

  test('much data passes both ways unharmed', async () => {
    const session = await exec(over, { ...at, command: ['cat'], stdin: true });
    const sent = Buffer.alloc(3 * 1024 * 1024, 'abcdefghij');
    session.stdin?.end(sent);
    const received = await text(session.stdout);
    expect(received.slice('ran cat\n'.length)).toBe(sent.toString());
    expect(await session.exit).toEqual({ code: 0 });
  });

  test('a container is attached to', async () => {
    const session = await attach(over, { ...at, stdin: true });
    session.stdin?.end('x');
    expect(await text(session.stdout)).toBe('ran attached\nx');
    expect(await session.exit).toEqual({ code: 0 });
  });

  test('a port is reached', async () => {
    const server = createServer((socket) => socket.once('data', (chunk) => socket.end(`got ${chunk.toString()}`)));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const stream = await dial(over, { ...at, port: (server.address() as AddressInfo).port });
    stream.write('ping');
    expect(await text(stream)).toBe('got ping');
    server.close();
  });

  test('a log is read and followed until its container ends, and the one before it stays', async () => {
    runtime.say('web', 'one');
    runtime.say('web', 'two');
    expect(await logs('web-1')).toEqual(['one', 'two']);
    expect(await logs('web-1', { tailLines: 1 })).toEqual(['two']);
    const followed: string[] = [];
    const following = (async () => {
      for await (const line of logLines(over, at, { follow: true, tailLines: 0 }, systemClock)) followed.push(line.text);
    })();
    while (followed.length === 0) {
      runtime.say('web', 'three');
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    runtime.end(runtime.running('web')?.id ?? '', 1);
    await following;
    expect(followed.at(-1)).toBe('three');
    await platform.until('demo', 'web-1', ({ status }) => status?.containerStatuses?.[0]?.restartCount === 1);
    expect((await logs('web-1', { previous: true })).slice(0, 2)).toEqual(['one', 'two']);
  });

  test('what cannot be is refused in the real server\'s words', async () => {
    expect(await refused(logs('two'))).toBe('a container name must be specified for pod two, choose one of: [a b] or one of the init containers: [setup]');
    expect(await refused(logs('two', {}, 'c'))).toBe('container c is not valid for pod two');
    expect(await refused(logs('two', {}, 'a'))).toBe('container "a" in pod "two" is waiting to start: PodInitializing');
    expect(await refused(logs('two', { previous: true }, 'setup'))).toBe('previous terminated container "setup" in pod "two" not found');
    expect(await refused(logs('ghost'))).toBe('pods "ghost" not found');
    const session = await exec(over, { namespace: 'demo', pod: 'two', container: 'a', command: ['x'] }).catch((error: Error) => error);
    expect(session instanceof Error ? session.message : await refused(session.exit)).toContain('container not found ("a")');
    await platform.run('demo', 'unplaced', { schedulerName: 'nobody' });
    const early = await exec(over, { namespace: 'demo', pod: 'unplaced', command: ['x'] }).catch((error: Error) => error);
    expect(early instanceof Error ? early.message : await refused(early.exit)).toContain('pod unplaced does not have a host assigned');
    expect(await logs('unplaced')).toEqual([]);
  });
});

describe('a part of the platform shown as a pod', () => {
  test('has its state and log, but no container to enter', async () => {
    const { appendFileSync } = await import('node:fs');
    const logFile = `${platform.folder}/router.log`;
    appendFileSync(logFile, 'up\nserving\n');
    const part = platform.pod.mirrors.publish({ name: 'router-1', labels: { router: 'router' }, image: 'slipway/router', ports: [{ name: 'http', containerPort: 8080 }], ip: '100.64.0.1', nodeName: 'node-1', logFile });
    part.set({ state: 'running', since: new Date(), restarts: 0 });
    const pod = await platform.until('default', 'router-1', isPodReady);
    expect(pod.metadata.annotations).toMatchObject({ 'kubernetes.io/config.mirror': 'router-1' });
    const lines: string[] = [];
    for await (const line of logLines(over, { namespace: 'default', pod: 'router-1' }, { tailLines: 1 }, systemClock)) lines.push(`${line.time}${line.text}`.trim());
    expect(lines).toEqual(['serving']);
    const session = await exec(over, { namespace: 'default', pod: 'router-1', command: ['sh'] }).catch((error: Error) => error);
    expect(session instanceof Error ? session.message : await refused(session.exit)).toContain('exec is not possible; its log is');
    part.set({ state: 'failed', since: new Date(), restarts: 3, message: 'port taken' });
    await platform.until('default', 'router-1', ({ status }) => status?.containerStatuses?.[0]?.restartCount === 3 && status.containerStatuses[0].state?.waiting !== undefined);
    expect(runtime.calls.some((call) => call.includes('router'))).toBe(false);
    await part.dispose();
    await platform.gone('default', 'router-1');
    expect((await platform.client.list(pods, { namespace: 'default' })).items).toEqual([]);
  });
});
