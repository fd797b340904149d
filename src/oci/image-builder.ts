/** Makes images without a daemon: base layers are carried over as descriptors, new layers appended, the configuration rewritten. */
import { digestOf } from './digest.ts';
import type { WrittenLayer } from './layer-writer.ts';
import { hostPlatform, InvalidManifest, type Descriptor, type HistoryEntry, type ImageConfig, type ImageManifest, type Platform, type RunConfig } from './manifest.ts';
import { mediaTypes, toOciLayerType } from './media-types.ts';

export interface BaseImage {
  manifest: ImageManifest;
  config: ImageConfig;
}

/** Absent: as in the base. `null` clears. Maps and lists of variables are merged over the base's. */
export interface ConfigChange {
  env?: readonly { name: string; value: string }[];
  labels?: Readonly<Record<string, string>>;
  entrypoint?: readonly string[] | null;
  cmd?: readonly string[] | null;
  user?: string | null;
  workingDir?: string | null;
  /** `8080/tcp`. */
  exposedPorts?: readonly string[];
  volumes?: readonly string[];
  stopSignal?: string | null;
}

export interface NewLayer extends Pick<WrittenLayer, 'digest' | 'size' | 'mediaType' | 'diffId'> {
  /** What history shows: the command that made it. */
  createdBy: string;
  comment?: string;
}

export interface BuildOptions {
  /** None: an image from scratch. */
  base?: BaseImage;
  layers: readonly NewLayer[];
  change?: ConfigChange;
  /** Default: this machine's. */
  platform?: Platform;
  /** Of configuration and history. The default, the epoch, makes equal inputs give equal images. */
  created?: string;
  author?: string;
  annotations?: Record<string, string>;
}

export interface Blob extends Descriptor {
  bytes: Buffer;
}

export interface BuiltImage {
  config: Blob;
  manifest: Blob;
  /** All layers, the base's first. */
  layers: Descriptor[];
  document: { config: ImageConfig; manifest: ImageManifest };
}

const epoch = '1970-01-01T00:00:00Z';

export function buildImage(options: BuildOptions): BuiltImage {
  const { base, layers } = options;
  const created = options.created ?? epoch;
  if (base && base.manifest.layers.length !== base.config.rootfs.diff_ids.length)
    throw new InvalidManifest(`the base image lists ${base.manifest.layers.length} layers but ${base.config.rootfs.diff_ids.length} diff ids`);
  const history: HistoryEntry[] = layers.map((layer) => ({ created, created_by: layer.createdBy, ...(layer.comment !== undefined && { comment: layer.comment }) }));
  if (layers.length === 0) history.push({ created, created_by: 'slipway: configuration', empty_layer: true });
  const platform: Platform = base ? pickPlatform(base.config) : (options.platform ?? hostPlatform());
  const config: ImageConfig = {
    created,
    ...(options.author !== undefined && { author: options.author }),
    ...platform,
    config: changed(base?.config.config ?? {}, options.change ?? {}),
    rootfs: { type: 'layers', diff_ids: [...(base?.config.rootfs.diff_ids ?? []), ...layers.map((layer) => layer.diffId)] },
    history: [...(base?.config.history ?? []), ...history],
  };
  const all: Descriptor[] = [
    ...(base?.manifest.layers ?? []).map((layer) => ({ ...layer, mediaType: toOciLayerType(layer.mediaType) })),
    ...layers.map(({ mediaType, digest, size }) => ({ mediaType, digest, size })),
  ];
  const configBlob = blob(mediaTypes.config, config);
  const manifest: ImageManifest = {
    schemaVersion: 2,
    mediaType: mediaTypes.manifest,
    config: { mediaType: configBlob.mediaType, digest: configBlob.digest, size: configBlob.size },
    layers: all,
    ...(options.annotations && { annotations: sorted(options.annotations) }),
  };
  return { config: configBlob, manifest: blob(mediaTypes.manifest, manifest), layers: all, document: { config, manifest } };
}

function blob(mediaType: string, document: unknown): Blob {
  const bytes = Buffer.from(JSON.stringify(document));
  return { mediaType, digest: digestOf(bytes), size: bytes.length, bytes };
}

function pickPlatform({ os, architecture, variant, 'os.version': version }: Platform): Platform {
  return { os, architecture, ...(variant && { variant }), ...(version && { 'os.version': version }) };
}

/** Values as images on the wire have them: empty ones are left out. */
function changed(base: RunConfig, change: ConfigChange): RunConfig {
  const names = (more: readonly string[] | undefined, had: Record<string, unknown> | null | undefined) =>
    Object.fromEntries([...new Set([...Object.keys(had ?? {}), ...(more ?? [])])].sort().map((name) => [name, {}]));
  const next: RunConfig = {
    ...base,
    User: change.user === undefined ? base.User : (change.user ?? ''),
    WorkingDir: change.workingDir === undefined ? base.WorkingDir : (change.workingDir ?? ''),
    StopSignal: change.stopSignal === undefined ? base.StopSignal : (change.stopSignal ?? ''),
    Env: mergedEnv(base.Env ?? [], change.env ?? []),
    Entrypoint: change.entrypoint === undefined ? base.Entrypoint : change.entrypoint && [...change.entrypoint],
    // A new entrypoint without a command must not be given the base's command as arguments (as in Dockerfile builds).
    Cmd: change.cmd === undefined ? (change.entrypoint === undefined ? base.Cmd : null) : change.cmd && [...change.cmd],
    Labels: sorted({ ...base.Labels, ...change.labels }),
    ExposedPorts: names(change.exposedPorts, base.ExposedPorts) as Record<string, Record<string, never>>,
    Volumes: names(change.volumes, base.Volumes) as Record<string, Record<string, never>>,
  };
  return Object.fromEntries(Object.entries(next).filter(([, value]) => !isEmpty(value))) as RunConfig;
}

/** The base's order, changed in place; new ones behind, in the order given. */
function mergedEnv(base: readonly string[], change: readonly { name: string; value: string }[]): string[] {
  const values = new Map(base.map((line) => [line.split('=', 1)[0] ?? '', line]));
  for (const { name, value } of change) values.set(name, `${name}=${value}`);
  return [...values.values()];
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === null || value === '' || (typeof value === 'object' && Object.keys(value).length === 0);
}

function sorted(map: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(map).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0)));
}
