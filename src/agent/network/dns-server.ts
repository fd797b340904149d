/** The cluster's name server, UDP and TCP. */
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import type { Server, Socket } from 'node:net';
import { AUTHORITATIVE_ANSWER, decode, encode, RECURSION_AVAILABLE, TRUNCATED_RESPONSE, type Answer, type DecodedPacket, type Packet } from 'dns-packet';
import type { Disposable } from '../../base/disposable.ts';
import { cached } from './dns-cache.ts';
import { DnsFrames, frame } from './dns-relay.ts';
import { DnsZone, type ZoneAnswer } from './dns-zone.ts';
import { hostName } from './names.ts';
import type { ServiceTable } from './service-table.ts';
import { tcpListener } from './tcp-relay.ts';

export interface DnsServerOptions {
  address: string;
  /** Default 53. */
  port?: number;
  domain: string;
  /** Address of this machine as pods see it; default the relay's. */
  hostAddress?: string | undefined;
  /** Awaited before this machine's own name is answered. */
  beforeHost?(): Promise<void>;
  /** Whole messages to who knows the rest; undefined for no answer. */
  upstream(query: Buffer): Promise<Buffer | undefined>;
}

export interface DnsServer extends Disposable {
  readonly port: number;
  update(table: ServiceTable): void;
}

/** Without EDNS (RFC 6891) an answer over UDP has at most this many bytes. */
const plainLimit = 512;
const ednsLimit = 4096;
const tcpIdle = 20_000;
/** Answers that a client has not read; beyond, it is asked no more. */
const mostUnread = 1024 * 1024;
/** Names that lead to names; more are a circle. */
const mostFollowed = 8;
/** Replies kept between two changes of the cluster. */
const mostReplies = 4_096;
const rcodes = { NOERROR: 0, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4 } as const;

export async function dnsServer(options: DnsServerOptions): Promise<DnsServer> {
  const port = options.port ?? 53;
  let zone = new DnsZone([], options.domain, options.hostAddress);
  const upstream = cached((query) => options.upstream(query));
  /** Replies about the cluster by the bytes of the question, until something changes. */
  let replies = new Map<string, Buffer>();
  const answer = async (query: Buffer, limit: number): Promise<Buffer | undefined> => {
    const key = `${limit} ${query.toString('latin1', 2)}`;
    const known = replies.get(key);
    if (known) {
      const copy = Buffer.from(known);
      query.copy(copy, 0, 0, 2);
      return copy;
    }
    const present = replies;
    let lasting = false;
    const reply = await respond(query, zone, upstream, limit, options.beforeHost, () => (lasting = true));
    if (lasting && reply && present.size < mostReplies) present.set(key, reply);
    return reply;
  };
  const { udp, tcp } = await bothWays(options.address, port, (client) => listenTcp(client, answer));
  listenUdp(udp, answer);
  return {
    port: udp.address().port,
    update: (table) => {
      zone = new DnsZone(table, options.domain, options.hostAddress);
      replies = new Map();
    },
    dispose: () => {
      udp.close();
      tcp.close();
    },
  };
}

/** Where the system chooses the port, the one it chose for datagrams may be taken for connections: it is asked again. */
const mostPorts = 20;

async function bothWays(address: string, port: number, onClient: (client: Socket) => void): Promise<{ udp: UdpSocket; tcp: Server }> {
  for (let attempt = 1; ; attempt += 1) {
    const udp = createSocket('udp4');
    await new Promise<void>((resolve, reject) => udp.once('error', reject).bind(port, address, resolve));
    udp.on('error', () => undefined);
    try {
      return { udp, tcp: await tcpListener(address, udp.address().port, onClient) };
    } catch (error) {
      udp.close();
      if (port !== 0 || attempt >= mostPorts || (error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    }
  }
}

type Answerer = (query: Buffer, limit: number) => Promise<Buffer | undefined>;

function listenUdp(socket: UdpSocket, answer: Answerer): void {
  socket.on('message', (query, from) => {
    void answer(query, 0).then((reply) => reply && socket.send(reply, from.port, from.address, () => undefined), () => undefined);
  });
}

function listenTcp(client: Socket, answer: Answerer): void {
  const reader = new DnsFrames((query) => {
    void answer(query, 0xffff).then((reply) => {
      if (!reply || !client.writable) return;
      client.write(frame(reply));
      if (client.writableLength > mostUnread) client.pause();
    }, () => undefined);
  });
  client.on('drain', () => client.resume());
  client.setTimeout(tcpIdle, () => client.destroy());
  client.on('data', (chunk: Buffer) => reader.push(chunk));
  client.once('end', () => client.end());
  client.resume();
}

/** `limit` 0: as much as the client says it takes over UDP. `onLasting`: the same question gets the same reply until the zone changes. */
export async function respond(query: Buffer, zone: DnsZone, upstream: DnsServerOptions['upstream'], limit: number, beforeHost?: DnsServerOptions['beforeHost'], onLasting?: () => void): Promise<Buffer | undefined> {
  let asked: DecodedPacket;
  try {
    asked = decode(query);
  } catch {
    return undefined;
  }
  const question = asked.questions?.[0];
  if (asked.type !== 'query' || !question) return undefined;
  const aboutHost = question.name.toLowerCase().replace(/\.$/, '') === hostName;
  if (beforeHost && aboutHost) await beforeHost();
  const edns = asked.additionals?.find((one) => (one.type as string) === 'OPT') as { udpPayloadSize?: number } | undefined;
  const room = limit > 0 ? limit : Math.min(Math.max(edns?.udpPayloadSize ?? plainLimit, plainLimit), ednsLimit);
  const found = (((asked.flags ?? 0) >> 11) & 0xf) === 0 ? zone.answer(question) : { rcode: 'NOTIMP' as const, answers: [], additionals: [], authorities: [] };
  if (!found) return fit(await upstream(query), room) ?? build(asked, { rcode: 'SERVFAIL', answers: [], additionals: [], authorities: [] }, room, edns !== undefined);
  // Several addresses are told in another order each time.
  if (!aboutHost && !('follow' in found && found.follow !== undefined) && found.answers.length <= 1) onLasting?.();
  if ('follow' in found && found.follow !== undefined) found.answers.push(...(await follow(found.follow, asked, zone, upstream)));
  return build(asked, found, room, edns !== undefined);
}

/** What came from outside and is too long for the asker is cut to its question: he asks again over a stream. */
function fit(answer: Buffer | undefined, room: number): Buffer | undefined {
  if (!answer || answer.length <= room) return answer;
  const { id = 0, flags = 0, questions = [] } = decode(answer);
  return encode({ type: 'response', id, flags: flags | TRUNCATED_RESPONSE, questions });
}

type Reply = Omit<ZoneAnswer, 'rcode' | 'follow'> & { rcode: keyof typeof rcodes };

function build(asked: DecodedPacket, found: Reply, room: number, edns: boolean): Buffer {
  const question = asked.questions![0]!;
  const base: Packet = {
    type: 'response', id: asked.id ?? 0, questions: [question],
    flags: ((asked.flags ?? 0) & 0x0100) | RECURSION_AVAILABLE | (found.rcode === 'SERVFAIL' ? 0 : AUTHORITATIVE_ANSWER) | rcodes[found.rcode],
  };
  const opt = edns ? [{ type: 'OPT', name: '.', udpPayloadSize: ednsLimit, flags: 0, options: [] } as unknown as Answer] : [];
  const full = encode({ ...base, answers: found.answers, authorities: found.authorities, additionals: [...found.additionals, ...opt] });
  if (full.length <= room) return full;
  const lean = encode({ ...base, answers: found.answers, additionals: opt });
  return lean.length <= room ? lean : encode({ ...base, flags: (base.flags ?? 0) | TRUNCATED_RESPONSE, additionals: opt });
}

/** Addresses behind an external name, so that simple clients need not ask twice. It may name a service, which may be external too. */
async function follow(name: string, asked: DecodedPacket, zone: DnsZone, upstream: DnsServerOptions['upstream'], left = mostFollowed): Promise<Answer[]> {
  const question = { ...asked.questions![0]!, name };
  if (question.type === 'CNAME') return [];
  const inside = zone.answer(question);
  if (inside) return inside.follow === undefined || left === 0 ? inside.answers : [...inside.answers, ...(await follow(inside.follow, asked, zone, upstream, left - 1))];
  const answer = await upstream(encode({ type: 'query', id: 1, flags: 0x0100, questions: [question] }));
  try {
    return answer ? (decode(answer).answers ?? []) : [];
  } catch {
    return [];
  }
}
