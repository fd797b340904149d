/** Uploads of blobs: `POST /v2/<repository>/blobs/uploads/`, then `PATCH`, `PUT`, `GET`, `DELETE` on the upload. */
import type { IncomingMessage } from 'node:http';
import type { DigestAlgorithm } from '../../../oci/digest.ts';
import { splitDigest } from '../../../oci/digest.ts';
import { isRepositoryPath } from '../../../oci/reference.ts';
import { bodyOf, requireDigest, send, unsupported, type Exchange, type Handler, type Parts } from './exchange.ts';
import { RegistryFailure } from './failure.ts';
import { formatRepository, type RepositoryName } from './repository.ts';
import type { Upload } from './uploads.ts';

export const serveUpload: Handler = async (exchange, parts) => {
  const { request, response, repository, query, reference } = exchange;
  const user = await parts.access.require(request, 'push', repository);
  if (reference === '') return request.method === 'POST' ? start(exchange, parts, (from) => parts.access.allowed(user, 'pull', from)) : unsupported();
  const upload = parts.uploads.find(reference, formatRepository(repository));
  switch (request.method) {
    case 'GET':
      return send(response, 204, progress(upload));
    case 'DELETE':
      await parts.uploads.cancel(upload);
      return send(response, 204);
    case 'PATCH':
      if (!inOrder(request, upload)) return outOfOrder(exchange, upload);
      await append(exchange, parts, upload);
      return send(response, 202, progress(upload));
    case 'PUT': {
      const digest = requireDigest(query.get('digest'));
      if (!inOrder(request, upload)) return outOfOrder(exchange, upload);
      await append(exchange, parts, upload);
      return finish(exchange, parts, upload, digest);
    }
    default:
      return unsupported();
  }
};

async function start(exchange: Exchange, parts: Parts, mayPull: (from: RepositoryName) => Promise<boolean>): Promise<void> {
  const { request, response, repository, query } = exchange;
  if (query.has('mount')) {
    const digest = requireDigest(query.get('mount'));
    const from = sourceOf(query.get('from'));
    // A mount that cannot be is an ordinary upload: the client must not learn whether another repository has the blob.
    if (from && (await mayPull(from)) && (await mount(parts, repository, from, digest))) {
      request.resume();
      return created(exchange, digest);
    }
  }
  const digest = query.has('digest') ? requireDigest(query.get('digest')) : undefined;
  const algorithm = digest === undefined ? algorithmOf(query.get('digest-algorithm')) : splitDigest(digest).algorithm;
  const upload = await parts.uploads.begin(formatRepository(repository), { algorithm, single: digest !== undefined });
  if (digest === undefined) {
    request.resume();
    return send(response, 202, progress(upload));
  }
  try {
    await append(exchange, parts, upload);
  } catch (error) {
    // Nobody knows its name: it cannot be continued.
    await parts.uploads.drop(upload);
    throw error;
  }
  return finish(exchange, parts, upload, digest);
}

async function mount({ links, blobs, through, use }: Parts, repository: RepositoryName, from: RepositoryName, digest: string): Promise<boolean> {
  const link = await links.blob(from, digest);
  if (!link) return false;
  // Content that is still elsewhere comes here first: the new owner may have no credentials for it.
  if ((await blobs.size(digest)) === undefined && !(await through.blob(from, digest, link)?.ended.then(() => true, () => false))) return false;
  return use.exclusive(digest, async () => {
    if ((await blobs.size(digest)) === undefined) return false;
    use.linking(digest);
    await links.addBlob(repository, digest);
    return true;
  });
}

async function append({ request, repository }: Exchange, { limits, uploads }: Parts, upload: Upload): Promise<void> {
  const bytes = await limits.largestImage(repository);
  const refusal = (): RegistryFailure => new RegistryFailure(403, 'DENIED', `an image of project ${repository.namespace} may have at most ${bytes} bytes (limit range, openshift.io/Image), this blob has more; make the image smaller or ask for a higher limit`);
  try {
    // Told before it is sent, where the length is known.
    if (upload.size + Number(request.headers['content-length'] ?? 0) > bytes) throw refusal();
    await upload.append(bodyOf(request), { bytes, refusal });
  } catch (error) {
    // What can never be finished does not wait for its time to run out, least of all on a full disk.
    const { code = '' } = error as NodeJS.ErrnoException;
    if ((error instanceof RegistryFailure && error.status === 403) || ['ENOSPC', 'EDQUOT', 'EIO'].includes(code)) await uploads.drop(upload);
    throw error;
  }
}

async function finish(exchange: Exchange, parts: Parts, upload: Upload, digest: string): Promise<void> {
  const { links, uploads, use } = parts;
  await use.exclusive(digest, async () => {
    use.linking(digest);
    await uploads.commit(upload, digest);
    await links.addBlob(exchange.repository, digest);
  });
  created(exchange, digest);
}

function outOfOrder({ request, response }: Exchange, upload: Upload): void {
  request.resume();
  send(response, 416, progress(upload));
}

function created({ response, repository }: Exchange, digest: string): void {
  send(response, 201, { location: `/v2/${formatRepository(repository)}/blobs/${digest}`, 'docker-content-digest': digest });
}

function progress(upload: Upload): Record<string, string> {
  return {
    location: `/v2/${upload.repository}/blobs/uploads/${upload.id}`,
    // Of an empty upload the specification's clients expect `0-0`.
    range: `0-${Math.max(0, upload.size - 1)}`,
    'docker-upload-uuid': upload.id,
  };
}

/** Chunks come in order; a request without `Content-Range` continues where the upload stands. */
function inOrder(request: IncomingMessage, upload: Upload): boolean {
  const header = request.headers['content-range'];
  if (header === undefined) return true;
  const match = /^(?:bytes[ =])?(\d+)-(\d+)(?:\/(?:\d+|\*))?$/.exec(header);
  if (!match) return false;
  const length = request.headers['content-length'];
  return Number(match[1]) === upload.size && (length === undefined || Number(length) === Number(match[2]) - Number(match[1]) + 1);
}

function sourceOf(from: string | null): RepositoryName | undefined {
  const [namespace, name, ...rest] = (from ?? '').split('/');
  return from !== null && isRepositoryPath(from) && namespace && name && rest.length === 0 ? { namespace, name } : undefined;
}

function algorithmOf(text: string | null): DigestAlgorithm {
  if (text === null || text === 'sha256' || text === 'sha512') return text ?? 'sha256';
  throw new RegistryFailure(400, 'DIGEST_INVALID', `digest algorithm ${JSON.stringify(text)} is not supported; use sha256 or sha512`);
}
