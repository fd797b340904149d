/** The platform's own image registry: OCI distribution specification 1.1 over a folder, tags kept by image streams. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { systemClock, type Clock } from '../../../base/clock.ts';
import type { Disposable } from '../../../base/disposable.ts';
import type { Log } from '../../../base/log.ts';
import { isRepositoryPath } from '../../../oci/reference.ts';
import { Access, tokenPath, type AccessOptions } from './access.ts';
import { BlobStore } from './blob-store.ts';
import { send, type Handler, type Parts } from './exchange.ts';
import { RegistryFailure, toFailure } from './failure.ts';
import { Links } from './links.ts';
import { serveBlob } from './serve-blob.ts';
import { noLimits, type Limits } from './limits.ts';
import { noOrigins, type Origins } from './origins.ts';
import { PullThrough } from './pull-through.ts';
import { serveAdminBlob } from './serve-admin.ts';
import { serveCatalog, serveReferrers, serveTags } from './serve-lists.ts';
import { serveManifest } from './serve-manifest.ts';
import { serveUpload } from './serve-upload.ts';
import type { Streams } from './streams.ts';
import type { SweepResult } from './sweep.ts';
import { Sweeper } from './sweeper.ts';
import { Uploads } from './uploads.ts';
import { Use } from './use.ts';

export interface RegistryOptions extends AccessOptions {
  /** Holds `blobs`, `repositories`, `uploads` and `fetches`; one registry at a time. */
  directory: string;
  streams: Streams;
  log: Log;
  clock?: Clock;
  /** Other registries whose images streams show. */
  origins?: Origins;
  limits?: Limits;
  /** Content that nobody needs stays so long after it was last pushed or asked for. Default: an hour. */
  keepMs?: number;
}

export interface Registry extends Disposable {
  /** Answers any request; mount it on as many servers (TLS, plain, unix socket) as wanted. Never throws. */
  handler(request: IncomingMessage, response: ServerResponse): void;
  /** Removes what nobody needs, now; with what is swept already if a sweep runs. */
  sweep(): Promise<SweepResult>;
  /** Images or streams were deleted: sweeps soon. */
  sweepSoon(): void;
}

const routes: readonly { pattern: RegExp; handler: Handler }[] = [
  { pattern: /^(.+)\/blobs\/uploads\/([^/]*)$/, handler: serveUpload },
  { pattern: /^(.+)\/blobs\/([^/]+)$/, handler: serveBlob },
  { pattern: /^(.+)\/manifests\/([^/]+)$/, handler: serveManifest },
  { pattern: /^(.+)\/tags\/(list)$/, handler: serveTags },
  { pattern: /^(.+)\/referrers\/([^/]+)$/, handler: serveReferrers },
];

const adminBlobs = '/admin/blobs/';
/** Pushes are slow on slow lines: a layer may wait so long for its manifest. */
const defaultKeepMs = 60 * 60 * 1000;

/** Makes the folders, takes up or clears what a crash left, and is ready to serve. */
export async function createRegistry(options: RegistryOptions): Promise<Registry> {
  const { directory, streams, log, clock = systemClock, keepMs = defaultKeepMs } = options;
  const blobs = new BlobStore(directory);
  const links = new Links(directory);
  const use = new Use(clock);
  const uploads = new Uploads(directory, blobs, clock);
  const through = new PullThrough({ directory, blobs, links, use, log, origins: options.origins ?? noOrigins });
  for (const part of [blobs, uploads, through]) await part.open();
  const parts: Parts = { access: new Access(options), blobs, links, uploads, streams, use, through, limits: options.limits ?? noLimits };
  const sweeper = new Sweeper({ blobs, links, streams, use, keepMs, tidy: () => through.tidy() }, clock, log);
  return {
    handler: (request, response) => {
      serve(request, response, parts).catch((error: unknown) => refuse(request, response, error, log));
    },
    sweep: () => sweeper.run(),
    sweepSoon: () => sweeper.soon(),
    async dispose() {
      uploads.dispose();
      await sweeper.dispose();
      await through.dispose();
    },
  };
}

async function serve(request: IncomingMessage, response: ServerResponse, parts: Parts): Promise<void> {
  response.setHeader('docker-distribution-api-version', 'registry/2.0');
  response.setHeader('x-content-type-options', 'nosniff');
  const { path, query } = parsePath(request.url ?? '/');
  if (path === tokenPath) return parts.access.serveToken(request, response);
  if (path === '/healthz') return send(response, 200);
  if (path === '/v2/' || path === '/v2') {
    await parts.access.identify(request);
    return send(response, 200, { 'content-type': 'application/json' }, '{}');
  }
  if (path === '/v2/_catalog') return serveCatalog({ request, response, query }, parts);
  if (path.startsWith(adminBlobs)) return serveAdminBlob(request, response, path.slice(adminBlobs.length), parts);
  if (!path.startsWith('/v2/')) throw new RegistryFailure(404, 'UNSUPPORTED', 'this is an image registry; its paths start with /v2/');
  const rest = path.slice('/v2/'.length);
  for (const { pattern, handler } of routes) {
    const [, full = '', reference = ''] = pattern.exec(rest) ?? [];
    if (full === '') continue;
    if (!isRepositoryPath(full)) throw new RegistryFailure(404, 'NAME_INVALID', `${JSON.stringify(full)} is not a repository name`);
    const [namespace = '', name = '', ...more] = full.split('/');
    if (name === '' || more.length > 0) throw new RegistryFailure(404, 'NAME_INVALID', `${full}: repositories of this registry are named <project>/<image stream>`);
    return handler({ request, response, query, repository: { namespace, name }, reference }, parts);
  }
  throw new RegistryFailure(404, 'UNSUPPORTED', 'the registry has no such path');
}

function parsePath(target: string): { path: string; query: URLSearchParams } {
  try {
    const url = new URL(target, 'http://registry');
    return { path: decodeURIComponent(url.pathname), query: url.searchParams };
  } catch {
    throw new RegistryFailure(400, 'NAME_INVALID', 'the path is not valid');
  }
}

function refuse(request: IncomingMessage, response: ServerResponse, error: unknown, log: Log): void {
  if (request.destroyed && !request.complete) {
    // The client went away in the middle of its body.
    response.destroy();
    return;
  }
  const failure = toFailure(error);
  if (failure.status >= 500) log.error('request failed', { method: request.method, path: request.url?.split('?')[0], error });
  if (response.headersSent) {
    response.destroy();
    return;
  }
  // What is left of the body is not worth reading.
  const close: Record<string, string> = request.complete ? {} : { connection: 'close' };
  const body = JSON.stringify({ errors: [{ code: failure.code, message: failure.message }] });
  send(response, failure.status, { ...failure.headers, ...close, 'content-type': 'application/json' }, body);
  if (!request.complete) request.resume();
}
