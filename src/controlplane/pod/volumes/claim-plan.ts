/** Binding of claims and volumes, pure (kubernetes pv_controller; data kept as two pointers: volume.spec.claimRef first, then claim.spec.volumeName). */
import type { StorageClass } from '../../../api/kinds/cluster.ts';
import type { PersistentVolume, PersistentVolumeClaim } from '../../../api/kinds/core.ts';
import { quantityOf } from '../../../api/quantity.ts';
import { matchesLabelSelector } from '../../../api/selector.ts';

export const boundCompletely = 'pv.kubernetes.io/bind-completed';
export const boundByController = 'pv.kubernetes.io/bound-by-controller';
export const provisionedBy = 'pv.kubernetes.io/provisioned-by';
export const storageProvisioner = 'volume.kubernetes.io/storage-provisioner';

export type ClaimAction =
  | { type: 'bind'; volume: PersistentVolume }
  | { type: 'provision'; storageClass: StorageClass }
  | { type: 'lost'; message: string }
  | { type: 'wait'; reason: string; message: string }
  | { type: 'none' };

export interface ClaimSurroundings {
  volumes: readonly PersistentVolume[];
  storageClass: StorageClass | undefined;
  /** A node was chosen for the first pod that uses the claim. */
  nodeSelected: boolean;
  /** Classes of this provisioner are served here. */
  provisioner: string;
}

export function planClaim(claim: PersistentVolumeClaim, around: ClaimSurroundings): ClaimAction {
  const { volumes, storageClass } = around;
  const { volumeName } = claim.spec;
  if (volumeName) {
    const volume = volumes.find(({ metadata }) => metadata.name === volumeName);
    if (!volume) {
      if (claim.metadata.annotations?.[boundCompletely]) return { type: 'lost', message: `Bound claim has lost its PersistentVolume. Data on the volume is lost!` };
      return { type: 'none' };
    }
    const owner = volume.spec.claimRef;
    if (owner && !isFor(volume, claim)) return claim.metadata.annotations?.[boundCompletely] ? { type: 'lost', message: 'Bound claim has lost reference to PersistentVolume. Data on the volume is lost!' } : { type: 'wait', reason: 'FailedBinding', message: `volume "${volumeName}" already bound to a different claim.` };
    return { type: 'bind', volume };
  }
  const reserved = volumes.find((volume) => volume.spec.claimRef && isFor(volume, claim));
  if (reserved) return { type: 'bind', volume: reserved };
  const delayed = storageClass?.volumeBindingMode === 'WaitForFirstConsumer' && !around.nodeSelected;
  if (delayed) return { type: 'wait', reason: 'WaitForFirstConsumer', message: 'waiting for first consumer to be created before binding' };
  const volume = bestVolume(claim, volumes);
  if (volume) return { type: 'bind', volume };
  if (!claim.spec.storageClassName) return { type: 'wait', reason: 'FailedBinding', message: 'no persistent volumes available for this claim and no storage class is set' };
  if (!storageClass) return { type: 'wait', reason: 'ProvisioningFailed', message: `storageclass.storage.k8s.io "${claim.spec.storageClassName}" not found` };
  if (storageClass.provisioner === around.provisioner) {
    if (claim.spec.selector) return { type: 'wait', reason: 'ProvisioningFailed', message: 'claim.spec.selector is not supported by this provisioner' };
    if (claim.spec.volumeMode === 'Block') return { type: 'wait', reason: 'ProvisioningFailed', message: 'block volumes need a real cluster; use volumeMode Filesystem' };
    return { type: 'provision', storageClass };
  }
  if (storageClass.provisioner === 'kubernetes.io/no-provisioner') return { type: 'wait', reason: 'FailedBinding', message: 'no persistent volumes available for this claim' };
  return {
    type: 'wait', reason: 'ExternalProvisioning',
    message: `Waiting for a volume to be created either by the external provisioner '${storageClass.provisioner}' or manually by the system administrator. If volume creation is delayed, please verify that the provisioner is running and correctly registered.`,
  };
}

function isFor(volume: PersistentVolume, claim: PersistentVolumeClaim): boolean {
  const owner = volume.spec.claimRef;
  return owner?.name === claim.metadata.name && owner?.namespace === claim.metadata.namespace && (!owner?.uid || owner.uid === claim.metadata.uid);
}

/** Fewest access modes beyond those asked for, then the smallest that is large enough. */
function bestVolume(claim: PersistentVolumeClaim, volumes: readonly PersistentVolume[]): PersistentVolume | undefined {
  const modes = claim.spec.accessModes ?? [];
  const asked = quantityOf(claim.spec.resources?.requests?.['storage']);
  const fitting = volumes.filter((volume) => {
    const { spec, status, metadata } = volume;
    return (
      !metadata.deletionTimestamp &&
      !spec.claimRef &&
      (status?.phase === 'Available' || status?.phase === undefined) &&
      modes.every((mode) => spec.accessModes?.includes(mode)) &&
      quantityOf(spec.capacity?.['storage']) >= asked &&
      (spec.volumeMode ?? 'Filesystem') === (claim.spec.volumeMode ?? 'Filesystem') &&
      (spec.storageClassName ?? '') === (claim.spec.storageClassName ?? '') &&
      (!claim.spec.selector || matchesLabelSelector(claim.spec.selector as never, metadata.labels))
    );
  });
  const size = (volume: PersistentVolume) => quantityOf(volume.spec.capacity?.['storage']);
  const extra = (volume: PersistentVolume) => volume.spec.accessModes?.length ?? 0;
  return fitting.sort((a, b) => extra(a) - extra(b) || size(a) - size(b))[0];
}

export type VolumeAction =
  | { type: 'phase'; phase: 'Available' | 'Bound' | 'Released' | 'Failed'; reason?: string; message?: string }
  | { type: 'delete' }
  | { type: 'none' };

/** What follows from the claim a volume points to. `claim` is absent if it does not exist (any more). */
export function planVolume(volume: PersistentVolume, claim: PersistentVolumeClaim | undefined, provisioner: string): VolumeAction {
  const owner = volume.spec.claimRef;
  const phase = (next: 'Available' | 'Bound' | 'Released' | 'Failed', message?: string): VolumeAction => (volume.status?.phase === next ? { type: 'none' } : { type: 'phase', phase: next, ...(message && { message }) });
  if (!owner) return phase('Available');
  // Reserved by hand for a claim that may come.
  if (!owner.uid) return phase('Available');
  if (claim && claim.metadata.uid === owner.uid) return claim.spec.volumeName === volume.metadata.name ? phase('Bound') : { type: 'none' };
  switch (volume.spec.persistentVolumeReclaimPolicy ?? 'Retain') {
    case 'Delete':
      if (volume.metadata.annotations?.[provisionedBy] === provisioner) return volume.status?.phase === 'Released' ? { type: 'delete' } : phase('Released');
      return phase('Failed', 'error getting deleter volume plugin for volume: no deletable volume plugin matched');
    case 'Recycle':
      return phase('Failed', 'No recycler plugin found for the volume!');
    default:
      return phase('Released');
  }
}
