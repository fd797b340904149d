/** Gives a pod its volumes as paths on this machine, and keeps those that follow the API up to date. */
import { chmod, mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { persistentVolumeClaims, persistentVolumes, type ConfigMap, type Container, type Pod, type Secret } from '../../api/kinds/core.ts';
import { isStatusError } from '../../api/status.ts';
import type { Client } from '../../client/client.ts';
import type { ObjectCache } from '../api-objects.ts';
import { expand } from '../env/expand.ts';
import type { PodFacts } from '../env/field-ref.ts';
import { podFolders } from '../pods/pod-folders.ts';
import type { Mount } from '../runtime/runtime.ts';
import { writeAtomically } from './atomic-writer.ts';
import { prepareHostPath } from './host-path.ts';
import { resolveSubPath } from './sub-path.ts';
import type { TokenSource } from './tokens.ts';
import { VolumeError, volumeFiles, type VolumeSources } from './volume-files.ts';

type Volume = NonNullable<Pod['spec']['volumes']>[number];

export interface PreparedVolume {
  path: string;
  readOnly: boolean;
  /** Holds nothing that must outlive the container at its own path: files to read, scratch space. */
  movable: boolean;
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
}

/** The bundle that every project gets; this agent was started with the same one. */
const rootBundle = 'kube-root-ca.crt';

export class VolumeManager {
  readonly #parts: VolumeParts;

  constructor(parts: VolumeParts) {
    this.#parts = parts;
  }

  /** Makes or refreshes every volume of the pod. */
  async prepare(pod: Pod, facts: PodFacts): Promise<Map<string, PreparedVolume>> {
    const made = await Promise.all((pod.spec.volumes ?? []).map(async (volume): Promise<[string, PreparedVolume]> => {
      try {
        return [volume.name, await this.#prepare(pod, volume, facts)];
      } catch (error) {
        throw new MountFailure(volume.name, error);
      }
    }));
    return new Map(made);
  }

  /** The mounts of a container, in the order that lets one lie inside another. */
  async mounts(pod: Pod, container: Container, volumes: ReadonlyMap<string, PreparedVolume>, env: readonly { name: string; value: string }[]): Promise<Mount[]> {
    const mounts: Mount[] = [];
    const byVariable = pod.metadata.annotations?.[volumesAnnotation] === 'variables';
    for (const mount of container.volumeMounts ?? []) {
      const volume = volumes.get(mount.name);
      if (!volume) throw new VolumeError(`volume "${mount.name}" of mount ${mount.mountPath} does not exist`);
      const sub = mount.subPathExpr ? expand(mount.subPathExpr, (name) => env.find((one) => one.name === name)?.value) : mount.subPath;
      mounts.push({
        hostPath: sub ? await resolveSubPath(volume.path, sub) : volume.path,
        containerPath: mount.mountPath,
        readOnly: Boolean(mount.readOnly) || volume.readOnly,
        volume: mount.name,
        movable: volume.movable || byVariable,
      });
    }
    return mounts.sort((a, b) => a.containerPath.localeCompare(b.containerPath));
  }

  /** Removes what the pod's own volumes held; claims and host paths stay. */
  async release(uid: string): Promise<void> {
    this.#parts.configMaps.release(uid);
    this.#parts.secrets.release(uid);
    this.#parts.tokens.release(uid);
    await rm(podFolders(this.#parts.folder, uid).volumes, { recursive: true, force: true });
  }

  async #prepare(pod: Pod, volume: Volume, facts: PodFacts): Promise<PreparedVolume> {
    const own = path.join(podFolders(this.#parts.folder, pod.metadata.uid ?? '').volumes, volume.name);
    const files = await volumeFiles(pod, volume, this.#sources(pod, facts));
    if (files) {
      await writeAtomically(own, files);
      return { path: own, readOnly: true, movable: true };
    }
    if (volume.emptyDir) {
      await mkdir(own, { recursive: true });
      await chmod(own, 0o777);
      return { path: own, readOnly: false, movable: true };
    }
    if (volume.hostPath) {
      await prepareHostPath(volume.hostPath.path, volume.hostPath.type);
      return { path: volume.hostPath.path, readOnly: false, movable: false };
    }
    if (volume.persistentVolumeClaim) return this.#claim(pod, volume.persistentVolumeClaim.claimName, volume.persistentVolumeClaim.readOnly ?? false);
    if (volume.ephemeral) return this.#claim(pod, `${pod.metadata.name}-${volume.name}`, false);
    throw needsCluster(Object.keys(volume).find((key) => key !== 'name') ?? 'unknown');
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

  async #claim(pod: Pod, name: string, readOnly: boolean): Promise<PreparedVolume> {
    const namespace = pod.metadata.namespace;
    const claim = await this.#parts.client.get(persistentVolumeClaims, { namespace, name }).catch((error: unknown) => {
      throw isStatusError(error, 'NotFound') ? new VolumeError(`persistentvolumeclaim "${name}" not found`) : error;
    });
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

const sourceTypes = new Set([
  'gcePersistentDisk', 'awsElasticBlockStore', 'glusterfs', 'nfs', 'rbd', 'iscsi', 'cinder', 'cephfs', 'fc', 'flocker', 'flexVolume', 'azureFile', 'vsphereVolume', 'quobyte',
  'azureDisk', 'photonPersistentDisk', 'portworxVolume', 'scaleIO', 'storageos', 'csi',
]);

function needsCluster(type: string): VolumeError {
  return new VolumeError(`volume type ${type} needs a real cluster; use a claim of class "local" here, or send the workload to a cluster that has it`);
}
