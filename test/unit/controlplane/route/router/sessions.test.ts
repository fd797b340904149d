import { once } from 'node:events';
import http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { Sessions } from '../../../../../src/controlplane/route/router/sessions.ts';
import { eventually } from '../../../../support/eventually.ts';

test('a session on which nothing moves is ended, one that is used is not', async () => {
  const sessions = new Sessions(2_000, 20);
  const server = http2.createServer().on('session', (session) => sessions.add(session)).on('stream', (stream) => stream.respond({ ':status': 204 }, { endStream: true }));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const connect = async () => {
    const session = http2.connect(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    await once(session, 'connect');
    return session;
  };
  const [idle, used] = [await connect(), await connect()];
  const using = setInterval(() => used.request().resume(), 50);
  await eventually(() => idle.closed).toBe(true);
  expect(used.closed).toBe(false);
  await eventually(() => sessions.size).toBe(1);
  clearInterval(using);
  sessions.close();
  await eventually(() => sessions.size).toBe(0);
  server.close();
});
