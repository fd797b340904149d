/** A request on its way to an endpoint: what carries it, and who hears of the answer. */
import type net from 'node:net';
import type { Readable } from 'node:stream';
import type { EndpointTls } from './dial.ts';
import type { ResponseHead } from './response-parser.ts';

export const connectMs = 5_000;
/** A connection is kept without use for this long; longer than a page takes to ask again, shorter than what applications keep. */
export const idleMs = 30_000;

/** What may not be sent twice takes no connection that was silent longer: the application may be closing it just now. Shorter than what applications keep (gunicorn 2 s, Node 5 s). */
export const freshMs = 1_000;

/** Exactly one of `onEnd`, `onUpgrade` and `onFailure` is the last call. */
export interface UpstreamRequest {
  readonly method: string;
  readonly path: string;
  /** Names and values in turn, `Host` among them, without framing and hop-by-hop fields. */
  readonly headers: readonly string[];
  readonly body: Readable | undefined;
  /** Length of `body` if known, else it is sent in chunks. */
  readonly bodyLength: number | undefined;
  /** Protocol to switch to. */
  readonly upgrade: string | undefined;
  /** It came over HTTP/2, and goes on so where the endpoint's TLS allows. */
  readonly http2: boolean;
  /** The client takes trailers. */
  readonly trailers: boolean;
  readonly timeoutMs: number;
  /** May be sent again when its connection is lost. */
  readonly repeatable: boolean;
  /** So many bytes of its body were sent. */
  onUpload(bytes: number): void;
  /** What carries it from now on. */
  onCarrier(carrier: Carrier): void;
  onHead(head: ResponseHead): void;
  /** False: stop reading until `resume` is called on the carrier. */
  onBody(chunk: Buffer): boolean;
  onEnd(trailers: string[]): void;
  /** Bytes that came after the head are back in the paused `socket`. */
  onUpgrade(head: ResponseHead, socket: net.Socket): void;
  onFailure(failure: UpstreamFailure): void;
}

export interface Carrier {
  resume(): void;
  /** The request is no longer wanted, and the carrier is in the middle of it. */
  abort(): void;
}

export interface UpstreamFailure {
  /** `connect`: nothing was sent. `full`: it waited too long for its turn. `lost`: the connection ended before the response began. */
  kind: 'connect' | 'full' | 'lost' | 'timeout' | 'broken';
  message: string;
}

export interface EndpointAddress {
  host: string;
  port: number;
  tls?: EndpointTls | undefined;
}
