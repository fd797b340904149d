/** Image manifests, indexes and configurations (OCI image specification; Docker schema 2): types, reading, platform choice. */
import { isDigest } from './digest.ts';
import { isImageManifestType, isIndexType, mediaTypes } from './media-types.ts';

export interface Platform {
  os: string;
  architecture: string;
  variant?: string;
  'os.version'?: string;
}

export interface Descriptor {
  mediaType: string;
  digest: string;
  /** Bytes. */
  size: number;
  urls?: string[];
  annotations?: Record<string, string>;
  /** Content in base64. */
  data?: string;
  artifactType?: string;
  platform?: Platform;
}

export interface ImageManifest {
  schemaVersion: 2;
  mediaType?: string;
  artifactType?: string;
  config: Descriptor;
  layers: Descriptor[];
  subject?: Descriptor;
  annotations?: Record<string, string>;
}

export interface ImageIndex {
  schemaVersion: 2;
  mediaType?: string;
  artifactType?: string;
  manifests: Descriptor[];
  subject?: Descriptor;
  annotations?: Record<string, string>;
}

export interface HistoryEntry {
  created?: string;
  created_by?: string;
  author?: string;
  comment?: string;
  empty_layer?: boolean;
}

export interface RunConfig {
  User?: string;
  ExposedPorts?: Record<string, Record<string, never>> | null;
  Env?: string[] | null;
  Entrypoint?: string[] | null;
  Cmd?: string[] | null;
  Volumes?: Record<string, Record<string, never>> | null;
  WorkingDir?: string;
  Labels?: Record<string, string> | null;
  StopSignal?: string;
  OnBuild?: string[] | null;
  /** Docker's own, which builders and engines read and the specification lets be. Nanoseconds. */
  Healthcheck?: { Test?: string[]; Interval?: number; Timeout?: number; StartPeriod?: number; StartInterval?: number; Retries?: number };
  /** Of the shell form of later instructions. */
  Shell?: string[] | null;
}

export interface ImageConfig extends Platform {
  created?: string;
  author?: string;
  config?: RunConfig | null;
  rootfs: { type: 'layers'; diff_ids: string[] };
  history?: HistoryEntry[];
}

export type ParsedManifest =
  | { kind: 'image'; mediaType: string; manifest: ImageManifest }
  | { kind: 'index'; mediaType: string; manifest: ImageIndex };

/** A document is not what its media type says; `message` names the field. */
export class InvalidManifest extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(`invalid image manifest: ${message}`, options);
    this.name = 'InvalidManifest';
  }
}

/**
 * Reads a manifest or index. `contentType` is what it was sent with; a `mediaType` inside must agree with it
 * (a document that two readers take for different things is an attack: CVE-2021-41190).
 */
export function parseManifest(bytes: Uint8Array, contentType?: string): ParsedManifest {
  const document = readObject(bytes);
  if (document['schemaVersion'] !== 2) throw new InvalidManifest(`schemaVersion is ${JSON.stringify(document['schemaVersion'])}, only 2 is supported`);
  const inside = document['mediaType'];
  if (inside !== undefined && typeof inside !== 'string') throw new InvalidManifest('mediaType is not a string');
  const sent = contentType?.split(';')[0]?.trim().toLowerCase();
  const said = sent && sent !== 'application/json' && sent !== 'application/octet-stream' ? sent : undefined;
  if (inside !== undefined && said !== undefined && inside !== said) throw new InvalidManifest(`mediaType ${inside} differs from Content-Type ${said}`);
  const mediaType = inside ?? said ?? ('manifests' in document ? mediaTypes.index : mediaTypes.manifest);
  const index = isIndexType(mediaType) || (!isImageManifestType(mediaType) && 'manifests' in document);
  if (index && ('config' in document || 'layers' in document)) throw new InvalidManifest('an index has neither config nor layers');
  if (isImageManifestType(mediaType) && 'manifests' in document) throw new InvalidManifest('an image manifest has no manifests');
  if (document['subject'] !== undefined) checkDescriptor(document['subject'], 'subject');
  if (index) {
    checkDescriptors(document['manifests'], 'manifests');
    return { kind: 'index', mediaType, manifest: document as unknown as ImageIndex };
  }
  checkDescriptor(document['config'], 'config');
  checkDescriptors(document['layers'], 'layers');
  return { kind: 'image', mediaType, manifest: document as unknown as ImageManifest };
}

/** Reads an image configuration. Throws `InvalidManifest` for a document that cannot be one (artifacts carry others). */
export function parseConfig(bytes: Uint8Array): ImageConfig {
  const document = readObject(bytes);
  const rootfs = document['rootfs'] as { diff_ids?: unknown } | undefined;
  if (!rootfs || !Array.isArray(rootfs.diff_ids) || !rootfs.diff_ids.every((id) => typeof id === 'string' && isDigest(id)))
    throw new InvalidManifest('the configuration names no rootfs.diff_ids');
  return document as unknown as ImageConfig;
}

/** This machine in the names of Go, as images use them. Images run on Linux whatever the machine's own system is. */
export function hostPlatform(architecture: string = process.arch): Platform {
  const known: Record<string, Platform> = {
    x64: { os: 'linux', architecture: 'amd64' },
    arm64: { os: 'linux', architecture: 'arm64', variant: 'v8' },
    arm: { os: 'linux', architecture: 'arm', variant: 'v7' },
    ia32: { os: 'linux', architecture: '386' },
  };
  return known[architecture] ?? { os: 'linux', architecture };
}

/** The manifest of an index that runs on `platform`; undefined if none does. */
export function choosePlatform(index: ImageIndex, platform: Platform): Descriptor | undefined {
  const fits = index.manifests.filter(({ platform: one }) => one?.os === platform.os && one.architecture === platform.architecture);
  const withVariant = fits.find(({ platform: one }) => (one?.variant ?? '') === (platform.variant ?? ''));
  if (withVariant || fits.length > 0) return withVariant ?? fits[0];
  // An index with one image and no platforms is a plain image in a wrapper.
  const plain = index.manifests.filter((one) => !one.platform && (isImageManifestType(one.mediaType) || isIndexType(one.mediaType)));
  return plain.length === 1 && index.manifests.length === 1 ? plain[0] : undefined;
}

function readObject(bytes: Uint8Array): Record<string, unknown> {
  let document: unknown;
  try {
    document = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8'));
  } catch (cause) {
    throw new InvalidManifest('it is not JSON', { cause });
  }
  if (typeof document !== 'object' || document === null || Array.isArray(document)) throw new InvalidManifest('it is not a JSON object');
  return document as Record<string, unknown>;
}

function checkDescriptors(value: unknown, field: string): void {
  if (!Array.isArray(value)) throw new InvalidManifest(`${field} is not a list`);
  value.forEach((one, index) => checkDescriptor(one, `${field}[${index}]`));
}

function checkDescriptor(value: unknown, field: string): void {
  if (typeof value !== 'object' || value === null) throw new InvalidManifest(`${field} is missing`);
  const { mediaType, digest, size } = value as Partial<Descriptor>;
  if (typeof mediaType !== 'string' || mediaType === '') throw new InvalidManifest(`${field}.mediaType is missing`);
  if (typeof digest !== 'string' || !isDigest(digest)) throw new InvalidManifest(`${field}.digest is not a sha256 or sha512 digest`);
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) throw new InvalidManifest(`${field}.size is not a size`);
}
