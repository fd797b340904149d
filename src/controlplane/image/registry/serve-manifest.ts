/** `GET`, `HEAD`, `PUT`, `DELETE /v2/<repository>/manifests/<tag or digest>`. The bytes are kept exactly as they came. */
import type { IncomingMessage } from 'node:http';
import { digestOf, splitDigest } from '../../../oci/digest.ts';
import { InvalidManifest, parseManifest, type ParsedManifest } from '../../../oci/manifest.ts';
import { isNonDistributable } from '../../../oci/media-types.ts';
import { isTag } from '../../../oci/reference.ts';
import { bodyOf, requireDigest, send, unsupported, type Exchange, type Handler, type Parts } from './exchange.ts';
import { RegistryFailure } from './failure.ts';
import { referrerOf } from './referrer.ts';
import { formatRepository, type RepositoryName } from './repository.ts';
import { findManifest } from './stream-images.ts';

/** The specification asks for at least this much. */
export const manifestLimit = 4 * 2 ** 20;
/** Configurations are read whole for the Image object; larger ones are stored but not shown. */
const configLimit = 4 * 2 ** 20;
/** Tags given to a manifest by one request. */
const tagLimit = 100;

export const serveManifest: Handler = async (exchange, parts) => {
  const { request, repository } = exchange;
  switch (request.method) {
    case 'GET':
    case 'HEAD':
      await parts.access.require(request, 'pull', repository);
      return get(exchange, parts);
    case 'PUT':
      return put(exchange, parts);
    case 'DELETE':
      return remove(exchange, parts);
    default:
      return unsupported();
  }
};

async function get({ request, response, repository, reference }: Exchange, parts: Parts): Promise<void> {
  const digest = isDigestReference(reference) ? requireDigest(reference) : await parts.streams.resolve(repository, requireTag(reference));
  const link = digest === undefined ? undefined : await findManifest(parts, repository, digest);
  const bytes = digest === undefined || !link ? undefined : await parts.blobs.read(digest);
  if (digest === undefined || !link || !bytes) throw await unknownManifest(parts, repository, reference);
  // What it names is asked for next.
  parts.use.lease(digest);
  const headers = { 'content-type': link.mediaType, 'docker-content-digest': digest, etag: `"${digest}"` };
  if (request.headers['if-none-match'] === headers.etag) response.writeHead(304, headers).end();
  else response.writeHead(200, { ...headers, 'content-length': bytes.length }).end(request.method === 'HEAD' ? undefined : bytes);
}

async function put({ request, response, repository, reference, query }: Exchange, parts: Parts): Promise<void> {
  const user = await parts.access.require(request, 'push', repository);
  const byDigest = isDigestReference(reference);
  const wanted = byDigest ? requireDigest(reference) : undefined;
  const tags = byDigest ? query.getAll('tag').map(requireTag) : [requireTag(reference)];
  if (tags.length > tagLimit) throw new RegistryFailure(414, 'UNSUPPORTED', `a manifest is given at most ${tagLimit} tags at once`);
  const bytes = await readBody(request);
  const parsed = parse(bytes, request.headers['content-type']);
  const digest = digestOf(bytes, wanted === undefined ? 'sha256' : splitDigest(wanted).algorithm);
  if (wanted !== undefined && wanted !== digest) throw new RegistryFailure(400, 'DIGEST_INVALID', `the manifest has digest ${digest}, not ${wanted}`);
  await requireContent(parts, repository, parsed);
  const warnings = await parts.limits.admit(repository, { digest, bytes: sizeOf(parsed), tags });
  const { subject } = parsed.manifest;
  const config = parsed.kind === 'image' && parsed.manifest.config.size <= configLimit ? await parts.blobs.read(parsed.manifest.config.digest) : undefined;
  const pushed = { ...parsed, digest, bytes, ...(config && { config }) };
  await parts.use.exclusive(digest, async () => {
    parts.use.linking(digest);
    await parts.blobs.put(digest, bytes);
    await parts.links.addManifest(repository, digest, { mediaType: parsed.mediaType, size: bytes.length, ...(subject && { subject: subject.digest }) }, referrerOf(parsed, digest, bytes.length));
    for (const tag of tags.length > 0 ? tags : [undefined]) await parts.streams.put(repository, tag, pushed, user);
  });
  send(response, 201, {
    location: `/v2/${formatRepository(repository)}/manifests/${digest}`,
    'docker-content-digest': digest,
    ...(byDigest && tags.length > 0 && { 'oci-tag': tags }),
    ...(subject && { 'oci-subject': subject.digest }),
    ...(warnings.length > 0 && { warning: warnings.map(warningValue) }),
  });
}

/** RFC 7234 5.5 as the distribution specification asks for it: code 299, no agent, a quoted text. */
function warningValue(text: string): string {
  return `299 - "${text.replace(/[\\"]/g, '\\$&').replace(/[^\x20-\x7e]/g, '?')}"`;
}

/** Bytes of everything an image consists of; the images of an index count for themselves. */
function sizeOf(parsed: ParsedManifest): number {
  return parsed.kind === 'image' ? parsed.manifest.config.size + parsed.manifest.layers.reduce((sum, { size }) => sum + size, 0) : 0;
}

async function remove({ request, response, repository, reference }: Exchange, parts: Parts): Promise<void> {
  if (!isDigestReference(reference)) {
    const tag = requireTag(reference);
    const user = await parts.access.identify(request);
    if (!(await parts.access.may(user, { verb: 'delete', resource: 'imagestreamtags', namespace: repository.namespace, name: `${repository.name}:${tag}` })))
      throw new RegistryFailure(403, 'DENIED', `user "${user.username}" may not delete image stream tag ${repository.name}:${tag} in project ${repository.namespace}`);
    if (!(await parts.streams.removeTag(repository, tag))) throw await unknownManifest(parts, repository, reference);
    return send(response, 202);
  }
  const digest = requireDigest(reference);
  await parts.access.require(request, 'delete', repository);
  await parts.use.exclusive(digest, async () => {
    // The history of a stream would point to nothing.
    if (await parts.streams.holds(repository, digest)) throw new RegistryFailure(405, 'UNSUPPORTED', `image stream ${formatRepository(repository)} still shows ${digest}; delete its tag first`);
    if (!(await parts.links.removeManifest(repository, digest))) throw await unknownManifest(parts, repository, reference);
  });
  send(response, 202);
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of bodyOf(request)) {
    length += chunk.length;
    if (length > manifestLimit) throw new RegistryFailure(413, 'SIZE_INVALID', `a manifest may have at most ${manifestLimit} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function parse(bytes: Buffer, contentType: string | undefined): ParsedManifest {
  try {
    return parseManifest(bytes, contentType);
  } catch (error) {
    if (error instanceof InvalidManifest) throw new RegistryFailure(400, 'MANIFEST_INVALID', error.message);
    throw error;
  }
}

async function requireContent(parts: Parts, repository: RepositoryName, parsed: ParsedManifest): Promise<void> {
  if (parsed.kind === 'index') {
    for (const { digest } of parsed.manifest.manifests) if (!(await findManifest(parts, repository, digest))) throw missing(`manifest ${digest}`);
    return;
  }
  for (const { digest, mediaType } of [parsed.manifest.config, ...parsed.manifest.layers]) {
    if (isNonDistributable(mediaType)) continue;
    // Renewed, so that no sweep takes it before the manifest counts on it.
    const held = await parts.use.exclusive(digest, () => parts.links.renew(repository, '_blobs', digest));
    const here = held && ((await parts.blobs.size(digest)) !== undefined || (await parts.links.blob(repository, digest))?.origin !== undefined);
    if (!here) throw missing(`blob ${digest}`);
  }
}

function missing(what: string): RegistryFailure {
  return new RegistryFailure(404, 'MANIFEST_BLOB_UNKNOWN', `${what} is not in this repository; push it first`);
}

function isDigestReference(reference: string): boolean {
  return reference.includes(':');
}

function requireTag(tag: string): string {
  if (!isTag(tag)) throw new RegistryFailure(400, 'MANIFEST_INVALID', `${JSON.stringify(tag)} is not a tag`);
  return tag;
}

async function unknownManifest(parts: Parts, repository: RepositoryName, reference: string): Promise<RegistryFailure> {
  const known = (await parts.links.hasRepository(repository)) || (await parts.streams.tags(repository)) !== undefined;
  const name = formatRepository(repository);
  return known ? new RegistryFailure(404, 'MANIFEST_UNKNOWN', `${name} has no image ${reference}`) : new RegistryFailure(404, 'NAME_UNKNOWN', `there is no image stream ${name}`);
}
