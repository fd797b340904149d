/** DNS questions that the cluster cannot answer, asked from this machine's network with its own resolvers. */
import { createSocket } from 'node:dgram';
import { getServers } from 'node:dns';
import { connect, isIP, type Socket } from 'node:net';

export interface ForwardLimits {
  /** A server that is silent for so long gets company: the next one is asked, too. */
  patienceMs: number;
  /** Then nobody answers. Resolvers of pods wait 5 s before they ask again (resolv.conf(5)). */
  allMs: number;
}
const usual: ForwardLimits = { patienceMs: 1_000, allMs: 4_000 };
/** As many as resolvers ask (resolv.conf(5)). */
const mostServers = 3;
/** SERVFAIL, NOTIMP, REFUSED: another server may know. */
const unhelpful = new Set([2, 4, 5]);
/** Questions of one stream under way; more wait unread. */
const parallel = 64;

/** DNS over TCP framing on `stream`: two bytes length, message. */
export function serveDnsStream(stream: Socket, servers: () => string[] = getServers): void {
  let open = 0;
  const reader = new DnsFrames((query) => {
    if (++open >= parallel) stream.pause();
    void forwardQuery(query, servers())
      .then((answer) => answer && stream.writable && stream.write(frame(answer)))
      .finally(() => {
        if (open-- === parallel) stream.resume();
      });
  });
  stream.on('data', (chunk: Buffer) => reader.push(chunk));
  stream.once('end', () => stream.end());
}

/** The first useful answer of several servers, each asked when the one before fails or is silent; else one that is of no use; undefined if none answers. */
export function forwardQuery(query: Buffer, servers: readonly string[], { patienceMs, allMs }: ForwardLimits = usual): Promise<Buffer | undefined> {
  // The first once more at the end: a datagram may have been lost.
  const left = [...servers.slice(0, mostServers), ...servers.slice(0, 1)];
  if (left.length === 0) return Promise.resolve(undefined);
  return new Promise((resolve) => {
    const over = new AbortController();
    let asking = 0;
    let poor: Buffer | undefined;
    let patience: NodeJS.Timeout | undefined;
    const done = (answer: Buffer | undefined) => {
      clearTimeout(limit);
      clearTimeout(patience);
      over.abort();
      resolve(answer);
    };
    const limit = setTimeout(() => done(poor), allMs);
    const next = () => {
      clearTimeout(patience);
      const server = left.shift();
      if (server === undefined) return void (asking === 0 && done(poor));
      asking += 1;
      patience = setTimeout(next, patienceMs);
      void askServer(query, server, over.signal).then((answer) => {
        if (over.signal.aborted) return;
        asking -= 1;
        if (answer && !unhelpful.has(answer[3]! & 0xf)) return done(answer);
        poor ??= answer;
        next();
      });
    };
    next();
  });
}

/** Over UDP first, over TCP if the answer was cut. Undefined for none, or when `over` is aborted. */
async function askServer(query: Buffer, server: string, over: AbortSignal): Promise<Buffer | undefined> {
  const { host, port } = parseServer(server);
  const answer = await overUdp(query, host, port, over);
  const cut = answer !== undefined && (answer[2]! & 0x02) !== 0;
  return cut ? ((await overTcp(query, host, port, over)) ?? answer) : answer;
}

/** As `dns.getServers` writes them: `1.2.3.4`, `1.2.3.4:54`, `::1`, `[::1]:54`. */
function parseServer(text: string): { host: string; port: number } {
  if (isIP(text) !== 0) return { host: text, port: 53 };
  const match = /^\[?([^\]]+?)\]?:(\d+)$/.exec(text);
  return { host: match?.[1] ?? text, port: Number(match?.[2] ?? 53) };
}

function overUdp(query: Buffer, host: string, port: number, over: AbortSignal): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket(isIP(host) === 6 ? 'udp6' : 'udp4');
    let ended = false;
    const done = (answer?: Buffer) => {
      if (ended) return;
      ended = true;
      over.removeEventListener('abort', cancel);
      socket.close();
      resolve(answer);
    };
    const cancel = () => done();
    over.addEventListener('abort', cancel);
    socket.on('error', cancel);
    socket.on('message', (answer) => {
      // Somebody else's answer does not count.
      if (answer.length >= 12 && answer.readUInt16BE(0) === query.readUInt16BE(0)) done(answer);
    });
    socket.connect(port, host, () => !ended && socket.send(query));
  });
}

function overTcp(query: Buffer, host: string, port: number, over: AbortSignal): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const socket = connect(port, host, () => socket.write(frame(query)));
    const done = (answer?: Buffer) => {
      over.removeEventListener('abort', cancel);
      socket.destroy();
      resolve(answer);
    };
    const cancel = () => done();
    over.addEventListener('abort', cancel);
    if (over.aborted) cancel();
    socket.once('error', () => done()).once('close', () => done());
    const reader = new DnsFrames(done);
    socket.on('data', (chunk: Buffer) => reader.push(chunk));
  });
}

export function frame(message: Buffer): Buffer {
  const head = Buffer.allocUnsafe(2);
  head.writeUInt16BE(message.length);
  return Buffer.concat([head, message]);
}

/** Cuts a stream into messages; holds at most one incomplete one (64 KiB). */
export class DnsFrames {
  #rest: Buffer = Buffer.alloc(0);
  readonly #each: (message: Buffer) => void;

  constructor(each: (message: Buffer) => void) {
    this.#each = each;
  }

  push(chunk: Buffer): void {
    let data = Buffer.concat([this.#rest, chunk]);
    while (data.length >= 2 && data.length >= 2 + data.readUInt16BE(0)) {
      const end = 2 + data.readUInt16BE(0);
      const message = Buffer.from(data.subarray(2, end));
      data = data.subarray(end);
      if (message.length >= 12) this.#each(message);
    }
    this.#rest = data;
  }
}
