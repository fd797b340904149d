/** Runs imports into image streams, one at a time a stream: what is posted as ImageStreamImport, and what the import controller finds due. */
import { secrets } from '../../api/kinds/core.ts';
import { imageAnnotations, images, imageStreamImports, imageStreams, type Image, type ImageStream, type ImageStreamImport } from '../../api/kinds/image.ts';
import { copyJson } from '../../api/json.ts';
import { conflict, forbidden, isStatusError, notFound } from '../../api/status.ts';
import { systemClock, type Clock } from '../../base/clock.ts';
import type { Disposable } from '../../base/disposable.ts';
import type { Client } from '../../client/client.ts';
import { ifFound } from '../../client/if-found.ts';
import type { LateClient } from '../kernel/boot/late-client.ts';
import { exceededByImport } from './image-limits.ts';
import { innerStatus } from './import-failure.ts';
import { imagesOfImport, importIntoSpec, importIntoStatus, outcomesOf, unchangedSince } from './import-plan.ts';
import { Importer, type OpenRegistry } from './importer.ts';
import { changeStream, onceMade } from './stream-writes.ts';

export const pullSecretTypes = ['kubernetes.io/dockerconfigjson', 'kubernetes.io/dockercfg'];

interface StreamAt {
  namespace: string;
  name: string;
}

export class StreamImports implements Disposable {
  readonly #client: LateClient;
  readonly #open: OpenRegistry;
  readonly #ownHost: () => string | undefined;
  /** The last import of each stream that is under way. */
  readonly #running = new Map<string, Promise<unknown>>();
  readonly #ending = new AbortController();
  clock: Clock = systemClock;

  /** `ownHost`: of the platform's registry, once known. */
  constructor(client: LateClient, open: OpenRegistry, ownHost: () => string | undefined) {
    this.#client = client;
    this.#open = open;
    this.#ownHost = ownHost;
  }

  /** Resolves once no import of the stream is under way. */
  async settled({ namespace, name }: StreamAt): Promise<void> {
    await this.#running.get(`${namespace}/${name}`)?.catch(() => undefined);
  }

  /** Answers with the request and its outcome; only what cannot be written is thrown. `request` is filled in by `readImport`. */
  async run(request: ImageStreamImport, namespace: string, signal: AbortSignal): Promise<ImageStreamImport> {
    const at = { namespace, name: request.metadata.name };
    const key = `${namespace}/${at.name}`;
    const stop = AbortSignal.any([signal, this.#ending.signal]);
    const running = this.settled(at).then(() => this.#run(request, at, stop));
    this.#running.set(key, running);
    try {
      return await running;
    } finally {
      if (this.#running.get(key) === running) this.#running.delete(key);
    }
  }

  /** Gives up what is under way: nothing half imported is left, since a spec that was written asks for the rest again. */
  async dispose(): Promise<void> {
    this.#ending.abort(new Error('the platform is stopping'));
    await Promise.allSettled(this.#running.values());
  }

  async #run(request: ImageStreamImport, at: StreamAt, signal: AbortSignal): Promise<ImageStreamImport> {
    signal.throwIfAborted();
    const client = this.#client.get();
    const stream = await ifFound(client.get(imageStreams, at));
    checkPreconditions(request, stream);
    const importer = new Importer({ open: this.#open, configs: await pullConfigs(client, at.namespace), ownHost: this.#ownHost(), signal });
    const result: ImageStreamImport = { ...request, metadata: { ...request.metadata, namespace: at.namespace }, status: {} };
    try {
      const { images: wanted, repository } = request.spec;
      if (wanted) result.status.images = await importer.images(wanted, stream);
      if (repository) result.status.repository = await importer.repository(repository);
    } finally {
      importer.close();
    }
    if (!request.spec.import) return result;
    await this.#hold(client, at, result, stream);
    for (const image of imagesOfImport(result)) await createImage(client, image);
    result.status.import = await this.#record(client, at, result, stream);
    return result;
  }

  /** Throws 403 for what the project's limits do not allow. Nothing of it is imported then, and tags that wait for it tell why. */
  async #hold(client: Client, at: StreamAt, result: ImageStreamImport, before: ImageStream | undefined): Promise<void> {
    const now = this.clock.now();
    const outcomes = outcomesOf(result);
    const next = copyJson(before ?? emptyStream(at));
    importIntoSpec(next, outcomes, now);
    importIntoStatus(next, outcomes, now);
    const why = await exceededByImport(client, before, next);
    if (why === undefined) return;
    const refusal = forbidden(imageStreams, at.name, why);
    if (before) {
      const refused = outcomes.map((outcome) => ({ ...outcome, result: { tag: outcome.tag, status: innerStatus(refusal) } }));
      await ifFound(changeStream(client, { ...at, subresource: 'status' }, (stream) => (importIntoStatus(stream, unchangedSince(before, stream, refused), now) ? stream : undefined)));
    }
    throw refusal;
  }

  /** The spec first: should the status not follow, its generation asks for the same import again. */
  async #record(client: Client, at: StreamAt, result: ImageStreamImport, before: ImageStream | undefined): Promise<ImageStream> {
    const all = outcomesOf(result);
    const now = this.clock.now();
    let outcomes = all;
    const intoSpec = (stream: ImageStream) => {
      outcomes = unchangedSince(before, stream, all);
      return importIntoSpec(stream, outcomes, now) ? stream : undefined;
    };
    const made = before ? undefined : await create(client, intoSpec(emptyStream(at)));
    const change = () => changeStream(client, at, intoSpec);
    const written = made ?? (await (before ? change() : onceMade(change)));
    return changeStream(client, { ...at, subresource: 'status' }, (stream) => (importIntoStatus(stream, unchangedSince(written, stream, outcomes), now) ? stream : undefined));
  }
}

const emptyStream = (at: StreamAt): ImageStream => ({ apiVersion: 'image.openshift.io/v1', kind: 'ImageStream', metadata: { ...at }, spec: {} });

/** Undefined if somebody else was first. */
async function create(client: Client, stream: ImageStream | undefined): Promise<ImageStream | undefined> {
  if (!stream) return undefined;
  try {
    return await client.create(imageStreams, stream, { namespace: stream.metadata.namespace });
  } catch (error) {
    if (isStatusError(error, 'AlreadyExists')) return undefined;
    throw error;
  }
}

/** The same digest is the same image, whoever found it first. Documents are shown to who asked for them, not kept. */
async function createImage(client: Client, image: Image): Promise<void> {
  const { dockerImageManifest: _manifest, dockerImageConfig: _config, ...kept } = image;
  await client.create(images, kept).catch((error: unknown) => {
    if (!isStatusError(error, 'AlreadyExists')) throw error;
  });
}

function checkPreconditions({ metadata: { name, resourceVersion, uid } }: ImageStreamImport, stream: ImageStream | undefined): void {
  if (!resourceVersion && !uid) return;
  if (!stream || (uid && uid !== stream.metadata.uid)) throw notFound(imageStreams, name);
  if (resourceVersion && resourceVersion !== stream.metadata.resourceVersion) throw conflict(imageStreamImports, name, `the image stream was updated from "${resourceVersion}" to "${stream.metadata.resourceVersion}"`);
}

/** Docker configurations of the project's pull secrets, but those that are excluded from imports. */
async function pullConfigs(client: Client, namespace: string): Promise<string[]> {
  const { items } = await client.list(secrets, { namespace });
  return items.flatMap(({ type, data, metadata }) => {
    const text = data?.['.dockerconfigjson'] ?? data?.['.dockercfg'];
    const fits = pullSecretTypes.includes(type ?? '') && metadata.annotations?.[imageAnnotations.excludeSecret] !== 'true';
    return fits && text ? [Buffer.from(text, 'base64').toString('utf8')] : [];
  });
}

/** The import of a stream's own tags, as the controller asks for it. */
export function requestFor(stream: ImageStream, spec: ImageStreamImport['spec']): ImageStreamImport {
  const { name, namespace, uid } = stream.metadata;
  return { apiVersion: 'image.openshift.io/v1', kind: 'ImageStreamImport', metadata: { name, ...(namespace && { namespace }), ...(uid && { uid }) }, spec: copyJson(spec), status: {} };
}
