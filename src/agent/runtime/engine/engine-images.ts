/** Images of one node at the engine. Ours are brought to it from our registry; others it pulls itself, with its own mirrors and credentials. Only names of this home are ever removed. */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from '../../../base/log.ts';
import { toolsImage } from '../../../api/well-known.ts';
import { LayerError } from '../../../oci/layer-error.ts';
import type { ImageConfig } from '../../../oci/manifest.ts';
import { mediaTypes } from '../../../oci/media-types.ts';
import { formatReference, isInternal, manifestKey, parseReference, withDigest, type ImageReference } from '../../../oci/reference.ts';
import type { RegistryClient } from '../../../oci/registry-client.ts';
import { hostPathsOf, imageRunConfig, type ImageRecord } from '../../image/image-record.ts';
import { refuseHostPath } from '../../image/host-path-rule.ts';
import { prepareToolsImage } from '../../image/tools-image.ts';
import { RuntimeFailure, type ImageAuth, type ImageInfo, type ImageService } from '../runtime.ts';
import { readState, writeState } from '../state-file.ts';
import { isEngineError, type EngineClient } from './engine-client.ts';
import type { EngineImage } from './engine-objects.ts';
import { hostLayer, layerContent, type HostLayer } from './host-layer.ts';
import { imageArchive, plainLayer, type ArchivedImage, type ArchiveLayer } from './image-archive.ts';
import { imageRepository } from './labels.ts';

export interface EngineImageRecord extends ImageInfo {
  /** Its name at the engine. */
  name: string;
  /** Folders of this machine it stands on. */
  hostPaths?: string[];
  /** All layers at the engine, lowest first; empty where the engine pulled it. */
  diffIds: string[];
}

/** What a container of an image needs at the engine. */
export interface RunnableImage extends EngineImageRecord {
  /** `source:target:options`. */
  binds: string[];
}

export interface EngineImagesOptions {
  engine: EngineClient;
  directory: string;
  home: string;
  bundles: string;
  nodeBinary: string;
  log: Log;
  /** The image that the platform's own programs run from, where the engine is another machine and this one's programs cannot be mounted; undefined where they can. */
  foreign: string | undefined;
  /** A path of this machine as the engine names it. */
  place(path: string): string;
  registry(reference: ImageReference, auth: ImageAuth | undefined): RegistryClient;
  toolchains(): Promise<readonly string[]>;
}

const emptyConfig: Omit<ImageConfig, 'rootfs'> = { os: 'linux', architecture: process.arch === 'arm64' ? 'arm64' : 'amd64' };

export class EngineImages implements ImageService {
  readonly #options: EngineImagesOptions;
  readonly #records = new Map<string, EngineImageRecord>();
  readonly #tags: Record<string, string>;
  readonly #layers = new Map<string, Promise<HostLayer>>();
  readonly #tools: ImageRecord;
  #base: Promise<EngineImageRecord> | undefined;

  constructor(options: EngineImagesOptions) {
    this.#options = options;
    for (const name of ['manifests', 'layers', 'blobs']) mkdirSync(join(options.directory, name), { recursive: true, mode: 0o700 });
    this.#tags = readState<Record<string, string>>(join(options.directory, 'tags.json')) ?? {};
    for (const file of readdirSync(join(options.directory, 'manifests'))) {
      const record = readState<EngineImageRecord>(join(options.directory, 'manifests', file));
      if (record) this.#records.set(record.id, record);
    }
    this.#tools = prepareToolsImage({ bundles: options.bundles, nodeBinary: options.nodeBinary, layers: join(options.directory, 'layers') });
  }

  /** Present at the engine when this resolves. */
  async runnable(id: string): Promise<RunnableImage> {
    if (id === toolsImage) return this.#runnableTools();
    const record = this.#records.get(id);
    if (!record) throw new RuntimeFailure('CreateContainerError', `the image ${id} is not on this node`);
    if (!record.hostPaths) return { ...record, binds: [] };
    const { binds } = await this.#hostLayer(record.hostPaths);
    return { ...record, binds: binds.map(({ path }) => readOnlyBind(path, path)) };
  }

  info(id: string): ImageInfo | undefined {
    return id === toolsImage ? this.#tools : this.#records.get(id);
  }

  list(): Promise<ImageInfo[]> {
    return Promise.resolve([...this.#records.values()]);
  }

  async status(text: string): Promise<ImageInfo | undefined> {
    if (text === toolsImage) return this.#tools;
    const reference = readReference(text);
    const id = this.#records.has(text) ? text : reference && (reference.digest ?? this.#tags[tagKey(reference)]);
    const record = id === undefined ? undefined : this.#records.get(id);
    if (record) return (await this.#isThere(record)) ? record : undefined;
    // What the user's engine has is as good as pulled: it has this very name.
    return reference && !isInternal(reference) ? this.#adopt(reference) : undefined;
  }

  async pull(text: string, auth: ImageAuth | undefined, signal: AbortSignal): Promise<ImageInfo> {
    if (text === toolsImage) return this.#tools;
    let reference: ImageReference;
    try {
      reference = parseReference(text);
    } catch (error) {
      throw new RuntimeFailure('InvalidImageName', (error as Error).message, { cause: error });
    }
    try {
      return isInternal(reference) ? await this.#bring(reference, auth, signal) : await this.#pull(reference, auth, signal);
    } catch (error) {
      if (error instanceof RuntimeFailure) throw error;
      throw new RuntimeFailure('ErrImagePull', `pulling "${text}": ${signal.aborted ? 'cancelled' : (error as Error).message}`, { cause: error });
    }
  }

  async remove(id: string): Promise<void> {
    const record = this.#records.get(id);
    if (!record) return;
    // In use: the engine keeps it, and so do we.
    const removed = await this.#options.engine.call('DELETE', `/images/${record.name}`).then(() => true, (error: unknown) => isEngineError(error, 404));
    if (removed) await this.#forget(record);
  }

  async #runnableTools(): Promise<RunnableImage> {
    const { directory, nodeBinary, toolchains, foreign, place } = this.#options;
    const [layer = ''] = this.#tools.layers;
    const programs = join(directory, 'layers', layer, 'opt/slipway');
    if (foreign !== undefined) {
      const image = await this.#foreignImage(foreign);
      return { ...this.#tools, name: image.name, diffIds: [], binds: [readOnlyBind(place(programs), '/opt/slipway')] };
    }
    const base = await (this.#base ??= this.#baseImage().catch((error: unknown) => {
      this.#base = undefined;
      throw error;
    }));
    if (!(await this.#isThere(base))) {
      this.#base = undefined;
      return this.#runnableTools();
    }
    const { binds } = await this.#hostLayer(await toolchains());
    return {
      ...this.#tools, name: base.name, diffIds: base.diffIds, hostPaths: [],
      binds: [...binds.map(({ path }) => readOnlyBind(path, path)), readOnlyBind(programs, '/opt/slipway'), readOnlyBind(nodeBinary, '/opt/slipway/bin/node')],
    };
  }

  /** It brings Node.js; our programs are bound into it, with a word that leads to its own. */
  async #foreignImage(text: string): Promise<ImageInfo & { name: string }> {
    const [layer = ''] = this.#tools.layers;
    const node = join(this.#options.directory, 'layers', layer, 'opt/slipway/bin/node');
    if (readFileSync(node, 'utf8') === '') writeFileSync(node, '#!/bin/sh\nPATH=/usr/local/bin:/usr/bin:/bin exec node "$@"\n');
    const info = (await this.status(text)) ?? (await this.pull(text, undefined, AbortSignal.timeout(10 * 60_000)).catch((cause: Error) => {
      throw new RuntimeFailure('CreateContainerError', `the engine runs on another machine than this one, so the platform's own programs need the image ${text} there: ${cause.message}`, { cause });
    }));
    const record = this.#records.get(info.id);
    if (!record) throw new RuntimeFailure('CreateContainerError', `the image ${text} is gone`);
    return record;
  }

  /** The built-in image at the engine: only the places. Its programs are bound. */
  async #baseImage(): Promise<EngineImageRecord> {
    const layer = await this.#hostLayer(await this.#options.toolchains());
    const config: ImageConfig = { ...emptyConfig, config: { Env: this.#tools.config.env }, rootfs: { type: 'layers', diff_ids: [layer.diffId] } };
    const record: EngineImageRecord = { ...this.#tools, name: this.#name(layer.diffId), diffIds: [layer.diffId] };
    if (!(await this.#isThere(record))) await this.#load({ name: record.name, config, layers: [archived(layer)], known: 0 }, AbortSignal.timeout(10 * 60_000));
    return record;
  }

  #hostLayer(hostPaths: readonly string[]): Promise<HostLayer> {
    const key = JSON.stringify(hostPaths);
    let made = this.#layers.get(key);
    if (!made) {
      made = hostLayer(hostPaths, join(this.#options.directory, 'blobs'));
      this.#layers.set(key, made);
      made.catch(() => this.#layers.delete(key));
    }
    return made;
  }

  /** From our registry, which the engine could neither reach nor trust. */
  async #bring(reference: ImageReference, auth: ImageAuth | undefined, signal: AbortSignal): Promise<EngineImageRecord> {
    const client = this.#options.registry(reference, auth);
    try {
      const image = await client.image(reference.path, manifestKey(reference), { signal });
      const id = image.listDigest;
      const known = this.#records.get(id);
      if (known && (await this.#isThere(known))) return this.#tagged(reference, known);
      const config = imageRunConfig(image.config);
      const hostPaths = hostPathsOf(config.labels);
      await this.#checkHostPaths(reference, hostPaths);
      const diffIds = image.config.rootfs.diff_ids;
      if (diffIds.length !== image.manifest.layers.length) throw new LayerError('Corrupt', `the image names ${diffIds.length} layers in its configuration and ${image.manifest.layers.length} in its manifest`);
      const layers = image.manifest.layers.map((layer, index) => {
        const stored: ArchiveLayer = { diffId: diffIds[index]!, size: layer.size, content: () => client.readBlob(reference.path, layer, { signal }) };
        return layer.mediaType === mediaTypes.layerZstd && !readsZstd(this.#options.engine) ? plainLayer(stored) : stored;
      });
      const host = hostPaths && (await this.#hostLayer(hostPaths));
      const all = host ? [archived(host), ...layers] : layers;
      const allIds = all.map(({ diffId }) => diffId);
      const record: EngineImageRecord = {
        id, reference: formatReference(withDigest(reference, id)), size: image.manifest.layers.reduce((sum, { size }) => sum + size, 0), config, ...(hostPaths && { hostPaths }), name: this.#name(id), diffIds: allIds,
      };
      await this.#loadKnowing({
        name: record.name, layers: all,
        ...(host ? { config: { ...image.config, rootfs: { type: 'layers', diff_ids: allIds }, history: [] } } : { config: image.config, configBytes: image.configBytes }),
      }, signal);
      this.#save(record);
      this.#options.log.info('image brought to the engine', { reference: record.reference, layers: all.length });
      return this.#tagged(reference, record);
    } finally {
      client.close();
    }
  }

  async #checkHostPaths(reference: ImageReference, hostPaths: readonly string[] | undefined): Promise<void> {
    if (!hostPaths) return;
    const { foreign, toolchains } = this.#options;
    if (foreign !== undefined) throw new RuntimeFailure('ErrImagePull', `${formatReference(reference)} stands on this machine's own programs, which the container engine cannot mount: it runs in a virtual machine. Build it with a real builder image`);
    for (const wanted of hostPaths) {
      const refused = refuseHostPath(wanted);
      if (refused !== undefined && !(await toolchains()).includes(wanted)) throw new RuntimeFailure('ErrImagePull', `the image asks for the folder ${wanted} of this machine: ${refused}; rebuild it with a builder of this machine`);
    }
  }

  /** Layers that another image of ours brought need not travel again; an engine that wants them all the same gets them all. */
  async #loadKnowing(image: Omit<ArchivedImage, 'known'>, signal: AbortSignal): Promise<void> {
    const known = await this.#knownLayers(image.layers.map(({ diffId }) => diffId));
    if (known > 0) {
      try {
        await this.#load({ ...image, known }, signal);
        return;
      } catch (error) {
        if (!isEngineError(error) || signal.aborted) throw error;
        this.#options.log.info('the engine wants every layer again', { image: image.name, error });
      }
    }
    await this.#load({ ...image, known: 0 }, signal);
  }

  async #knownLayers(diffIds: readonly string[]): Promise<number> {
    const shared = (record: EngineImageRecord) => record.diffIds.findIndex((id, index) => id !== diffIds[index]);
    const candidates = [...this.#records.values()].map((record) => ({ record, same: shared(record) < 0 ? Math.min(record.diffIds.length, diffIds.length) : shared(record) }));
    for (const { record, same } of candidates.filter((one) => one.same > 0).sort((a, b) => b.same - a.same).slice(0, 3)) if (await this.#isThere(record)) return same;
    return 0;
  }

  async #load(image: ArchivedImage, signal: AbortSignal): Promise<void> {
    const answer = await this.#options.engine.upload('/images/load', imageArchive(image), { query: { quiet: 1 }, signal });
    const failed = progressError(answer);
    if (failed !== undefined) throw new RuntimeFailure('ErrImagePull', `the engine did not take the image: ${failed}`);
    if (!(await this.#find(image.name))) throw new RuntimeFailure('ErrImagePull', `the engine did not take the image: ${answer.trim().slice(0, 500)}`);
  }

  async #pull(reference: ImageReference, auth: ImageAuth | undefined, signal: AbortSignal): Promise<EngineImageRecord> {
    const { engine } = this.#options;
    const { host, path } = reference;
    const before = await this.#find(formatReference(reference));
    const answer = await engine.upload('/images/create', nothing(), {
      query: { fromImage: `${host}/${path}`, tag: reference.digest ?? reference.tag ?? 'latest' }, signal, timeout: 60 * 60_000,
      ...(auth && { headers: { 'x-registry-auth': Buffer.from(JSON.stringify({ username: auth.username, password: auth.password, serveraddress: host })).toString('base64url') } }),
    });
    const failed = progressError(answer);
    if (failed !== undefined) throw new RuntimeFailure('ErrImagePull', `pulling "${formatReference(reference)}": ${failed}`);
    const record = await this.#adopt(reference);
    if (!record) throw new RuntimeFailure('ErrImagePull', `the engine says that it pulled "${formatReference(reference)}", and does not have it`);
    // The name it was pulled under is ours to take away only if it was not there before.
    if (!before) await engine.call('DELETE', `/images/${formatReference(reference)}`, { query: { noprune: true } }).catch(() => undefined);
    return record;
  }

  /** An image that is at the engine under this name gets a name of ours, by which it can be kept and given up. */
  async #adopt(reference: ImageReference): Promise<EngineImageRecord | undefined> {
    const name = formatReference(reference);
    const found = await this.#find(name);
    if (!found) return undefined;
    const digest = found.RepoDigests?.map((one) => one.split('@')[1]).find((one) => one !== undefined) ?? found.Id;
    const id = reference.digest ?? digest;
    const own = this.#name(id);
    const [repository = '', tag = ''] = splitName(own);
    await this.#options.engine.call('POST', `/images/${found.Id}/tag`, { query: { repo: repository, tag } });
    const config = imageRunConfig({ ...emptyConfig, config: found.Config ?? null, rootfs: { type: 'layers', diff_ids: [] } });
    const record: EngineImageRecord = { id, reference: formatReference(withDigest(reference, id)), size: found.Size ?? 0, config, name: own, diffIds: [] };
    this.#save(record);
    return this.#tagged(reference, record);
  }

  #save(record: EngineImageRecord): void {
    writeState(this.#file(record.id), record);
    this.#records.set(record.id, record);
  }

  #tagged(reference: ImageReference, record: EngineImageRecord): EngineImageRecord {
    if (reference.digest === undefined && this.#tags[tagKey(reference)] !== record.id) {
      this.#tags[tagKey(reference)] = record.id;
      writeState(join(this.#options.directory, 'tags.json'), this.#tags);
    }
    return record;
  }

  /** The user may have removed it. */
  async #isThere(record: EngineImageRecord): Promise<boolean> {
    if (await this.#find(record.name)) return true;
    await this.#forget(record);
    return false;
  }

  async #forget(record: EngineImageRecord): Promise<void> {
    this.#records.delete(record.id);
    await rm(this.#file(record.id), { force: true });
  }

  #find(name: string): Promise<EngineImage | undefined> {
    return this.#options.engine.call<EngineImage>('GET', `/images/${name}/json`).catch((error: unknown) => {
      if (isEngineError(error, 404)) return undefined;
      throw error;
    });
  }

  #name(id: string): string {
    return `${imageRepository(this.#options.home)}:${createHash('sha256').update(id).digest('hex').slice(0, 32)}`;
  }

  #file(id: string): string {
    return join(this.#options.directory, 'manifests', `${id.replace(':', '-')}.json`);
  }
}

/** Docker since 23.0 (github.com/moby/moby/pull/41759). */
export const readsZstd = ({ name, version }: Pick<EngineClient, 'name' | 'version'>) => name === 'podman' || Number.parseInt(version, 10) >= 23;

export const readOnlyBind = (source: string, target: string) => `${source}:${target}:ro`;

const archived = (layer: HostLayer): ArchiveLayer => ({ diffId: layer.diffId, size: layer.size, content: layerContent(layer) });

const tagKey = (reference: ImageReference) => formatReference({ ...reference, tag: manifestKey(reference) });

function splitName(name: string): [string, string] {
  const colon = name.lastIndexOf(':');
  return [name.slice(0, colon), name.slice(colon + 1)];
}

function readReference(text: string): ImageReference | undefined {
  try {
    return parseReference(text);
  } catch {
    return undefined;
  }
}

async function* nothing(): AsyncGenerator<Uint8Array> {
  // A request without a body.
}

/** Load and pull answer 200 first and fail afterwards, in a line of their progress. */
export function progressError(answer: string): string | undefined {
  for (const line of answer.split('\n')) {
    if (!line.includes('error')) continue;
    try {
      const { error, errorDetail } = JSON.parse(line) as { error?: string; errorDetail?: { message?: string } };
      if (error !== undefined || errorDetail?.message !== undefined) return errorDetail?.message ?? error;
    } catch {
      // Not a line of progress.
    }
  }
  return undefined;
}
