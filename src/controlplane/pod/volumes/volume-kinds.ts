/** The rules of PersistentVolume, PersistentVolumeClaim and StorageClass. */
import { equalJson } from '../../../api/json.ts';
import { storageClasses, type StorageClass } from '../../../api/kinds/cluster.ts';
import { persistentVolumeClaims, persistentVolumes, type PersistentVolume, type PersistentVolumeClaim, type Pod } from '../../../api/kinds/core.ts';
import { quantityOf } from '../../../api/quantity.ts';
import { forbiddenField, invalidValue, required, type FieldError } from '../../../api/status.ts';
import { ageColumn, nameColumn } from '../../kernel/apiserver/columns.ts';
import { collectionPrefix } from '../../kernel/apiserver/kind-table.ts';
import { kind, type Column, type Kind } from '../../kernel/apiserver/kind.ts';
import type { Reader } from '../../kernel/store/store.ts';

export const defaultClassAnnotation = 'storageclass.kubernetes.io/is-default-class';
export const claimProtection = 'kubernetes.io/pvc-protection';
export const volumeProtection = 'kubernetes.io/pv-protection';

const unset = '<unset>';
const short: Record<string, string> = { ReadWriteOnce: 'RWO', ReadOnlyMany: 'ROX', ReadWriteMany: 'RWX', ReadWriteOncePod: 'RWOP' };
const modes = (list: readonly string[] | undefined) => ['ReadWriteOnce', 'ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOncePod'].filter((mode) => list?.includes(mode)).map((mode) => short[mode]).join(',');

const volumeColumns: Column<PersistentVolume>[] = [
  nameColumn,
  { name: 'Capacity', type: 'string', cell: ({ spec }) => String(spec.capacity?.['storage'] ?? '') },
  { name: 'Access Modes', type: 'string', cell: ({ spec }) => modes(spec.accessModes) },
  { name: 'Reclaim Policy', type: 'string', cell: ({ spec }) => spec.persistentVolumeReclaimPolicy ?? '' },
  { name: 'Status', type: 'string', cell: ({ metadata, status }) => (metadata.deletionTimestamp ? 'Terminating' : (status?.phase ?? '')) },
  { name: 'Claim', type: 'string', cell: ({ spec }) => (spec.claimRef ? `${spec.claimRef.namespace}/${spec.claimRef.name}` : '') },
  { name: 'StorageClass', type: 'string', cell: ({ spec }) => spec.storageClassName ?? '' },
  { name: 'VolumeAttributesClass', type: 'string', cell: ({ spec }) => spec.volumeAttributesClassName || unset },
  { name: 'Reason', type: 'string', cell: ({ status }) => status?.reason ?? '' },
  ageColumn,
  { name: 'VolumeMode', type: 'string', priority: 1, cell: ({ spec }) => spec.volumeMode ?? unset },
];

export function persistentVolumeKind(): Kind {
  return kind<PersistentVolume>({
    type: 'stored',
    resource: persistentVolumes,
    generation: false,
    defaults: ({ spec }) => {
      spec.volumeMode ??= 'Filesystem';
      spec.persistentVolumeReclaimPolicy ??= 'Retain';
      if (spec.hostPath) spec.hostPath.type ??= '';
    },
    prepareCreate: (volume) => {
      volume.status = { phase: 'Pending' };
      protect(volume, volumeProtection);
    },
    validate: (volume, old) => {
      const errors: FieldError[] = [];
      if (!volume.spec.accessModes?.length) errors.push(required('spec.accessModes'));
      if (volume.spec.capacity?.['storage'] === undefined) errors.push(required('spec.capacity'));
      const source = (one: PersistentVolume) => Object.entries(one.spec).filter(([key]) => !plainVolumeFields.has(key));
      if (source(volume).length === 0) errors.push(required('spec', 'must specify a volume type'));
      if (source(volume).length > 1) errors.push(forbiddenField(`spec.${source(volume)[1]?.[0]}`, 'may not specify more than 1 volume type'));
      if (old && !equalJson(source(volume), source(old))) errors.push(forbiddenField('spec.persistentvolumesource', 'spec.persistentvolumesource is immutable after creation'));
      return errors;
    },
    columns: volumeColumns,
  });
}

const plainVolumeFields = new Set(['accessModes', 'capacity', 'claimRef', 'mountOptions', 'nodeAffinity', 'persistentVolumeReclaimPolicy', 'storageClassName', 'volumeAttributesClassName', 'volumeMode']);

const claimColumns: Column<PersistentVolumeClaim>[] = [
  nameColumn,
  { name: 'Status', type: 'string', cell: ({ metadata, status }) => (metadata.deletionTimestamp ? 'Terminating' : (status?.phase ?? '')) },
  { name: 'Volume', type: 'string', cell: ({ spec }) => spec.volumeName ?? '' },
  { name: 'Capacity', type: 'string', cell: ({ spec, status }) => (spec.volumeName ? String(status?.capacity?.['storage'] ?? '') : '') },
  { name: 'Access Modes', type: 'string', cell: ({ spec, status }) => (spec.volumeName ? modes(status?.accessModes) : '') },
  { name: 'StorageClass', type: 'string', cell: ({ spec }) => spec.storageClassName ?? '' },
  { name: 'VolumeAttributesClass', type: 'string', cell: ({ spec }) => spec.volumeAttributesClassName || unset },
  ageColumn,
  { name: 'VolumeMode', type: 'string', priority: 1, cell: ({ spec }) => spec.volumeMode ?? unset },
];

export function persistentVolumeClaimKind(store: Reader): Kind {
  return kind<PersistentVolumeClaim>({
    type: 'stored',
    resource: persistentVolumeClaims,
    generation: false,
    defaults: ({ spec }) => {
      spec.volumeMode ??= 'Filesystem';
    },
    prepareCreate: (claim) => {
      claim.status = { phase: 'Pending' };
      protect(claim, claimProtection);
      // "" asks for no class on purpose; nothing asks for the default one.
      if (claim.spec.storageClassName === undefined && !claim.spec.volumeName) {
        const name = defaultClass(store);
        if (name) claim.spec.storageClassName = name;
      }
    },
    validate: (claim, old) => (old ? validateClaimUpdate(claim, old, store) : validateClaim(claim)),
    columns: claimColumns,
  });
}

function defaultClass(store: Reader): string | undefined {
  const all = store.list(collectionPrefix(storageClasses)).entries.map(({ object }) => object as StorageClass);
  return all.filter(({ metadata }) => metadata.annotations?.[defaultClassAnnotation] === 'true').sort((a, b) => (b.metadata.creationTimestamp ?? '').localeCompare(a.metadata.creationTimestamp ?? ''))[0]?.metadata.name;
}

function validateClaim({ spec }: PersistentVolumeClaim): FieldError[] {
  const errors: FieldError[] = [];
  if (!spec.accessModes?.length) errors.push(required('spec.accessModes', 'at least 1 access mode is required'));
  if (spec.resources?.requests?.['storage'] === undefined) errors.push(required('spec.resources[storage]'));
  else if (quantityOf(spec.resources.requests['storage']) <= 0) errors.push(invalidValue('spec.resources[storage]', String(spec.resources.requests['storage']), 'must be greater than zero'));
  return errors;
}

function validateClaimUpdate(claim: PersistentVolumeClaim, old: PersistentVolumeClaim, store: Reader): FieldError[] {
  const errors: FieldError[] = [];
  const frame = ({ spec }: PersistentVolumeClaim) => ({ ...spec, volumeName: undefined, resources: undefined, storageClassName: undefined, volumeAttributesClassName: undefined });
  const bound = old.spec.volumeName !== undefined && old.spec.volumeName !== claim.spec.volumeName;
  const classed = (old.spec.storageClassName ?? claim.spec.storageClassName) !== claim.spec.storageClassName;
  if (bound || classed || !equalJson(frame(claim), frame(old))) errors.push(forbiddenField('spec', 'spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims'));
  const size = (one: PersistentVolumeClaim) => quantityOf(one.spec.resources?.requests?.['storage']);
  if (size(claim) < size(old)) errors.push(forbiddenField('spec.resources.requests.storage', 'field can not be less than status.capacity'));
  if (size(claim) > size(old)) {
    const used = store.get(`${collectionPrefix(storageClasses)}/${old.spec.storageClassName ?? ''}`)?.object as StorageClass | undefined;
    if (old.status?.phase === 'Bound' && !used?.allowVolumeExpansion) errors.push(forbiddenField('spec.resources.requests.storage', 'only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize'));
  }
  return errors;
}

const classColumns: Column<StorageClass>[] = [
  { ...nameColumn, cell: ({ metadata }) => (metadata.annotations?.[defaultClassAnnotation] === 'true' ? `${metadata.name} (default)` : metadata.name) },
  { name: 'Provisioner', type: 'string', cell: ({ provisioner }) => provisioner },
  { name: 'ReclaimPolicy', type: 'string', cell: ({ reclaimPolicy }) => reclaimPolicy ?? 'Delete' },
  { name: 'VolumeBindingMode', type: 'string', cell: ({ volumeBindingMode }) => volumeBindingMode ?? 'Immediate' },
  { name: 'AllowVolumeExpansion', type: 'string', cell: ({ allowVolumeExpansion }) => String(allowVolumeExpansion ?? false) },
  ageColumn,
];

export function storageClassKind(): Kind {
  return kind<StorageClass>({
    type: 'stored',
    resource: storageClasses,
    generation: false,
    defaults: (storageClass) => {
      storageClass.reclaimPolicy ??= 'Delete';
      storageClass.volumeBindingMode ??= 'Immediate';
    },
    validate: (storageClass, old) => {
      const errors: FieldError[] = [];
      if (old && !equalJson(storageClass.parameters, old.parameters)) errors.push(forbiddenField('parameters', 'updates to parameters are forbidden.'));
      if (old && storageClass.provisioner !== old.provisioner) errors.push(forbiddenField('provisioner', 'updates to provisioner are forbidden.'));
      if (old && storageClass.reclaimPolicy !== old.reclaimPolicy) errors.push(forbiddenField('reclaimPolicy', 'updates to reclaimPolicy are forbidden.'));
      return errors;
    },
    columns: classColumns,
  });
}

function protect(object: { metadata: { finalizers?: string[] } }, finalizer: string): void {
  object.metadata.finalizers = [...new Set([...(object.metadata.finalizers ?? []), finalizer])];
}

/** True while a pod that has not ended uses the claim. */
export function inUse(claim: PersistentVolumeClaim, used: readonly Pod[]): boolean {
  return used.some((pod) => pod.metadata.namespace === claim.metadata.namespace && pod.status?.phase !== 'Succeeded' && pod.status?.phase !== 'Failed');
}

