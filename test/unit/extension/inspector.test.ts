import inspector from 'node:inspector';
import net from 'node:net';
import { expect, test } from 'vitest';
import { firstInspected, untilInspected } from '../../../src/extension/debug/inspector.ts';

test('a real inspector says what it offers to debug, once it listens', async () => {
  let tries = 0;
  const dial = () => {
    tries += 1;
    if (tries === 2) inspector.open(0, '127.0.0.1');
    return Promise.resolve(net.connect(Number(new URL(inspector.url() ?? 'ws://127.0.0.1:1').port), '127.0.0.1'));
  };
  try {
    expect(await untilInspected(dial, AbortSignal.timeout(10_000))).toMatchObject({ title: expect.any(String) as string, url: expect.stringContaining('file:') as string });
    expect(tries).toBe(2);
    const port = Number(new URL(inspector.url() ?? '').port);
    const nobody = 1;
    expect(await firstInspected([nobody, port], (one) => Promise.resolve(net.connect(one, '127.0.0.1')))).toBe(port);
  } finally {
    inspector.close();
  }
});
