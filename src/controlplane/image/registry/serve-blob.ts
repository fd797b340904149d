/** `GET`, `HEAD`, `DELETE /v2/<repository>/blobs/<digest>`. */
import type { FileHandle } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { writeTo } from '../../../oci/file-transfer.ts';
import { RegistryFailure } from './failure.ts';
import { requireDigest, send, unsupported, type Exchange, type Handler, type Parts } from './exchange.ts';
import type { Fetch } from './fetch.ts';
import { linkFromStream } from './stream-images.ts';

export const serveBlob: Handler = async (exchange, parts) => {
  const { request, response, repository } = exchange;
  switch (request.method) {
    case 'GET':
    case 'HEAD':
      await parts.access.require(request, 'pull', repository);
      return content(exchange, parts);
    case 'DELETE': {
      await parts.access.require(request, 'delete', repository);
      const digest = requireDigest(exchange.reference);
      if (!(await parts.use.exclusive(digest, () => parts.links.removeBlob(repository, digest)))) throw unknownBlob(digest);
      return send(response, 202);
    }
    default:
      return unsupported();
  }
};

async function content({ request, response, repository, reference }: Exchange, parts: Parts): Promise<void> {
  const digest = requireDigest(reference);
  const link = (await parts.links.blob(repository, digest)) ?? ((await linkFromStream(parts, repository, digest)) ? {} : undefined);
  if (!link) throw unknownBlob(digest);
  // Whoever asks whether it is here means to use it; a sweep may have been quicker.
  if (request.method === 'HEAD' && !(await parts.use.exclusive(digest, () => parts.links.renew(repository, '_blobs', digest)))) throw unknownBlob(digest);
  const here = await parts.blobs.size(digest);
  const size = here ?? link.size;
  if (size === undefined || (here === undefined && !link.origin)) throw unknownBlob(digest);
  const headers = { 'content-type': 'application/octet-stream', 'docker-content-digest': digest, 'accept-ranges': 'bytes', etag: `"${digest}"`, 'cache-control': 'private, max-age=31536000, immutable' };
  if (request.headers['if-none-match'] === headers.etag) {
    response.writeHead(304, headers).end();
    return;
  }
  if (request.method === 'HEAD') {
    response.writeHead(200, { ...headers, 'content-length': size }).end();
    return;
  }
  const range = parseRange(request.headers.range, size);
  if (range === 'unsatisfiable') return send(response, 416, { 'content-range': `bytes */${size}` });
  // Opened before anything is promised: what is open stays readable.
  let file = await parts.blobs.openFile(digest);
  let fetch: Fetch | undefined;
  if (!file) {
    fetch = parts.through.blob(repository, digest, link);
    file = await fetch?.openFile();
  }
  if (!file) throw unknownBlob(digest);
  if (range) response.writeHead(206, { ...headers, 'content-length': range.end - range.start + 1, 'content-range': `bytes ${range.start}-${range.end}/${size}` });
  else response.writeHead(200, { ...headers, 'content-length': size });
  await stream(response, file, range ?? { start: 0, end: size - 1 }, fetch);
}

async function stream(response: ServerResponse, file: FileHandle, range: { start: number; end: number }, fetch: Fetch | undefined): Promise<void> {
  try {
    await writeTo(response, file, range, fetch && ((position) => fetch.until(position)));
    response.end();
  } catch {
    // A client that goes away is no failure of ours; one that is given too little notices by the length.
    response.destroy();
  } finally {
    await file.close();
  }
}

/** One range; several, or something else, are answered with the whole. `end` is inclusive. */
function parseRange(header: string | undefined, size: number): { start: number; end: number } | 'unsatisfiable' | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header ?? '');
  if (!match || (match[1] === '' && match[2] === '')) return undefined;
  const [first = '', last = ''] = match.slice(1);
  const start = first === '' ? Math.max(0, size - Number(last)) : Number(first);
  const end = first === '' || last === '' ? size - 1 : Math.min(Number(last), size - 1);
  if (first !== '' && last !== '' && Number(last) < Number(first)) return undefined;
  return start >= size ? 'unsatisfiable' : { start, end };
}

function unknownBlob(digest: string): RegistryFailure {
  return new RegistryFailure(404, 'BLOB_UNKNOWN', `blob ${digest} is not in this repository`);
}
