/** Gives a pod its volumes as paths on this machine, and keeps those that follow the API up to date. */
import { existsSync } from 'node:fs';
import { chmod, mkdir, readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { persistentVolumeClaims, persistentVolumes, type ConfigMap, type Container, type Pod, type Secret } from '../../api/kinds/core.ts';
import { isOwnedBy } from '../../api/pod.ts';
import { quantityOf } from '../../api/quantity.ts';
import { isStatusError } from '../../api/status.ts';
import type { Client } from '../../client/client.ts';
import type { ObjectCache } from '../api-objects.ts';
import { expand } from '../env/expand.ts';
import type { PodFacts } from '../env/field-ref.ts';
import { podFolders } from '../pods/pod-folders.ts';
import { StartError } from '../pods/start-error.ts';
import type { Mount, Runtime } from '../runtime/runtime.ts';
import { writeAtomically } from './atomic-writer.ts';
import { prepareHostPath } from './host-path.ts';
import { memoryFolder, sharedMemoryUsable } from './memory-folder.ts';
import { resolveSubPath } from './sub-path.ts';
import type { TokenSource } from './tokens.ts';
import { VolumeError, volumeFiles, type VolumeSources } from './volume-files.ts';

type Volume = NonNullable<Pod['spec']['volumes']>[number];

export interface PreparedVolume {
  path: string;
  readOnly: boolean;
  /** Holds nothing that must outlive the container at its own path: files to read, scratch space. */
  movable: boolean;
  /** Its files are replaced as a whole when what they show changes. */
  live?: boolean;
}

/** Annotation of a pod: `variables` says that its program reads the paths of its volumes from variables where nothing can be mounted. */
const volumesAnnotation = 'slipway.dev/volumes';

/** A volume that could not be given; the text is that of a FailedMount event. */
export class MountFailure extends Error {
  constructor(volume: string, error: unknown) {
    super(`MountVolume.SetUp failed for volume "${volume}" : ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    this.name = 'MountFailure';
  }
}

export interface VolumeParts {
  client: Client;
  /** The agent's folder. */
  folder: string;
  configMaps: ObjectCache<ConfigMap>;
  secrets: ObjectCache<Secret>;
  tokens: TokenSource;
  /** PEM. */
  caCertificate: string;
  /** Bytes a container without limits may use at most. */
  allocatableMemory: number;
  /** For volumes in memory and of images; a driver may have none of them. */
  runtime: Pick<Runtime, 'name' | 'mountMemory' | 'mountImage' | 'unmount'>;
  /** Fetches the image of an image volume by its policy; its id. */
  image(pod: Pod, reference: string, policy: string | undefined): Promise<string>;
}

/** The bundle that every project gets; this agent was started with the same one. */
const rootBundle = 'kube-root-ca.crt';

export class VolumeManager {
  readonly #parts: VolumeParts;
  /** What is done with a pod's volumes now: one thing at a time. */
  readonly #turns = new Map<string, Promise<unknown>>();

  constructor(parts: VolumeParts) {
    this.#parts = parts;
  }

  /** Makes or refreshes every volume of the pod. */
  prepare(pod: Pod, facts: PodFacts): Promise<Map<string, PreparedVolume>> {
    return this.#turn(pod, async () => new Map(await Promise.all((pod.spec.volumes ?? []).map(async (volume): Promise<[string, PreparedVolume]> => [volume.name, await this.#made(volume, () => this.#prepare(pod, volume, facts))]))));
  }

  /** Brings those volumes up to date that show what may change. Does nothing for a pod that has none here. */
  refresh(pod: Pod, facts: PodFacts): Promise<void> {
    return this.#turn(pod, async () => {
      for (const volume of pod.spec.volumes ?? []) {
        const own = this.#folder(pod, volume);
        if (existsSync(own)) await this.#made(volume, () => this.#write(pod, volume, own, facts));
      }
    });
  }

  /** The mounts of a container, in the order that lets one lie inside another. */
  async mounts(pod: Pod, container: Container, volumes: ReadonlyMap<string, PreparedVolume>, env: readonly { name: string; value: string }[]): Promise<Mount[]> {
    const mounts: Mount[] = [];
    for (const { name, devicePath } of container.volumeDevices ?? []) throw new VolumeError(`volume "${name}" cannot be given as the device ${devicePath}: there are no block volumes here; mount it as a file system (volumeMounts)`);
    const byVariable = pod.metadata.annotations?.[volumesAnnotation] === 'variables';
    for (const mount of container.volumeMounts ?? []) {
      const volume = volumes.get(mount.name);
      if (!volume) throw new VolumeError(`volume "${mount.name}" of mount ${mount.mountPath} does not exist`);
      if (mount.mountPropagation && mount.mountPropagation !== 'None') throw new VolumeError(`mountPropagation ${mount.mountPropagation} of mount ${mount.mountPath} cannot be given: every container has a mount namespace of its own here, into which nothing is passed on later; use None`);
      if (mount.recursiveReadOnly === 'Enabled' && this.#parts.runtime.name !== 'sandbox') throw new VolumeError(`recursiveReadOnly of mount ${mount.mountPath} cannot be given by the runtime "${this.#parts.runtime.name}"; use IfPossible`);
      const sub = mount.subPathExpr ? expandWhole(mount.subPathExpr, env) : mount.subPath;
      mounts.push({
        hostPath: sub ? await resolveSubPath(volume.path, sub) : volume.path,
        containerPath: mount.mountPath,
        readOnly: Boolean(mount.readOnly) || volume.readOnly,
        volume: mount.name,
        movable: volume.movable || byVariable,
        ...(sub && volume.live && { fixed: true }),
      });
    }
    return mounts.sort((a, b) => a.containerPath.localeCompare(b.containerPath));
  }

  /** Removes what the pod's own volumes held; claims and host paths stay. */
  release(uid: string): Promise<void> {
    return this.#turnOf(uid, async () => {
      const { configMaps, secrets, tokens, folder, runtime } = this.#parts;
      configMaps.release(uid);
      secrets.release(uid);
      tokens.release(uid);
      const { volumes } = podFolders(folder, uid);
      if (runtime.unmount) for (const name of await readdir(volumes).catch(() => [])) await runtime.unmount(path.join(volumes, name));
      await rm(memoryFolder(folder, uid), { recursive: true, force: true });
      await rm(volumes, { recursive: true, force: true });
    });
  }

  #turn<T>(pod: Pod, work: () => Promise<T>): Promise<T> {
    return this.#turnOf(pod.metadata.uid ?? '', work);
  }

  #turnOf<T>(uid: string, work: () => Promise<T>): Promise<T> {
    const turn = (this.#turns.get(uid) ?? Promise.resolve()).then(work, work);
    this.#turns.set(uid, turn);
    const done = () => {
      if (this.#turns.get(uid) === turn) this.#turns.delete(uid);
    };
    turn.then(done, done);
    return turn;
  }

  #folder(pod: Pod, volume: Volume): string {
    return path.join(podFolders(this.#parts.folder, pod.metadata.uid ?? '').volumes, volume.name);
  }

  async #made<T>(volume: Volume, make: () => Promise<T>): Promise<T> {
    try {
      return await make();
    } catch (error) {
      throw new MountFailure(volume.name, error);
    }
  }

  /** True if the volume is one of files. */
  async #write(pod: Pod, volume: Volume, own: string, facts: PodFacts): Promise<boolean> {
    const files = await volumeFiles(pod, volume, this.#sources(pod, facts));
    if (files) writeAtomically(own, files);
    return files !== undefined;
  }

  async #prepare(pod: Pod, volume: Volume, facts: PodFacts): Promise<PreparedVolume> {
    const own = this.#folder(pod, volume);
    if (await this.#write(pod, volume, own, facts)) return { path: own, readOnly: true, movable: true, live: true };
    if (volume.emptyDir) return { path: await this.#emptyDir(pod, volume.emptyDir, own, volume.name), readOnly: false, movable: true };
    if (volume.image) return this.#image(pod, volume.image, own);
    if (volume.hostPath) {
      await prepareHostPath(volume.hostPath.path, volume.hostPath.type);
      return { path: volume.hostPath.path, readOnly: false, movable: false };
    }
    if (volume.persistentVolumeClaim) return this.#claim(pod, volume.persistentVolumeClaim.claimName, volume.persistentVolumeClaim.readOnly ?? false);
    if (volume.ephemeral) return this.#claim(pod, `${pod.metadata.name}-${volume.name}`, false, true);
    throw needsCluster(Object.keys(volume).find((key) => key !== 'name') ?? 'unknown');
  }

  async #emptyDir(pod: Pod, { medium, sizeLimit }: NonNullable<Volume['emptyDir']>, own: string, name: string): Promise<string> {
    const { folder, runtime, allocatableMemory } = this.#parts;
    if (medium && medium !== 'Memory') throw new VolumeError(`an emptyDir of medium ${medium} needs pages of that size set aside by root; use "" or Memory`);
    if (medium === 'Memory' && !runtime.mountMemory && sharedMemoryUsable()) {
      const inMemory = path.join(memoryFolder(folder, pod.metadata.uid ?? ''), name);
      await mkdir(inMemory, { recursive: true, mode: 0o700 });
      await chmod(inMemory, 0o777);
      return inMemory;
    }
    await mkdir(own, { recursive: true });
    if (medium === 'Memory' && runtime.mountMemory) await runtime.mountMemory(own, memoryVolumeSize(pod, sizeLimit, allocatableMemory));
    await chmod(own, 0o777);
    return own;
  }

  /** The image's files, read-only; what its layers say of ownership is as in a container. */
  async #image(pod: Pod, { reference = '', pullPolicy }: NonNullable<Volume['image']>, own: string): Promise<PreparedVolume> {
    const { runtime, image } = this.#parts;
    if (!runtime.mountImage) throw new VolumeError(`image volumes cannot be given by the runtime "${runtime.name}": nothing can be mounted there by this platform`);
    const id = await image(pod, reference, pullPolicy);
    await mkdir(own, { recursive: true });
    await runtime.mountImage(id, own);
    return { path: own, readOnly: true, movable: false };
  }

  #sources(pod: Pod, facts: PodFacts): VolumeSources {
    const { configMaps, secrets, tokens, caCertificate } = this.#parts;
    const { uid = '', namespace = '' } = pod.metadata;
    return {
      configMap: async (name) =>
        name === rootBundle
          ? { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace }, data: { 'ca.crt': caCertificate } }
          : configMaps.get(uid, namespace, name),
      secret: (name) => secrets.get(uid, namespace, name),
      token: (request) => tokens.token(pod, request),
      facts,
    };
  }

  async #claim(pod: Pod, name: string, readOnly: boolean, owned = false): Promise<PreparedVolume> {
    const namespace = pod.metadata.namespace;
    const claim = await this.#parts.client.get(persistentVolumeClaims, { namespace, name }).catch((error: unknown) => {
      throw isStatusError(error, 'NotFound') ? new VolumeError(`persistentvolumeclaim "${name}" not found`) : error;
    });
    if (owned && !isOwnedBy(claim, pod)) throw new VolumeError(`PVC ${namespace}/${name} was not created for pod ${namespace}/${pod.metadata.name} (pod is not owner)`);
    const volumeName = claim.spec.volumeName;
    if (!volumeName || claim.status?.phase !== 'Bound') throw new VolumeError(`persistentvolumeclaim "${name}" is not bound to a volume yet`);
    const volume = await this.#parts.client.get(persistentVolumes, { name: volumeName });
    if (volume.spec.claimRef?.uid !== claim.metadata.uid) throw new VolumeError(`volume "${volumeName}" is bound to another claim`);
    const where = volume.spec.local?.path ?? volume.spec.hostPath?.path;
    if (!where) throw needsCluster(Object.keys(volume.spec).find((key) => sourceTypes.has(key)) ?? 'unknown');
    if (volume.spec.hostPath) await prepareHostPath(where, volume.spec.hostPath.type);
    else await prepareHostPath(where, 'Directory');
    return { path: where, readOnly: readOnly || (claim.spec.accessModes ?? []).every((mode) => mode === 'ReadOnlyMany'), movable: false };
  }
}

/** As the kubelet bounds it: not more than the pod's containers may use in all, nor than the node has. 0: no bound can be told. */
export function memoryVolumeSize(pod: Pod, sizeLimit: string | number | undefined, allocatable: number): number {
  const limits = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])].map((container) => quantityOf(container.resources?.limits?.['memory']));
  const together = limits.every((limit) => limit > 0) ? limits.reduce((sum, limit) => sum + limit, 0) : Infinity;
  const asked = quantityOf(sizeLimit);
  const size = Math.min(together, asked > 0 ? asked : Infinity, allocatable > 0 ? allocatable : Infinity);
  return Number.isFinite(size) ? size : 0;
}

/** A name that nobody set would become part of the path. */
function expandWhole(text: string, env: readonly { name: string; value: string }[]): string {
  return expand(text, (name) => {
    const found = env.find((one) => one.name === name);
    if (!found) throw new StartError('CreateContainerConfigError', `missing value for "${name}"`);
    return found.value;
  });
}

const sourceTypes = new Set([
  'gcePersistentDisk', 'awsElasticBlockStore', 'glusterfs', 'nfs', 'rbd', 'iscsi', 'cinder', 'cephfs', 'fc', 'flocker', 'flexVolume', 'azureFile', 'vsphereVolume', 'quobyte',
  'azureDisk', 'photonPersistentDisk', 'portworxVolume', 'scaleIO', 'storageos', 'csi',
]);

function needsCluster(type: string): VolumeError {
  return new VolumeError(`volume type ${type} needs a real cluster; use a claim of class "local" here, or send the workload to a cluster that has it`);
}
