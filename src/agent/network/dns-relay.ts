/** DNS questions that the cluster cannot answer, asked from this machine's network with its own resolvers. */
import { createSocket } from 'node:dgram';
import { getServers } from 'node:dns';
import { connect, isIP, type Socket } from 'node:net';

const answerLimit = 4000;
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

/** Tries one server after another; undefined if none answers. Over UDP first, over TCP if the answer was cut. */
export async function forwardQuery(query: Buffer, servers: readonly string[]): Promise<Buffer | undefined> {
  for (const server of servers.slice(0, 3)) {
    const { host, port } = parseServer(server);
    const answer = await overUdp(query, host, port);
    if (!answer) continue;
    const cut = (answer[2]! & 0x02) !== 0;
    return cut ? ((await overTcp(query, host, port)) ?? answer) : answer;
  }
  return undefined;
}

/** As `dns.getServers` writes them: `1.2.3.4`, `1.2.3.4:54`, `::1`, `[::1]:54`. */
function parseServer(text: string): { host: string; port: number } {
  if (isIP(text) !== 0) return { host: text, port: 53 };
  const match = /^\[?([^\]]+?)\]?:(\d+)$/.exec(text);
  return { host: match?.[1] ?? text, port: Number(match?.[2] ?? 53) };
}

function overUdp(query: Buffer, host: string, port: number): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const socket = createSocket(isIP(host) === 6 ? 'udp6' : 'udp4');
    const done = (answer?: Buffer) => {
      clearTimeout(timer);
      socket.close();
      resolve(answer);
    };
    const timer = setTimeout(done, answerLimit);
    socket.once('error', () => done());
    socket.on('message', (answer) => {
      // Somebody else's answer does not count.
      if (answer.length >= 12 && answer.readUInt16BE(0) === query.readUInt16BE(0)) done(answer);
    });
    socket.connect(port, host, () => socket.send(query));
  });
}

function overTcp(query: Buffer, host: string, port: number): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const socket = connect(port, host, () => socket.write(frame(query)));
    const done = (answer?: Buffer) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(answerLimit, () => done());
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
