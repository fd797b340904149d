import { randomBytes } from 'node:crypto';
import { PassThrough, type Duplex } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { Link } from '../../../../../src/agent/runtime/engine/link.ts';

function pair(onStream: (wanted: unknown, stream: Duplex) => void, onMessage: (message: unknown) => void = () => undefined) {
  const [there, back] = [new PassThrough(), new PassThrough()];
  let closed = 0;
  const near = new Link(back, there, { first: true, onStream: () => undefined, onMessage: () => undefined, onClose: () => (closed += 1) });
  const far = new Link(there, back, { first: false, onStream, onMessage, onClose: () => (closed += 1) });
  return { near, far, closed: () => closed, there };
}

test('streams of any length arrive whole beside one another, each half closed by itself', async () => {
  const { near } = pair((_wanted, stream) => stream.pipe(stream));
  const echoed = Array.from({ length: 5 }, (_, at) => {
    const content = randomBytes(at * 700_000 + at);
    const stream = near.open({ at });
    stream.end(content);
    return buffer(stream).then((got) => got.equals(content));
  });
  expect(await Promise.all(echoed)).toEqual([true, true, true, true, true]);
});

test('who is not read holds back its sender alone', async () => {
  const streams: Duplex[] = [];
  const { near } = pair((wanted, stream) => ((wanted as { read: boolean }).read ? void stream.resume() : void streams.push(stream)));
  const stuck = near.open({ read: false });
  let passed = 0;
  const content = Buffer.alloc(64 * 1024);
  const push = (): void => void stuck.write(content, (error) => {
    if (error) return;
    passed += content.length;
    setImmediate(push);
  });
  push();
  const free = near.open({ read: true });
  await new Promise<void>((resolve) => free.end(Buffer.alloc(5 << 20), () => resolve()));
  expect(passed).toBeLessThanOrEqual(256 * 1024);
  streams[0]!.resume();
  await expect.poll(() => passed).toBeGreaterThan(1 << 20);
  stuck.on('error', () => undefined).destroy();
});

test('messages pass, and what was wanted is told', async () => {
  const messages: unknown[] = [];
  const wanted: unknown[] = [];
  const { near } = pair((what, stream) => (wanted.push(what), stream.end()), (message) => messages.push(message));
  near.message({ kind: 'services', changed: [] });
  await buffer(near.open({ ip: '10.0.0.1', port: 80 }));
  expect(messages).toEqual([{ kind: 'services', changed: [] }]);
  expect(wanted).toEqual([{ ip: '10.0.0.1', port: 80 }]);
});

test('the end of the carrier ends every stream, and says so once', async () => {
  const { near, closed, there } = pair(() => undefined);
  const stream = near.open({});
  const failed = new Promise<NodeJS.ErrnoException>((resolve) => stream.once('error', resolve));
  there.destroy();
  expect((await failed).code).toBe('ECONNRESET');
  await expect.poll(closed).toBe(2);
  const late = near.open({});
  await expect(buffer(late)).rejects.toThrow();
});

test('a stream that is given up is over on the other side', async () => {
  let other: Duplex | undefined;
  const { near } = pair((_wanted, stream) => (other = stream));
  const stream = near.open({});
  stream.write('x');
  await expect.poll(() => other).toBeDefined();
  const over = new Promise((resolve) => other!.once('error', () => undefined).once('close', resolve));
  stream.on('error', () => undefined).destroy();
  await over;
});
