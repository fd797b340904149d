/** What no kubectl exercises: older channel protocols, raw channel port-forward, flow control, slow readers, clients that vanish. */
import { once } from 'node:events';
import { createServer as createTcpServer, connect, type AddressInfo, type Server, type Socket } from 'node:net';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { controlFrame, dataFrame, frameType, numbers, readHeader } from '../../../../../../src/controlplane/kernel/apiserver/streaming/spdy/frames.ts';
import { SpdyConnection, type SpdyStream } from '../../../../../../src/controlplane/kernel/apiserver/streaming/spdy/connection.ts';
import { spdyDictionary, spdyDictionaryId } from '../../../../../../src/controlplane/kernel/apiserver/streaming/spdy/dictionary.ts';
import { HeaderReader, HeaderWriter } from '../../../../../../src/controlplane/kernel/apiserver/streaming/spdy/headers.ts';
import { startStreamServer, type StreamServer } from '../../../../../support/stream-server.ts';

let api: StreamServer;
let echo: Server;
beforeAll(async () => {
  api = await startStreamServer();
  echo = createTcpServer({ allowHalfOpen: true }, (socket) => socket.pipe(socket)).listen(0, '127.0.0.1');
  await once(echo, 'listening');
});
afterAll(async () => {
  await api.close();
  echo.close();
});

const openSocket = async (path: string, protocols: string[]) => {
  const ws = new WebSocket(`${api.url.replace('http', 'ws')}/api/v1/namespaces/default/pods/p/${path}`, protocols);
  const messages: Buffer[] = [];
  ws.on('message', (data: Buffer) => messages.push(data));
  const closed = new Promise((resolve) => ws.once('close', resolve));
  await once(ws, 'open');
  return { ws, messages, closed };
};
const command = (...args: string[]) => `exec?stdin=1&stdout=1&stderr=1&${args.map((arg) => `command=${encodeURIComponent(arg)}`).join('&')}`;
/** Bytes of one channel, joined. */
const channel = (messages: Buffer[], number: number, base64 = false) =>
  messages.filter((one) => one[0] === (base64 ? 0x30 + number : number)).map((one) => (base64 ? Buffer.from(one.toString('latin1', 1), 'base64') : one.subarray(1)).toString()).join('');

describe('exec over WebSocket channels', () => {
  test.each(['v5.channel.k8s.io', 'v4.channel.k8s.io', 'v3.channel.k8s.io', 'v2.channel.k8s.io', 'channel.k8s.io', 'v4.base64.channel.k8s.io', 'base64.channel.k8s.io'])('%s', async (name) => {
    const base64 = name.includes('base64');
    const { ws, messages, closed } = await openSocket(command('sh', '-c', 'read line; echo "got $line"; echo oops >&2; exit 3'), ['unknown.example', name]);
    expect(ws.protocol).toBe(name);
    ws.send(base64 ? `0${Buffer.from('hello\n').toString('base64')}` : Buffer.from('\0hello\n'));
    await closed;
    expect(channel(messages, 1, base64)).toBe('got hello\n');
    expect(channel(messages, 2, base64)).toBe('oops\n');
    const error = channel(messages, 3, base64);
    if (/^v[45]/.test(name)) expect(JSON.parse(error)).toMatchObject({ status: 'Failure', reason: 'NonZeroExitCode', details: { causes: [{ reason: 'ExitCode', message: '3' }] } });
    else expect(error).toContain('exit status 3');
  });

  test('no protocol offered: version 1; success is silent', async () => {
    const { messages, closed, ws } = await openSocket(command('echo', 'hi'), []);
    await closed;
    expect([ws.protocol, channel(messages, 1), channel(messages, 3)]).toEqual(['', 'hi\n', '']);
  });

  test('a bearer token among the protocols is never chosen; unknown ones are refused with a text', async () => {
    const { ws, closed } = await openSocket(command('true'), ['base64url.bearer.authorization.k8s.io.dG9rZW4', 'v4.channel.k8s.io']);
    expect(ws.protocol).toBe('v4.channel.k8s.io');
    await closed;
    await expect(openSocket(command('true'), ['v9.channel.k8s.io'])).rejects.toThrow('400');
  });

  test('a client that vanishes ends the standard input of its command', async () => {
    const { ws } = await openSocket(command('sh', '-c', 'echo started; cat >/dev/null'), ['v4.channel.k8s.io']);
    await once(ws, 'message');
    ws.terminate();
    await api.idle();
  });

  test('a command that reads nothing holds its client back, and the rest arrives when it reads', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'slipway-streams-'));
    const { ws, messages, closed } = await openSocket(command('sh', '-c', `until [ -e ${folder}/go ]; do sleep 0.01; done; wc -c`), ['v5.channel.k8s.io']);
    const chunk = Buffer.alloc(256 * 1024);
    for (let i = 0; i < 64; i += 1) ws.send(chunk);
    await turn();
    expect(ws.bufferedAmount).toBeGreaterThan(0);
    ws.send(Buffer.from([255, 0]));
    await writeFile(join(folder, 'go'), '');
    await closed;
    await rm(folder, { recursive: true });
    expect(Number(channel(messages, 1))).toBe(64 * (chunk.length - 1));
  });
});

test('port-forward over WebSocket channels: port numbers first, then data; a closed port says so on its error channel', async () => {
  const port = (echo.address() as AddressInfo).port;
  const { ws, messages } = await openSocket(`portforward?ports=${port}&ports=1`, ['v4.channel.k8s.io']);
  ws.send(Buffer.concat([Buffer.from([0]), Buffer.from('ping')]));
  while (!channel(messages, 0).includes('ping') || channel(messages, 3).length < 3) await once(ws, 'message');
  for (const [number, expected] of [[0, port], [1, port], [2, 1], [3, 1]] as const) expect(messages.find((one) => one[0] === number)?.readUInt16LE(1)).toBe(expected);
  expect(channel(messages, 3)).toContain('ECONNREFUSED');
  ws.close();
  await once(ws, 'close');
});

describe('SPDY', () => {
  test('header blocks: the dictionary is that of the specification, blocks survive a round trip, oversized ones do not', async () => {
    let a = 1;
    let b = 0;
    for (const byte of spdyDictionary) {
      a = (a + byte) % 65521;
      b = (b + a) % 65521;
    }
    expect(((b << 16) | a) >>> 0).toBe(spdyDictionaryId);
    const reader = new HeaderReader();
    const writer = new HeaderWriter();
    for (const headers of [new Map(), new Map([['streamtype', 'data'], ['port', '80']]), new Map([['streamtype', 'ünï']])]) expect(await reader.read(writer.write(headers))).toEqual(headers);
    await expect(reader.read(writer.write(new Map([['a', 'x'.repeat(40_000)], ['b', 'x'.repeat(20_000)]])).subarray(0, 100))).rejects.toThrow('cut short');
  });

  test('a peer that takes part in flow control never gets more than its windows, and gets everything once it widens them', async () => {
    const { peer, stream } = await openStream();
    stream.write(Buffer.alloc(10));
    peer.write(controlFrame(frameType.settings, Buffer.concat([numbers(1), numbers(7, 20_000)])));
    peer.write(controlFrame(frameType.ping, numbers(1)));
    await peer.frames((frames) => frames.some((frame) => frame.type === frameType.ping));
    stream.end(Buffer.alloc(200_000));
    for (let told = 0; told < 200_010; ) {
      await peer.frames(() => peer.dataLength(1) > told);
      const untold = peer.dataLength(1) - told;
      expect(untold).toBeLessThanOrEqual(20_000);
      told += untold;
      peer.write(controlFrame(frameType.windowUpdate, numbers(1, untold)));
      peer.write(controlFrame(frameType.windowUpdate, numbers(0, untold)));
    }
    await peer.frames((frames) => frames.some((frame) => frame.stream === 1 && frame.flags === 1));
    peer.destroy();
  });

  test('a peer that ignores flow control gets everything', async () => {
    const { peer, stream } = await openStream();
    stream.end(Buffer.alloc(1_000_000));
    await peer.frames(() => peer.dataLength(1) === 1_000_000);
    peer.destroy();
  });

  test('bytes taken by the reader are told to the peer; a slow reader stops the connection within a bound', async () => {
    const { peer, stream } = await openStream();
    for (let i = 0; i < 40; i += 1) peer.write(dataFrame(1, Buffer.alloc(32 * 1024)));
    peer.write(controlFrame(frameType.ping, numbers(5)));
    await turn();
    expect(stream.readableLength).toBeLessThanOrEqual(512 * 1024);
    expect(peer.received.some((frame) => frame.type === frameType.ping)).toBe(false);
    stream.resume();
    await peer.frames((frames) => frames.some((frame) => frame.type === frameType.ping));
    const told = peer.received.filter((frame) => frame.type === frameType.windowUpdate && frame.payload.readUInt32BE(0) === 1).reduce((sum, frame) => sum + frame.payload.readUInt32BE(4), 0);
    expect(told).toBeGreaterThan(40 * 32 * 1024 - 64 * 1024);
    peer.destroy();
  });

  test('a reset ends one stream and no other; broken frames end the connection', async () => {
    const { peer, stream, connection, opened } = await openStream();
    peer.open(3);
    while (opened.length < 2) await turn();
    peer.write(controlFrame(frameType.rstStream, numbers(1, 5)));
    await once(stream, 'aborted');
    opened[1]?.end('still here');
    await peer.frames(() => peer.dataLength(3) === 10);
    peer.write(controlFrame(frameType.synStream, Buffer.alloc(3)));
    await connection.closed;
    expect(opened.every((one) => one.aborted || one.destroyed)).toBe(true);
  });

  test.each(['v4.channel.k8s.io', 'v3.channel.k8s.io', 'v2.channel.k8s.io', 'channel.k8s.io', undefined])('exec with %s', async (protocol) => {
    const { port, hostname } = new URL(api.url);
    const socket = connect(Number(port), hostname);
    const request = [`POST /api/v1/namespaces/default/pods/p/${command('sh', '-c', 'cat; exit 4')} HTTP/1.1`, 'Host: x', 'Connection: Upgrade', 'Upgrade: SPDY/3.1', 'Content-Length: 0'];
    if (protocol) request.push(`X-Stream-Protocol-Version: ${protocol}`);
    socket.write(`${request.join('\r\n')}\r\n\r\n`);
    const [head] = (await once(socket, 'data')) as [Buffer];
    expect(head.toString()).toContain('101 Switching Protocols');
    if (protocol) expect(head.toString()).toContain(`X-Stream-Protocol-Version: ${protocol}`);
    const peer = new Peer(socket);
    ['error', 'stdin', 'stdout', 'stderr'].forEach((type, index) => peer.open(index * 2 + 1, { streamtype: type }));
    peer.write(dataFrame(3, Buffer.from('typed')));
    peer.write(dataFrame(3, Buffer.alloc(0), 1));
    await once(socket, 'end');
    expect(peer.data(5)).toBe('typed');
    if (protocol?.startsWith('v4')) expect(JSON.parse(peer.data(1))).toMatchObject({ reason: 'NonZeroExitCode', details: { causes: [{ message: '4' }] } });
    else expect(peer.data(1)).toContain('exit status 4');
    socket.destroy();
  });
});

interface Frame { type: number; stream: number; flags: number; payload: Buffer }

/** A SPDY client that keeps every frame it got. */
class Peer {
  readonly received: Frame[] = [];
  #transport: Duplex;
  #buffer = Buffer.alloc(0);
  #headers = new HeaderWriter();
  #changed: (() => void)[] = [];

  constructor(transport: Duplex) {
    this.#transport = transport;
    transport.on('data', (chunk: Buffer) => this.#receive(chunk));
    transport.on('error', () => undefined);
  }

  write(bytes: Buffer): void {
    this.#transport.write(bytes);
  }

  open(id: number, headers: Record<string, string> = {}): void {
    this.write(controlFrame(frameType.synStream, Buffer.concat([numbers(id, 0), Buffer.alloc(2), this.#headers.write(new Map(Object.entries(headers)))])));
  }

  data(stream: number): string {
    return this.received.filter((frame) => frame.stream === stream).map((frame) => frame.payload.toString()).join('');
  }

  dataLength(stream: number): number {
    return this.received.filter((frame) => frame.stream === stream).reduce((sum, frame) => sum + frame.payload.length, 0);
  }

  /** Resolves once the frames received so far satisfy `done`. */
  async frames(done: (frames: Frame[]) => boolean): Promise<void> {
    while (!done(this.received)) await new Promise<void>((resolve) => this.#changed.push(resolve));
  }

  destroy(): void {
    this.#transport.destroy();
  }

  #receive(chunk: Buffer): void {
    this.#buffer = Buffer.concat([this.#buffer, chunk]);
    while (this.#buffer.length >= 8) {
      const header = readHeader(this.#buffer);
      if (this.#buffer.length < 8 + header.length) break;
      const payload = this.#buffer.subarray(8, 8 + header.length);
      this.#buffer = this.#buffer.subarray(8 + header.length);
      this.received.push({ type: header.control ? header.type : 0, stream: header.control ? 0 : header.stream, flags: header.flags, payload });
    }
    for (const changed of this.#changed.splice(0)) changed();
  }
}

/** A connection with stream 1 open, over a real socket. */
async function openStream(): Promise<{ peer: Peer; stream: SpdyStream; connection: SpdyConnection; opened: SpdyStream[] }> {
  const server = createTcpServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [accepted] = (await once(server, 'connection')) as [Socket];
  server.close();
  const opened: SpdyStream[] = [];
  const connection = new SpdyConnection(accepted, (stream) => opened.push(stream));
  const peer = new Peer(socket);
  peer.open(1);
  while (!opened[0]) await turn();
  return { peer, stream: opened[0], connection, opened };
}
