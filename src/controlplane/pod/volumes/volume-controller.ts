/** Binds claims, provisions folders for them, reclaims volumes, and protects what is in use. */
import { storageClasses } from '../../../api/kinds/cluster.ts';
import { persistentVolumeClaims, persistentVolumes, pods, type PersistentVolume, type PersistentVolumeClaim, type Pod } from '../../../api/kinds/core.ts';
import { controllerReference, keyOf } from '../../../api/meta.ts';
import { quantityOf } from '../../../api/quantity.ts';
import { isStatusError } from '../../../api/status.ts';
import { eventRecorder } from '../../../client/event-recorder.ts';
import type { ModuleContext } from '../../kernel/boot/module.ts';
import { controller, type ReconcileResult } from '../../kernel/reconcile/controller.ts';
import { claimNames, selectedNodeAnnotation } from '../scheduler/claims.ts';
import { boundByController, boundCompletely, planClaim, planVolume, provisionedBy, storageProvisioner, type ClaimAction } from './claim-plan.ts';
import type { LocalFolders } from './local-folders.ts';
import { claimProtection, inUse, volumeProtection } from './volume-kinds.ts';

export const localProvisioner = 'slipway.dev/local';

export function volumeController({ client, informers, clock, log, scope }: ModuleContext, folders: LocalFolders): void {
  const events = scope.own(eventRecorder(client, 'persistentvolume-controller', clock));
  const claims = informers.for(persistentVolumeClaims);
  const volumes = informers.for(persistentVolumes);
  const classes = informers.for(storageClasses);
  const podCache = informers.for(pods, { claim: (pod: Pod) => claimNames(pod).map((name) => `${pod.metadata.namespace}/${name}`) });

  const reconcile = async (key: string): Promise<ReconcileResult> => {
    await Promise.all([claims.synced, volumes.synced, classes.synced, podCache.synced]);
    const [kind, name = ''] = split(key);
    if (kind === 'claim') return reconcileClaim(name);
    if (kind === 'volume') return reconcileVolume(name);
    return makeClaims(name);
  };

  const reconcileClaim = async (key: string): Promise<void> => {
    const claim = claims.get(key);
    if (!claim) return;
    if (claim.metadata.deletionTimestamp) {
      if (!inUse(claim, podCache.byIndex('claim', key))) await dropFinalizer(persistentVolumeClaims, claim, claimProtection);
      return;
    }
    if (claim.metadata.annotations?.[boundCompletely] && claim.status?.phase === 'Bound' && volumes.get(claim.spec.volumeName ?? '')) return resize(claim);
    const storageClass = classes.get(claim.spec.storageClassName ?? '');
    const nodeSelected = claim.metadata.annotations?.[selectedNodeAnnotation] !== undefined;
    await act(claim, planClaim(claim, { volumes: volumes.list(), storageClass, nodeSelected, provisioner: localProvisioner }));
  };

  const act = async (claim: PersistentVolumeClaim, action: ClaimAction): Promise<void> => {
    switch (action.type) {
      case 'bind':
        return bind(claim, action.volume);
      case 'provision': {
        const volume = await provision(claim, action.storageClass);
        events.normal(claim, 'ProvisioningSucceeded', `Successfully provisioned volume ${volume.metadata.name}`);
        return bind(claim, volume);
      }
      case 'lost':
        if (claim.status?.phase === 'Lost') return;
        events.warning(claim, 'ClaimLost', action.message);
        await client.patch(persistentVolumeClaims, { ...claim.metadata, subresource: 'status' }, 'merge', { status: { phase: 'Lost' } });
        return;
      case 'wait':
        if (action.reason === 'ProvisioningFailed') events.warning(claim, action.reason, action.message);
        else events.normal(claim, action.reason, action.message);
        return;
      case 'none':
        return;
    }
  };

  /** In the order that leaves a restart able to go on: the volume points first. */
  const bind = async (claim: PersistentVolumeClaim, volume: PersistentVolume): Promise<void> => {
    const { name, namespace, uid } = claim.metadata;
    if (volume.spec.claimRef?.uid !== uid) {
      const claimRef = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', name, namespace, uid, resourceVersion: claim.metadata.resourceVersion };
      const annotations = volume.spec.claimRef ? {} : { [boundByController]: 'yes' };
      await client.patch(persistentVolumes, { name: volume.metadata.name }, 'merge', { metadata: { annotations, resourceVersion: volume.metadata.resourceVersion }, spec: { claimRef } });
    }
    if (volume.status?.phase !== 'Bound') await client.patch(persistentVolumes, { name: volume.metadata.name, subresource: 'status' }, 'merge', { status: { phase: 'Bound' } });
    const annotations = { [boundCompletely]: 'yes', ...(claim.spec.volumeName ? {} : { [boundByController]: 'yes' }) };
    if (claim.spec.volumeName !== volume.metadata.name || !claim.metadata.annotations?.[boundCompletely]) await client.patch(persistentVolumeClaims, { namespace, name }, 'merge', { metadata: { annotations }, spec: { volumeName: volume.metadata.name } });
    const status = { phase: 'Bound', accessModes: volume.spec.accessModes, capacity: { storage: volume.spec.capacity?.['storage'] } };
    await client.patch(persistentVolumeClaims, { namespace, name, subresource: 'status' }, 'merge', { status });
  };

  const provision = async (claim: PersistentVolumeClaim, storageClass: NonNullable<ReturnType<typeof classes.get>>): Promise<PersistentVolume> => {
    const name = `pvc-${claim.metadata.uid}`;
    const path = await folders.make(name);
    const { namespace, uid } = claim.metadata;
    const volume: PersistentVolume = {
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: { name, annotations: { [provisionedBy]: localProvisioner } },
      spec: {
        capacity: { storage: claim.spec.resources?.requests?.['storage'] ?? '0' },
        accessModes: claim.spec.accessModes ?? [],
        persistentVolumeReclaimPolicy: storageClass.reclaimPolicy ?? 'Delete',
        storageClassName: storageClass.metadata.name,
        volumeMode: 'Filesystem',
        claimRef: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', name: claim.metadata.name, ...(namespace && { namespace }), ...(uid && { uid }) },
        // Every node is on this machine: the folder is reachable from all of them.
        hostPath: { path, type: 'DirectoryOrCreate' },
      },
    };
    await client.patch(persistentVolumeClaims, { namespace, name: claim.metadata.name }, 'merge', { metadata: { annotations: { [storageProvisioner]: localProvisioner } } });
    try {
      return await client.create<PersistentVolume>(persistentVolumes, volume);
    } catch (error) {
      if (!isStatusError(error, 'AlreadyExists')) throw error;
      return client.get(persistentVolumes, { name });
    }
  };

  /** A larger number is all that a folder needs. */
  const resize = async (claim: PersistentVolumeClaim): Promise<void> => {
    const asked = claim.spec.resources?.requests?.['storage'];
    const volume = volumes.get(claim.spec.volumeName ?? '');
    if (asked === undefined || !volume || quantityOf(asked) <= quantityOf(claim.status?.capacity?.['storage'])) return;
    if (quantityOf(volume.spec.capacity?.['storage']) < quantityOf(asked)) await client.patch(persistentVolumes, { name: volume.metadata.name }, 'merge', { spec: { capacity: { storage: asked } } });
    const { name, namespace } = claim.metadata;
    await client.patch(persistentVolumeClaims, { namespace, name, subresource: 'status' }, 'merge', { status: { capacity: { storage: asked } } });
    events.normal(claim, 'VolumeResizeSuccessful', 'the volume has its new size; the size of local volumes is not enforced');
  };

  const reconcileVolume = async (name: string): Promise<void> => {
    const volume = volumes.get(name);
    if (!volume) return;
    const owner = volume.spec.claimRef;
    const claim = owner ? claims.get(`${owner.namespace}/${owner.name}`) : undefined;
    const bound = claim !== undefined && claim.metadata.uid === owner?.uid;
    if (volume.metadata.deletionTimestamp) {
      if (!bound) await dropFinalizer(persistentVolumes, volume, volumeProtection);
      return;
    }
    const action = planVolume(volume, claim, localProvisioner);
    if (action.type === 'phase') {
      await client.patch(persistentVolumes, { name, subresource: 'status' }, 'merge', { status: { phase: action.phase, message: action.message ?? null } });
      if (action.phase === 'Failed') events.warning(volume, 'VolumeFailedDelete', action.message ?? '');
    } else if (action.type === 'delete') {
      await folders.remove(name);
      await client.delete(persistentVolumes, { name }).catch(absent);
    }
  };

  /** Generic ephemeral volumes: a claim that lives and dies with its pod. */
  const makeClaims = async (key: string): Promise<void> => {
    const pod = podCache.get(key);
    if (!pod || pod.metadata.deletionTimestamp) return;
    for (const volume of pod.spec.volumes ?? []) {
      const template = volume.ephemeral?.volumeClaimTemplate;
      if (!template) continue;
      const name = `${pod.metadata.name}-${volume.name}`;
      if (claims.get(`${pod.metadata.namespace}/${name}`)) continue;
      const claim: PersistentVolumeClaim = {
        apiVersion: 'v1',
        kind: 'PersistentVolumeClaim',
        metadata: { name, ...(pod.metadata.namespace && { namespace: pod.metadata.namespace }), labels: template.metadata?.labels ?? {}, annotations: template.metadata?.annotations ?? {}, ownerReferences: [controllerReference(pod)] },
        spec: template.spec,
      };
      await client.create(persistentVolumeClaims, claim).catch((error: unknown) => {
        if (!isStatusError(error, 'AlreadyExists')) throw error;
      });
    }
  };

  const dropFinalizer = async (of: typeof persistentVolumeClaims | typeof persistentVolumes, object: PersistentVolumeClaim | PersistentVolume, finalizer: string): Promise<void> => {
    const left = (object.metadata.finalizers ?? []).filter((one) => one !== finalizer);
    if (left.length === object.metadata.finalizers?.length) return;
    const { name, namespace, resourceVersion } = object.metadata;
    await client.patch(of as typeof persistentVolumes, { namespace, name }, 'merge', { metadata: { finalizers: left, resourceVersion } }).catch(absent);
  };

  const queue = scope.own(controller({ name: 'volumes', reconcile, clock, log }));
  const allClaims = () => {
    for (const claim of claims.list()) if (claim.status?.phase !== 'Bound') queue.enqueue(`claim:${keyOf(claim)}`);
  };
  scope.own(claims.onChange(({ object }) => {
    queue.enqueue(`claim:${keyOf(object)}`);
    for (const volume of volumes.list()) if (volume.spec.claimRef?.name === object.metadata.name && volume.spec.claimRef.namespace === object.metadata.namespace) queue.enqueue(`volume:${volume.metadata.name}`);
  }));
  scope.own(volumes.onChange(({ object }) => {
    queue.enqueue(`volume:${object.metadata.name}`);
    const owner = object.spec.claimRef;
    if (owner) queue.enqueue(`claim:${owner.namespace}/${owner.name}`);
    else allClaims();
  }));
  scope.own(classes.onChange(allClaims));
  scope.own(podCache.onChange(({ type, object }) => {
    if (type === 'added' && object.spec.volumes?.some(({ ephemeral }) => ephemeral)) queue.enqueue(`pod:${keyOf(object)}`);
    // The last user of a claim that is being deleted has gone.
    for (const name of claimNames(object)) if (claims.get(`${object.metadata.namespace}/${name}`)?.metadata.deletionTimestamp) queue.enqueue(`claim:${object.metadata.namespace}/${name}`);
  }));
}

function split(key: string): [string, string] {
  const colon = key.indexOf(':');
  return [key.slice(0, colon), key.slice(colon + 1)];
}

function absent(error: unknown): void {
  if (!isStatusError(error, 'NotFound')) throw error;
}
