import { createServer, type AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { PortCheck } from '../../../../src/agent/pods/port-check.ts';
import { instance, pod, sandbox } from '../../../support/agent/pod-documents.ts';
import { manualClock } from '../../../support/manual-clock.ts';

test('an app that ignores the port it was given is found out, and forgiven once it listens', async () => {
  const server = createServer((socket) => socket.destroy());
  const listen = (port: number) => new Promise<number>((resolve) => server.listen(port, '127.0.0.1', () => resolve((server.address() as AddressInfo).port)));
  const port = await listen(0);
  await new Promise((resolve) => server.close(resolve));

  const clock = manualClock('2026-01-01T00:00:01Z');
  let changed: () => void = () => undefined;
  const check = new PortCheck(clock, () => changed());
  const change = () => new Promise<void>((resolve) => (changed = resolve));
  const container = { name: 'web', image: 'a', ports: [{ containerPort: 8080 }] };
  const running = [{ named: { role: 'main' as const, container }, instance: instance('web', 'run') }];
  const mapped = { ...sandbox(true), ip: '127.0.0.1', portMap: { 8080: port } };
  check.sync(pod({ containers: [container] }), mapped, running);
  await clock.advance(9_000);
  expect(check.notice('u1')).toBeUndefined();
  const silent = change();
  await clock.advance(1_000);
  await silent;
  expect(check.notice('u1')).toMatchObject({ type: 'PortsListening', status: 'False', reason: 'PortIgnored', message: expect.stringContaining(`does not listen on port ${port}, which stands for its port 8080`) as string });

  await listen(port);
  const heard = change();
  while (clock.waiting === 0) await new Promise((resolve) => setImmediate(resolve));
  await clock.advance(5_000);
  await heard;
  expect(check.notice('u1')).toEqual({ type: 'PortsListening', status: 'True' });
  check.sync(pod({ containers: [container] }), mapped, []);
  expect(check.notice('u1')).toBeUndefined();
  await new Promise((resolve) => server.close(resolve));
});
