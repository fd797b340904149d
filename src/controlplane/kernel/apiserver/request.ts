import type { Readable } from 'node:stream';

/** A request, wherever it comes from. */
export interface ApiRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  header(name: string): string | undefined;
  /** The whole body; rejects with 413 beyond the bound. */
  body(): Promise<Buffer>;
  /** The body as it arrives. */
  readonly stream: Readable;
  /** Aborts when the client goes away. */
  readonly signal: AbortSignal;
  readonly userAgent: string | undefined;
}
