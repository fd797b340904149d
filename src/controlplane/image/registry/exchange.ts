/** One request to the registry and what its handlers need. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { isDigest, isDigestLike } from '../../../oci/digest.ts';
import type { Access } from './access.ts';
import type { BlobStore } from './blob-store.ts';
import { RegistryFailure } from './failure.ts';
import type { Limits } from './limits.ts';
import type { Links } from './links.ts';
import type { PullThrough } from './pull-through.ts';
import type { RepositoryName } from './repository.ts';
import type { Streams } from './streams.ts';
import type { Uploads } from './uploads.ts';
import type { Use } from './use.ts';

/** The parts of a registry. */
export interface Parts {
  access: Access;
  blobs: BlobStore;
  links: Links;
  uploads: Uploads;
  streams: Streams;
  use: Use;
  through: PullThrough;
  limits: Limits;
}

export interface Exchange {
  request: IncomingMessage;
  response: ServerResponse;
  query: URLSearchParams;
  repository: RepositoryName;
  /** Last part of the path: digest, tag or upload id. */
  reference: string;
}

export type Handler = (exchange: Exchange, parts: Parts) => Promise<void>;

export function send(response: ServerResponse, status: number, headers: Record<string, string | number | string[]> = {}, body?: string | Buffer): void {
  response.writeHead(status, { 'content-length': body === undefined ? 0 : Buffer.byteLength(body), ...headers });
  response.end(body);
}

/** The body, without cutting the connection when we stop reading it: the client shall hear why. */
export function bodyOf(request: IncomingMessage): AsyncIterable<Buffer> {
  return request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
}

/** A digest of the path or query, which must be one that can be verified. */
export function requireDigest(text: string | null): string {
  if (text === null || !isDigestLike(text)) throw new RegistryFailure(400, 'DIGEST_INVALID', `${JSON.stringify(text ?? '')} is not a digest`);
  if (!isDigest(text)) throw new RegistryFailure(400, 'DIGEST_INVALID', `${text} is neither sha256 nor sha512`);
  return text;
}

export function unsupported(): never {
  throw new RegistryFailure(405, 'UNSUPPORTED', 'the operation is not supported here');
}
