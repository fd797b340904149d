/** `GET`, `HEAD`, `DELETE /v2/<repository>/blobs/<digest>`. */
import { pipeline } from 'node:stream/promises';
import { RegistryFailure } from './failure.ts';
import { requireDigest, send, unsupported, type Exchange, type Handler, type Parts } from './exchange.ts';
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
      if (!(await parts.links.removeBlob(repository, requireDigest(exchange.reference)))) throw unknownBlob(exchange.reference);
      return send(response, 202);
    }
    default:
      return unsupported();
  }
};

async function content({ request, response, repository, reference }: Exchange, parts: Parts): Promise<void> {
  const digest = requireDigest(reference);
  const linked = (await parts.links.hasBlob(repository, digest)) || (await linkFromStream(parts, repository, digest));
  const size = linked ? await parts.blobs.size(digest) : undefined;
  if (size === undefined) throw unknownBlob(digest);
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
  if (range) response.writeHead(206, { ...headers, 'content-length': range.end - range.start + 1, 'content-range': `bytes ${range.start}-${range.end}/${size}` });
  else response.writeHead(200, { ...headers, 'content-length': size });
  // A client that goes away is no failure of ours; the stream ends with it.
  await pipeline(parts.blobs.stream(digest, range), response).catch(() => response.destroy());
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
