/**
 * Kubernetes' channel protocols over a WebSocket: the first byte of a message is the number of its channel (`channel.k8s.io`, binary), or its first character the
 * digit and the rest base64 (`base64.channel.k8s.io`, text). From version 5 on the message `0xff <channel>` says that a channel got its end.
 */
import type { WebSocket } from 'ws';
import { WireStream } from './wire-stream.ts';

const closeSignal = 255;

export interface ChannelProtocol {
  /** The name to answer with; absent when the client offered none. */
  name: string | undefined;
  version: number;
  base64: boolean;
}

/** The first protocol of the client's offer that is spoken here; version 1 in binary if it offers none. */
export function chooseChannelProtocol(offered: readonly string[]): ChannelProtocol | undefined {
  if (offered.length === 0) return { name: undefined, version: 1, base64: false };
  for (const name of offered) {
    const match = /^(?:v([1-5])\.)?(base64\.)?channel\.k8s\.io$/.exec(name);
    if (match) return { name, version: Number(match[1] ?? 1), base64: match[2] !== undefined };
  }
  return undefined;
}

class Channel extends WireStream {
  readonly number: number;
  #owner: ChannelSocket;
  full = false;

  constructor(owner: ChannelSocket, number: number) {
    super();
    this.#owner = owner;
    this.number = number;
    this.on('error', () => undefined);
  }

  protected override transmit(frame: Buffer, done: () => void): void {
    this.#owner.send(this.number, frame, done);
  }

  protected override transmitEnd(): void {
    // The protocol knows no end from the server but the end of the connection.
  }

  protected override onRoom(): void {
    this.#owner.hasRoom(this);
  }
}

/** Reading stops while any channel's reader is behind: what the connection holds is bounded by its channels. */
export class ChannelSocket {
  readonly closed: Promise<void>;
  #ws: WebSocket;
  #protocol: ChannelProtocol;
  #channels = new Map<number, Channel>();
  #full = new Set<Channel>();

  constructor(ws: WebSocket, protocol: ChannelProtocol) {
    this.#ws = ws;
    this.#protocol = protocol;
    ws.on('message', (data) => this.#receive(Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data as Buffer)));
    this.closed = new Promise((resolve) => {
      ws.on('close', () => {
        for (const channel of this.#channels.values()) channel.abort();
        resolve();
      });
    });
  }

  channel(number: number): WireStream {
    const known = this.#channels.get(number);
    if (known) return known;
    const channel = new Channel(this, number);
    this.#channels.set(number, channel);
    return channel;
  }

  send(number: number, bytes: Buffer, done: () => void): void {
    if (this.#ws.readyState !== this.#ws.OPEN) return done();
    if (this.#protocol.base64) this.#ws.send(`${number}${bytes.toString('base64')}`, { binary: false }, () => done());
    else this.#ws.send(Buffer.concat([Buffer.from([number]), bytes]), { binary: true }, () => done());
  }

  hasRoom(channel: Channel): void {
    if (this.#full.delete(channel) && this.#full.size === 0) this.#ws.resume();
  }

  /** A ping, and an unasked pong: while reading is held back the client's own pings stay unanswered, and it would give up. */
  ping(): void {
    if (this.#ws.readyState !== this.#ws.OPEN) return;
    this.#ws.ping();
    if (this.#full.size > 0) this.#ws.pong();
  }

  /** Closes after everything written so far; what still arrives is discarded. */
  end(): void {
    for (const channel of this.#channels.values()) channel.abort();
    this.#ws.resume();
    this.#ws.close(1000);
  }

  destroy(): void {
    this.#ws.terminate();
  }

  #receive(message: Buffer): void {
    if (message.length === 0) return;
    const first = message.readUInt8(0);
    if (this.#protocol.base64) return this.#deliver(first - 0x30, Buffer.from(message.toString('latin1', 1), 'base64'));
    if (first === closeSignal && this.#protocol.version >= 5) this.#channels.get(message[1] ?? closeSignal)?.deliverEnd();
    else this.#deliver(first, message.subarray(1));
  }

  #deliver(number: number, bytes: Buffer): void {
    const channel = this.#channels.get(number);
    if (!channel || bytes.length === 0 || channel.deliver(bytes)) return;
    this.#full.add(channel);
    this.#ws.pause();
  }
}
