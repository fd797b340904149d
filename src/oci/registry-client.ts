/** A client of OCI registries (distribution specification 1.1) and of docker.io. Content is believed only once its digest was checked. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, rename, rm, stat } from 'node:fs/promises';
import { digestOf, DigestMismatch, isDigest, splitDigest } from './digest.ts';
import { writeFrom } from './file-transfer.ts';
import { choosePlatform, hostPlatform, parseConfig, parseManifest, type Descriptor, type ImageConfig, type ImageManifest, type ParsedManifest, type Platform } from './manifest.ts';
import { manifestAccept } from './media-types.ts';
import type { ImageReference } from './reference.ts';
import { isRegistryError, RegistryError } from './registry-error.ts';
import { readBytes, readText, RegistryTransport, type TransportOptions } from './registry-transport.ts';

export type RegistryClientOptions = TransportOptions;

export type FetchedManifest = ParsedManifest & { digest: string; bytes: Buffer };

export interface FetchedImage {
  /** Of the image manifest, after the choice of a platform. */
  digest: string;
  /** Of what the reference names: differs from `digest` for an index. */
  listDigest: string;
  mediaType: string;
  bytes: Buffer;
  manifest: ImageManifest;
  config: ImageConfig;
  configBytes: Buffer;
}

/** Content to push. */
export type BlobSource = Pick<Descriptor, 'digest' | 'size'> & {
  /** Bytes, the path of a file, or a function that opens the content anew each time. Absent: it must be there or be mounted. */
  content?: Uint8Array | string | (() => AsyncIterable<Uint8Array>);
  /** Repository of the same registry that holds it. */
  mountFrom?: string;
};

export interface TransferOptions {
  signal?: AbortSignal;
  /** Bytes done so far of this blob; those in the file when it is pulled into one. */
  onProgress?: ((bytes: number) => void) | undefined;
}

export interface PushOptions extends TransferOptions {
  /** Send in pieces of this size. */
  chunkBytes?: number;
  /**
   * Content goes with the first request (distribution-spec, "Single POST"), so that a client which is killed leaves no upload in the registry. One that does not
   * know this form gets it sent twice.
   */
  whole?: boolean;
}

const manifestLimit = 8 * 2 ** 20;
const configLimit = 16 * 2 ** 20;
const defaultTransferAttempts = 4;
const pagesOfTags = 1000;
/** Milliseconds. */
const dropPatience = 2000;

export interface RegistryClient {
  /** Throws if the registry cannot be reached or does not let us in. */
  ping(signal?: AbortSignal): Promise<void>;
  /** The digest a tag or digest stands for; undefined if there is none. */
  resolve(repository: string, reference: string, signal?: AbortSignal): Promise<string | undefined>;
  manifest(repository: string, reference: string, signal?: AbortSignal): Promise<FetchedManifest>;
  /** Manifest and configuration of an image, that of `platform` (default: this machine's) if the reference is an index. */
  image(repository: string, reference: string, options?: { platform?: Platform; signal?: AbortSignal }): Promise<FetchedImage>;
  tags(repository: string, signal?: AbortSignal): Promise<string[]>;
  hasBlob(repository: string, digest: string, signal?: AbortSignal): Promise<boolean>;
  /** The content, resumed if the connection breaks; throws `DigestMismatch` at its end if it is not what was asked for. */
  readBlob(repository: string, blob: Descriptor, options?: TransferOptions): AsyncIterable<Buffer>;
  /** Into a file. What an earlier attempt left in `<file>.part` is continued. */
  pullBlob(repository: string, blob: Descriptor, file: string, options?: TransferOptions): Promise<void>;
  /** Looks first, then mounts if it can, then uploads; in pieces of `chunkBytes` if given. */
  pushBlob(repository: string, blob: BlobSource, options?: PushOptions): Promise<'present' | 'mounted' | 'pushed'>;
  /** Under a tag or the digest itself; answers with the digest. */
  pushManifest(repository: string, reference: string, manifest: { mediaType: string; bytes: Uint8Array }, signal?: AbortSignal): Promise<string>;
  /** Blobs first, then the manifest. */
  pushImage(repository: string, reference: string, image: { blobs: readonly BlobSource[]; manifest: { mediaType: string; bytes: Uint8Array } }, options?: PushOptions): Promise<string>;
  close(): void;
}

export function registryClient(options: RegistryClientOptions): RegistryClient {
  return new Registry(new RegistryTransport(options), options.attempts ?? defaultTransferAttempts);
}

/** A client for the registry that holds `reference`; its own loopback names may speak plain HTTP, as with other engines. */
export function registryClientFor(reference: Pick<ImageReference, 'host'>, options: Omit<RegistryClientOptions, 'baseUrl'> = {}): RegistryClient {
  const host = reference.host === 'docker.io' ? 'registry-1.docker.io' : reference.host;
  const loopback = /^(?:localhost|127(?:\.\d+){3}|\[::1\])(?::|$)/.test(host);
  return registryClient({ insecure: loopback, ...options, baseUrl: `https://${host}` });
}

class Registry implements RegistryClient {
  readonly #transport: RegistryTransport;
  readonly #transferAttempts: number;

  constructor(transport: RegistryTransport, transferAttempts: number) {
    this.#transport = transport;
    this.#transferAttempts = transferAttempts;
  }

  async ping(signal?: AbortSignal): Promise<void> {
    (await this.#transport.send({ method: 'GET', url: '/v2/', signal })).body.resume();
  }

  async resolve(repository: string, reference: string, signal?: AbortSignal): Promise<string | undefined> {
    const head = await this.#transport.send({ method: 'HEAD', url: manifestUrl(repository, reference), headers: { accept: manifestAccept }, scope: pull(repository), accept: [200, 404], signal });
    head.body.resume();
    if (head.status === 404) return undefined;
    const digest = head.headers['docker-content-digest'];
    return typeof digest === 'string' && isDigest(digest) ? digest : (await this.manifest(repository, reference, signal)).digest;
  }

  async manifest(repository: string, reference: string, signal?: AbortSignal): Promise<FetchedManifest> {
    const { headers, body } = await this.#transport.send({ method: 'GET', url: manifestUrl(repository, reference), headers: { accept: manifestAccept }, scope: pull(repository), signal });
    const bytes = await readBytes(body, manifestLimit);
    const digest = isDigest(reference) ? reference : digestOf(bytes);
    const actual = digestOf(bytes, splitDigest(digest).algorithm);
    if (actual !== digest) throw new DigestMismatch(digest, actual);
    return { ...parseManifest(bytes, headers['content-type']), digest, bytes };
  }

  async image(repository: string, reference: string, options: { platform?: Platform; signal?: AbortSignal } = {}): Promise<FetchedImage> {
    const { platform = hostPlatform(), signal } = options;
    const named = await this.manifest(repository, reference, signal);
    let found = named;
    for (let depth = 0; found.kind === 'index'; depth++) {
      const chosen = choosePlatform(found.manifest, platform);
      if (!chosen || depth > 3) throw new RegistryError('NotFound', `${this.#transport.host}/${repository}:${reference} has no image for ${platform.os}/${platform.architecture}`);
      found = await this.manifest(repository, chosen.digest, signal);
    }
    const { config: descriptor } = found.manifest;
    if (descriptor.size > configLimit) throw new RegistryError('Refused', `the configuration of ${repository} has ${descriptor.size} bytes`);
    const configBytes = await readBytes(this.readBlob(repository, descriptor, signal ? { signal } : {}), configLimit);
    return { digest: found.digest, listDigest: named.digest, mediaType: found.mediaType, bytes: found.bytes, manifest: found.manifest, config: parseConfig(configBytes), configBytes };
  }

  async tags(repository: string, signal?: AbortSignal): Promise<string[]> {
    const tags: string[] = [];
    let url: string | undefined = `/v2/${repository}/tags/list`;
    for (let page = 0; url !== undefined && page < pagesOfTags; page++) {
      const response = await this.#transport.send({ method: 'GET', url, scope: pull(repository), signal });
      const document = JSON.parse(await readText(response.body, manifestLimit)) as { tags?: string[] | null };
      tags.push(...(document.tags ?? []));
      const next = /<([^>]+)>\s*;\s*rel="?next"?/.exec(String(response.headers.link ?? ''))?.[1];
      url = next === undefined ? undefined : new URL(next, response.url).href;
    }
    return tags;
  }

  async hasBlob(repository: string, digest: string, signal?: AbortSignal): Promise<boolean> {
    const head = await this.#transport.send({ method: 'HEAD', url: blobUrl(repository, digest), scope: pull(repository), accept: [200, 404], signal });
    head.body.resume();
    return head.status === 200;
  }

  readBlob(repository: string, blob: Descriptor, options: TransferOptions = {}): AsyncIterable<Buffer> {
    return this.#read(repository, blob, createHash(splitDigest(blob.digest).algorithm), 0, options);
  }

  async pullBlob(repository: string, blob: Descriptor, file: string, options: TransferOptions = {}): Promise<void> {
    const part = `${file}.part`;
    const had = await stat(part).then((one) => (one.size < blob.size ? one.size : 0), () => 0);
    const hash = createHash(splitDigest(blob.digest).algorithm);
    if (had > 0) for await (const chunk of createReadStream(part, { end: had - 1 })) hash.update(chunk as Buffer);
    const out = await open(part, had > 0 ? 'r+' : 'w', 0o600);
    try {
      await out.truncate(had);
      let position = had;
      const onWritten = (bytes: number): void => options.onProgress?.((position += bytes));
      onWritten(0);
      await writeFrom(this.#read(repository, blob, hash, had, { ...options, onProgress: undefined }), out, had, { onWritten });
      await out.sync();
    } catch (error) {
      // Damaged content must not be continued.
      if (error instanceof DigestMismatch) await rm(part, { force: true });
      throw error;
    } finally {
      await out.close();
    }
    await rename(part, file);
  }

  async *#read(repository: string, blob: Descriptor, hash: ReturnType<typeof createHash>, from: number, { signal, onProgress }: TransferOptions): AsyncGenerator<Buffer> {
    let done = from;
    for (let attempt = 1; done < blob.size || blob.size === 0; attempt++) {
      try {
        const ranged = done > 0;
        const response = await this.#transport.send({ method: 'GET', url: blobUrl(repository, blob.digest), scope: pull(repository), signal, ...(ranged && { headers: { range: `bytes=${done}-` } }) });
        // A registry that ignores ranges starts from the beginning: what we have is skipped.
        let skip = response.status === 206 ? 0 : done;
        for await (const chunk of response.body as AsyncIterable<Buffer>) {
          const fresh = skip > 0 ? chunk.subarray(Math.min(skip, chunk.length)) : chunk;
          skip -= chunk.length - fresh.length;
          if (fresh.length === 0) continue;
          done += fresh.length;
          if (done > blob.size) throw new DigestMismatch(blob.digest, `more than ${blob.size} bytes`);
          hash.update(fresh);
          onProgress?.(done);
          yield fresh;
        }
        if (done >= blob.size) break;
        throw new RegistryError('Unreachable', `the connection to ${this.#transport.host} ended after ${done} of ${blob.size} bytes`);
      } catch (error) {
        signal?.throwIfAborted();
        const broken = isRegistryError(error, 'Unreachable') || ['ECONNRESET', 'ETIMEDOUT', 'EPIPE', 'ERR_STREAM_PREMATURE_CLOSE'].includes((error as NodeJS.ErrnoException).code ?? '');
        if (!broken || attempt >= this.#transferAttempts) throw error;
        await this.#transport.pause(attempt, signal);
      }
    }
    const { algorithm } = splitDigest(blob.digest);
    const actual = `${algorithm}:${hash.digest('hex')}`;
    if (actual !== blob.digest) throw new DigestMismatch(blob.digest, actual);
  }

  async pushBlob(repository: string, blob: BlobSource, options: PushOptions = {}): Promise<'present' | 'mounted' | 'pushed'> {
    const { signal } = options;
    const scope = push(repository);
    const head = await this.#transport.send({ method: 'HEAD', url: blobUrl(repository, blob.digest), scope, accept: [200, 404], signal });
    head.body.resume();
    if (head.status === 200) return 'present';
    for (let attempt = 1; ; attempt++) {
      const whole = options.whole === true && blob.mountFrom === undefined && blob.content !== undefined;
      const query = blob.mountFrom !== undefined ? `?mount=${blob.digest}&from=${encodeURIComponent(blob.mountFrom)}` : whole ? `?digest=${blob.digest}` : '';
      const { content } = blob;
      let session: URL | undefined;
      try {
        const body = whole && content !== undefined ? { length: blob.size, open: () => counted(openContent(content)(0, blob.size), 0, options.onProgress) } : undefined;
        const start = await this.#transport.send({ method: 'POST', url: `/v2/${repository}/blobs/uploads/${query}`, scope, signal, ...(body && { body, attempts: 1, headers: { 'content-type': 'application/octet-stream' } }) });
        start.body.resume();
        if (start.status === 201) return whole ? 'pushed' : 'mounted';
        session = uploadUrl(start.headers.location, start.url);
        if (content === undefined) throw new RegistryError('NotFound', `${this.#transport.host} does not have ${blob.digest} in ${blob.mountFrom ?? repository}, and it is not here either`);
        await this.#upload(session, scope, blob, openContent(content), options);
        return 'pushed';
      } catch (error) {
        if (session) await this.#drop(session, scope);
        if (!isRegistryError(error, 'Unreachable', 'ServerError') || attempt >= this.#transferAttempts) throw error;
        await this.#transport.pause(attempt, signal);
      }
    }
  }

  /** An upload that is given up: the registry need not keep what came of it. */
  async #drop(session: URL, scope: string): Promise<void> {
    await this.#transport.send({ method: 'DELETE', url: session.href, scope, accept: [200, 202, 204, 404, 405], attempts: 1, signal: AbortSignal.timeout(dropPatience) }).then(({ body }) => body.resume(), () => undefined);
  }

  async #upload(url: URL, scope: string, blob: BlobSource, content: (start: number, end: number) => AsyncIterable<Uint8Array>, options: TransferOptions & { chunkBytes?: number }): Promise<void> {
    const { signal, chunkBytes = Number.MAX_SAFE_INTEGER, onProgress } = options;
    const body = (start: number, end: number) => ({ length: end - start, open: () => counted(content(start, end), start, onProgress) });
    const headers = { 'content-type': 'application/octet-stream' };
    let at = 0;
    while (blob.size - at > chunkBytes) {
      const end = at + chunkBytes;
      const part = await this.#transport.send({ method: 'PATCH', url: url.href, scope, signal, attempts: 1, headers: { ...headers, 'content-range': `${at}-${end - 1}` }, body: body(at, end) });
      part.body.resume();
      url = uploadUrl(part.headers.location, part.url);
      at = end;
    }
    url.searchParams.set('digest', blob.digest);
    const range: Record<string, string> = at > 0 ? { 'content-range': `${at}-${blob.size - 1}` } : {};
    const last = await this.#transport.send({ method: 'PUT', url: url.href, scope, signal, attempts: 1, headers: { ...headers, ...range }, body: body(at, blob.size) });
    last.body.resume();
  }

  async pushManifest(repository: string, reference: string, manifest: { mediaType: string; bytes: Uint8Array }, signal?: AbortSignal): Promise<string> {
    const body = { length: manifest.bytes.length, open: () => once(manifest.bytes) };
    const response = await this.#transport.send({ method: 'PUT', url: manifestUrl(repository, reference), scope: push(repository), headers: { 'content-type': manifest.mediaType }, body, signal });
    response.body.resume();
    const digest = isDigest(reference) ? reference : digestOf(manifest.bytes);
    const said = response.headers['docker-content-digest'];
    if (said !== undefined && said !== digest) throw new DigestMismatch(digest, String(said));
    return digest;
  }

  async pushImage(repository: string, reference: string, image: { blobs: readonly BlobSource[]; manifest: { mediaType: string; bytes: Uint8Array } }, options: PushOptions = {}): Promise<string> {
    for (const blob of image.blobs) await this.pushBlob(repository, blob, options);
    return this.pushManifest(repository, reference, image.manifest, options.signal);
  }

  close(): void {
    this.#transport.close();
  }
}

const pull = (repository: string) => `repository:${repository}:pull`;
const push = (repository: string) => `repository:${repository}:pull,push`;
const manifestUrl = (repository: string, reference: string) => `/v2/${repository}/manifests/${reference}`;
const blobUrl = (repository: string, digest: string) => `/v2/${repository}/blobs/${digest}`;

function uploadUrl(location: string | undefined, base: URL): URL {
  if (!location) throw new RegistryError('Refused', `the registry ${base.host} opened an upload without saying where`);
  return new URL(location, base);
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

/** The bytes from `start` to before `end`; a function gives the whole, of which a part is cut. */
function openContent(content: NonNullable<BlobSource['content']>): (start: number, end: number) => AsyncIterable<Uint8Array> {
  if (typeof content === 'string') return (start, end) => (end > start ? (createReadStream(content, { start, end: end - 1, highWaterMark: 256 * 1024 }) as AsyncIterable<Buffer>) : once(Buffer.alloc(0)));
  if (typeof content !== 'function') return (start, end) => once(content.subarray(start, end));
  return async function* (start, end) {
    let at = 0;
    for await (const chunk of content()) {
      const part = chunk.subarray(Math.max(0, start - at), Math.max(0, end - at));
      at += chunk.length;
      if (part.length > 0) yield part;
      if (at >= end) return;
    }
  };
}

async function* counted(content: AsyncIterable<Uint8Array>, start: number, onProgress: TransferOptions['onProgress']): AsyncGenerator<Uint8Array> {
  let at = start;
  for await (const chunk of content) {
    yield chunk;
    at += chunk.length;
    onProgress?.(at);
  }
}
