/** A request of a client, and the way back for its answer: the same for HTTP/1.1 and HTTP/2. */
import type net from 'node:net';
import type { Readable } from 'node:stream';
import type { PageStatus } from '../data-plane/pages.ts';

/** A client that neither sends the body it announced nor reads the response it asked for is cut off after this long. */
export const clientStallMs = 30_000;
/** A client connection may be silent this long, between requests or waiting for a response. */
export const clientIdleMs = 300_000;

export interface Upgrade {
  socket: net.Socket;
  head: Buffer;
  protocol: string;
}

export interface DownstreamListener {
  /** The connection ended, before or after the answer was whole. */
  onGone(): void;
  /** The client reads on. */
  onDrain(): void;
}

export interface Downstream {
  readonly method: string;
  /** As the client sent it. */
  readonly url: string;
  readonly host: string;
  /** Names and values in turn, as they came, `Host` among them. */
  readonly rawHeaders: readonly string[];
  readonly cookies: string | undefined;
  readonly secure: boolean;
  readonly http2: boolean;
  /** The client takes trailers. */
  readonly trailers: boolean;
  /** Address of the client. */
  readonly client: string;
  /** Whoever reads it after us may see another request. */
  readonly ambiguous: boolean;
  /** Where it connected to. */
  readonly port: number;
  readonly body: Readable | undefined;
  readonly bodyLength: number | undefined;
  readonly upgrade: Upgrade | undefined;
  /** A head was sent. */
  readonly begun: boolean;

  /** Waits `timeoutMs` for an answer. */
  open(timeoutMs: number, listener: DownstreamListener): void;
  head(status: number, text: string, headers: string[], length: number): void;
  /** `last`: it is the whole body. False: stop until `onDrain` is called. */
  write(chunk: Buffer, last: boolean): boolean;
  end(trailers: readonly string[]): void;
  /** An answer of the router itself. What the client still sends has no reader. */
  page(status: PageStatus): void;
  redirect(location: string): void;
  /** The answer cannot be made whole, or there is none: the client must see that. */
  cut(): void;
}

const mapped = '::ffff:';
export function plainAddress(address: string | undefined): string {
  if (address === undefined) return '';
  return address.startsWith(mapped) ? address.slice(mapped.length) : address;
}
