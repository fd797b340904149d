import { once } from 'node:events';
import { connect as connectTcp, createServer, type AddressInfo, type Server } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { connect, type Connection } from '../../../src/client/connection.ts';
import { startStreamServer, type StreamServer } from '../../support/stream-server.ts';

let server: StreamServer;
let connection: Connection;
let echo: Server;
const at = { namespace: 'default', pod: 'p' };
const port = () => (echo.address() as AddressInfo).port;

beforeAll(async () => {
  server = await startStreamServer();
  connection = await connect({ name: 'test', clusterName: 'test', userName: 'test', cluster: { server: server.url, insecureSkipVerify: false, compression: true }, user: {} });
  // Answers what it got, once the other side has ended.
  echo = createServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => undefined);
    void text(socket).then((all) => socket.end(`echo ${all}`));
  }).listen(0, '127.0.0.1');
  await once(echo, 'listening');
});
afterEach(() => (server.refuse = undefined));
afterAll(async () => {
  await connection.dispose();
  echo.close();
  await server.close();
});

describe('exec', () => {
  it('gives both outputs and the exit code', async () => {
    const session = await connection.exec({ ...at, command: ['sh', '-c', 'echo out; echo err >&2; exit 3'] });
    const [out, err, exit] = await Promise.all([text(session.stdout), text(session.stderr), session.exit]);
    expect([out, err, exit, session.stdin]).toEqual(['out\n', 'err\n', { code: 3 }, undefined]);
  });

  it('feeds standard input and tells its end', async () => {
    const session = await connection.exec({ ...at, command: ['sh', '-c', 'wc -c'], stdin: true });
    session.stdin?.write('a'.repeat(100_000));
    session.stdin?.end('ä');
    expect([(await text(session.stdout)).trim(), await session.exit]).toEqual(['100002', { code: 0 }]);
  });

  it('carries much more than any buffer to a slow reader', async () => {
    const session = await connection.exec({ ...at, command: ['sh', '-c', 'head -c 8000000 /dev/zero'] });
    let size = 0;
    for await (const chunk of session.stdout) {
      size += (chunk as Buffer).length;
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect([size, await session.exit]).toEqual([8_000_000, { code: 0 }]);
  });

  it('rejects when the server refuses, with what it says', async () => {
    await expect(connection.exec({ ...at, pod: 'nope', command: ['true'] })).resolves.toBeDefined();
    server.refuse = 'websocket';
    await expect(connection.exec({ ...at, command: ['true'] })).rejects.toMatchObject({ name: 'StatusError', code: 400 });
  });

  it('leaves when closed', async () => {
    const session = await connection.exec({ ...at, command: ['sh', '-c', 'echo ready; sleep 60'], stdin: true });
    await once(session.stdout, 'data');
    session.close();
    await expect(session.exit).rejects.toMatchObject({ name: 'ConnectionError' });
  });
});

describe('port forward', () => {
  it('carries connections of a local port, each by itself, with their ends', async () => {
    const forward = await connection.portForward({ ...at, port: port() });
    const ask = async (said: string) => {
      const socket = connectTcp({ port: forward.localPort, host: '127.0.0.1', allowHalfOpen: true });
      socket.end(said);
      return text(socket);
    };
    const long = 'x'.repeat(300_000);
    expect(await Promise.all([ask('one'), ask('two')])).toEqual(['echo one', 'echo two']);
    expect((await ask(long)).length).toBe(long.length + 5);
    await forward.dispose();
    await expect(ask('three')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  it('tells of a port where nothing listens', async () => {
    const failures: string[] = [];
    const forward = await connection.portForward({ ...at, port: 1 }, (error) => failures.push(error.message));
    const socket = connectTcp(forward.localPort, '127.0.0.1');
    socket.on('error', () => undefined);
    await once(socket, 'close');
    await expect.poll(() => failures).toEqual([expect.stringMatching(/ECONNREFUSED/)]);
    await forward.dispose();
  });

  it('dials once', async () => {
    const stream = await connection.dial({ ...at, port: port() });
    stream.end('hello');
    expect(await text(stream)).toBe('echo hello');
  });
});
