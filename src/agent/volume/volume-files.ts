/** The files of config map, secret, downward API and projected volumes, pure: what they refer to is handed in. */
import type { ConfigMap, Pod, Secret } from '../../api/kinds/core.ts';
import { fieldOf, resourceOf, type PodFacts } from '../env/field-ref.ts';

export interface VolumeFile {
  data: Buffer;
  mode: number;
}
/** By path inside the volume. */
export type VolumeFiles = Map<string, VolumeFile>;

export interface TokenRequest {
  audience: string | undefined;
  expirationSeconds: number;
}

export interface VolumeSources {
  configMap(name: string): Promise<ConfigMap | undefined>;
  secret(name: string): Promise<Secret | undefined>;
  token(request: TokenRequest): Promise<string>;
  facts: PodFacts;
}

/** The text of a FailedMount event. */
export class VolumeError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'VolumeError';
  }
}

type Volume = NonNullable<Pod['spec']['volumes']>[number];
type Item = { key: string; path: string; mode?: number };
type DownwardItem = NonNullable<NonNullable<Volume['downwardAPI']>['items']>[number];
const defaultMode = 0o644;

/** Files of `volume`, or `undefined` if it is of another type. */
export async function volumeFiles(pod: Pod, volume: Volume, sources: VolumeSources): Promise<VolumeFiles | undefined> {
  const files: VolumeFiles = new Map();
  if (volume.configMap) {
    const { name, items, optional, defaultMode: mode } = volume.configMap;
    await addConfigMap(files, name ?? '', items, optional, mode ?? defaultMode, sources);
  } else if (volume.secret) {
    const { secretName, items, optional, defaultMode: mode } = volume.secret;
    await addSecret(files, secretName ?? '', items, optional, mode ?? defaultMode, sources);
  } else if (volume.downwardAPI) {
    addDownward(files, pod, volume.downwardAPI.items, volume.downwardAPI.defaultMode ?? defaultMode, sources);
  } else if (volume.projected) {
    const mode = volume.projected.defaultMode ?? defaultMode;
    for (const source of volume.projected.sources ?? []) {
      if (source.configMap) await addConfigMap(files, source.configMap.name ?? '', source.configMap.items, source.configMap.optional, mode, sources);
      if (source.secret) await addSecret(files, source.secret.name ?? '', source.secret.items, source.secret.optional, mode, sources);
      if (source.downwardAPI) addDownward(files, pod, source.downwardAPI.items, mode, sources);
      if (source.serviceAccountToken) {
        const { audience, expirationSeconds, path } = source.serviceAccountToken;
        add(files, path, Buffer.from(await sources.token({ audience, expirationSeconds: expirationSeconds ?? 3600 })), mode);
      }
      if (source.clusterTrustBundle) throw new VolumeError('cluster trust bundles are not served here; use a config map with the certificates');
    }
  } else return undefined;
  return files;
}

async function addConfigMap(files: VolumeFiles, name: string, items: readonly Item[] | undefined, optional: boolean | undefined, mode: number, sources: VolumeSources): Promise<void> {
  const map = await sources.configMap(name);
  if (!map && !optional) throw new VolumeError(`configmap "${name}" not found`);
  const data = new Map<string, Buffer>();
  for (const [key, value] of Object.entries(map?.data ?? {})) data.set(key, Buffer.from(value));
  for (const [key, value] of Object.entries(map?.binaryData ?? {})) data.set(key, Buffer.from(value, 'base64'));
  addItems(files, data, items, optional, mode, 'config');
}

async function addSecret(files: VolumeFiles, name: string, items: readonly Item[] | undefined, optional: boolean | undefined, mode: number, sources: VolumeSources): Promise<void> {
  const secret = await sources.secret(name);
  if (!secret && !optional) throw new VolumeError(`secret "${name}" not found`);
  const data = new Map(Object.entries(secret?.data ?? {}).map(([key, value]) => [key, Buffer.from(value, 'base64')]));
  addItems(files, data, items, optional, mode, 'secret');
}

function addItems(files: VolumeFiles, data: ReadonlyMap<string, Buffer>, items: readonly Item[] | undefined, optional: boolean | undefined, mode: number, kind: string): void {
  if (!items?.length) {
    for (const [key, value] of data) add(files, key, value, mode);
    return;
  }
  for (const item of items) {
    const value = data.get(item.key);
    if (value) add(files, item.path, value, item.mode ?? mode);
    else if (!optional) throw new VolumeError(`references non-existent ${kind} key: ${item.key}`);
  }
}

function addDownward(files: VolumeFiles, pod: Pod, items: readonly DownwardItem[] | undefined, mode: number, { facts }: VolumeSources): void {
  for (const item of items ?? []) {
    let text: string | undefined;
    if (item.fieldRef) text = fieldOf(pod, item.fieldRef.fieldPath, facts);
    else if (item.resourceFieldRef) {
      const { containerName, resource, divisor } = item.resourceFieldRef;
      const container = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])].find(({ name }) => name === containerName);
      text = container && resourceOf(container, resource, divisor, facts);
    }
    if (text === undefined) throw new VolumeError(`downward API item "${item.path}" names nothing that exists`);
    add(files, item.path, Buffer.from(text), item.mode ?? mode);
  }
}

/** A path that would leave the volume, or hide behind the writer's own names, is refused here and by validation. */
function add(files: VolumeFiles, path: string, data: Buffer, mode: number): void {
  const parts = path.split('/');
  if (path.startsWith('/') || parts.some((part) => part === '' || part === '.' || part === '..') || path.startsWith('..')) throw new VolumeError(`invalid path "${path}" in volume`);
  files.set(path, { data, mode });
}
