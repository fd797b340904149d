import { createServer } from 'node:http';
import { createServer as createHttp2 } from 'node:http2';
import { createServer as createTcp, type AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { runHook } from '../../../../src/agent/pods/lifecycle-hooks.ts';
import { perform, portOf, probeHeaders, type Target } from '../../../../src/agent/probes/handler.ts';
import { counted, initialCount, nextTry, type ProbeCount } from '../../../../src/agent/probes/probe-plan.ts';
import { systemClock } from '../../../../src/base/clock.ts';
import { manualClock } from '../../../support/manual-clock.ts';

describe('thresholds', () => {
  const feed = (kind: 'liveness' | 'readiness' | 'startup', probe: { failureThreshold?: number; successThreshold?: number }, outcomes: string) => {
    let count: ProbeCount = initialCount(kind);
    return [...outcomes].map((letter) => (count = counted(count, probe, letter === '+' ? 'success' : 'failure')).result[0]).join('');
  };
  test.each([
    ['liveness', {}, '---', 'ssf'],
    ['liveness', { failureThreshold: 1 }, '-+', 'fs'],
    ['liveness', {}, '--+--', 'sssss'],
    ['readiness', {}, '-+', 'fs'],
    ['readiness', { successThreshold: 2 }, '+-++', 'ffffs'.slice(1)],
    ['readiness', { failureThreshold: 2 }, '+--+', 'ssfs'],
  ] as const)('of %s %j: %s → %s', (kind, probe, outcomes, expected) => {
    expect(feed(kind, probe, outcomes)).toBe(expected);
  });

  test('do not count the quick first tries of an app that is just starting', () => {
    expect(nextTry('readiness', { periodSeconds: 10, httpGet: { port: 1 } }, 1, false)).toEqual({ afterMs: 20, counts: false });
    expect(nextTry('readiness', { periodSeconds: 10, httpGet: { port: 1 } }, 13, false)).toEqual({ afterMs: 10_000, counts: true });
    expect(nextTry('readiness', { periodSeconds: 10, exec: {} }, 1, false)).toEqual({ afterMs: 10_000, counts: true });
    expect(nextTry('liveness', { periodSeconds: 10, httpGet: { port: 1 } }, 1, false)).toEqual({ afterMs: 10_000, counts: true });
  });
});

describe('a probe', () => {
  const closing: (() => void)[] = [];
  afterEach(() => {
    for (const close of closing.splice(0)) close();
  });
  const listen = async (server: { listen(port: number, host: string, done: () => void): unknown; address(): unknown; close(): unknown }): Promise<number> => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closing.push(() => void server.close());
    return (server.address() as AddressInfo).port;
  };
  const target = (ports: { name: string; containerPort: number }[] = []): Target => ({ runtime: undefined as never, containerId: 'c', container: { name: 'web', ports }, podIp: '127.0.0.1' });

  test('by HTTP follows redirects inside the pod and reports the status', async () => {
    const server = createServer((request, response) => {
      if (request.url === '/ok') response.end(`hello ${request.headers['x-probe'] as string}`);
      else if (request.url === '/moved') response.writeHead(302, { Location: '/ok' }).end();
      else if (request.url === '/away') response.writeHead(302, { Location: 'http://example.invalid/' }).end();
      else response.writeHead(500).end('broken');
    });
    const port = await listen(server);
    const get = (path: string) => perform({ httpGet: { port: 'http', path, httpHeaders: [{ name: 'X-Probe', value: 'yes' }] } }, target([{ name: 'http', containerPort: port }]), 2000);
    expect(await get('/ok')).toEqual({ ok: true });
    expect(await get('/moved')).toEqual({ ok: true });
    expect(await get('/away')).toEqual({ ok: true });
    expect(await get('/bad')).toEqual({ ok: false, message: 'HTTP probe failed with statuscode: 500' });
  });

  test('says what the kubelet says when nobody listens', async () => {
    const server = createTcp();
    const port = await listen(server);
    await new Promise((resolve) => server.close(resolve));
    expect(await perform({ httpGet: { port, path: '/' } }, target(), 2000)).toEqual({ ok: false, message: `Get "http://127.0.0.1:${port}/": dial tcp 127.0.0.1:${port}: connect: connection refused` });
    expect(await perform({ tcpSocket: { port } }, target(), 2000)).toEqual({ ok: false, message: `dial tcp 127.0.0.1:${port}: connect: connection refused` });
  });

  test('by TCP connects, by gRPC asks for health', async () => {
    expect(await perform({ tcpSocket: { port: await listen(createTcp()) } }, target(), 2000)).toEqual({ ok: true });
    const health = createHttp2();
    const answers = { good: 1, bad: 2 } as Record<string, number>;
    health.on('stream', (stream, headers) => {
      expect(headers[':path']).toBe('/grpc.health.v1.Health/Check');
      const body: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => body.push(chunk));
      stream.on('end', () => {
        const service = Buffer.concat(body).subarray(7).toString();
        stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
        stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
        stream.end(Buffer.from([0, 0, 0, 0, 2, 8, answers[service] ?? 3]));
      });
    });
    const port = await listen(health);
    expect(await perform({ grpc: { port, service: 'good' } }, target(), 2000)).toEqual({ ok: true });
    expect(await perform({ grpc: { port, service: 'bad' } }, target(), 2000)).toEqual({ ok: false, message: 'service unhealthy (responded with "NOT_SERVING")' });
  });

  test('gives up after its timeout', async () => {
    const port = await listen(createServer(() => undefined));
    const outcome = await perform({ httpGet: { port, path: '/' } }, target(), 30);
    expect(outcome).toMatchObject({ ok: false, message: expect.stringContaining('context deadline exceeded') as string });
  });

  test('finds ports by name and where the machine has them', () => {
    const named = { ...target([{ name: 'http', containerPort: 8080 }]), portMap: { 8080: 31234 } };
    expect([portOf('http', named), portOf(8080, named), portOf('9090', named)]).toEqual([31234, 31234, 9090]);
    expect(() => portOf('nope', named)).toThrow('couldn\'t find port: "nope"');
  });
});

describe('lifecycle hooks', () => {
  const never = new AbortController().signal;
  const target: Target = { runtime: undefined as never, containerId: 'c', container: { name: 'web' }, podIp: '127.0.0.1' };

  test('by HTTP take any answer, and fail only where there is none', async () => {
    const agents: (string | undefined)[] = [];
    const server = createServer((request, response) => {
      agents.push(request.headers['user-agent']);
      response.writeHead(500).end();
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    expect(await runHook({ httpGet: { port } }, target, systemClock, never)).toEqual({ ok: true });
    expect(agents).toEqual(['kube-lifecycle/1.32']);
    await new Promise((resolve) => server.close(resolve));
    expect(await runHook({ httpGet: { port } }, target, systemClock, never)).toMatchObject({ ok: false, message: expect.stringContaining('connection refused') as string });
  });

  test('by TCP are refused, as every kubelet does', async () => {
    expect(await runHook({ tcpSocket: { port: 80 } }, target, systemClock, never)).toEqual({ ok: false, message: 'Cannot run handler: a hook can be exec, httpGet or sleep' });
  });

  test('sleep for their time, for the grace at most, and no longer than somebody waits', async () => {
    const clock = manualClock();
    const hurry = new AbortController();
    const long = runHook({ sleep: { seconds: 60 } }, target, clock, hurry.signal, 5_000);
    await clock.advance(5_000);
    expect(await long).toEqual({ ok: true });
    const hurried = runHook({ sleep: { seconds: 60 } }, target, clock, hurry.signal);
    hurry.abort();
    expect(await hurried).toEqual({ ok: true });
  });
});

describe('headers of a probe', () => {
  test('are its own, with what the user names instead', () => {
    expect(probeHeaders(undefined, 'probe')).toEqual({ Connection: 'close', 'User-Agent': 'kube-probe/1.32', Accept: '*/*' });
    expect(probeHeaders([{ name: 'user-agent', value: 'me' }, { name: 'accept', value: '' }, { name: 'X-A', value: '1' }, { name: 'x-a', value: '2' }], 'probe')).toEqual({ Connection: 'close', 'user-agent': 'me', 'x-a': ['1', '2'] });
  });
});
