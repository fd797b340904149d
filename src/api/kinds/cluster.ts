/** Small groups around the core: leases, endpoint slices, storage classes, priority classes. */
import type { ILeaseSpec } from 'kubernetes-models/coordination.k8s.io/v1';
import type { IEndpoint, IEndpointPort } from 'kubernetes-models/discovery.k8s.io/v1';
import type { KubeObject } from '../meta.ts';
import { resource } from '../resource.ts';

export interface Lease extends KubeObject {
  spec?: ILeaseSpec;
}
export interface EndpointSlice extends KubeObject {
  addressType: 'IPv4' | 'IPv6' | 'FQDN';
  endpoints: IEndpoint[];
  ports?: IEndpointPort[];
}
export interface StorageClass extends KubeObject {
  provisioner: string;
  parameters?: Record<string, string>;
  reclaimPolicy?: 'Delete' | 'Retain' | 'Recycle';
  volumeBindingMode?: 'Immediate' | 'WaitForFirstConsumer';
  allowVolumeExpansion?: boolean;
  mountOptions?: string[];
}

export interface PriorityClass extends KubeObject {
  /** Higher is more important. */
  value: number;
  globalDefault?: boolean;
  description?: string;
  preemptionPolicy?: 'PreemptLowerPriority' | 'Never';
}

export const priorityClasses = resource<PriorityClass>('scheduling.k8s.io/v1', { kind: 'PriorityClass', plural: 'priorityclasses', namespaced: false, shortNames: ['pc'] });
export const leases = resource<Lease>('coordination.k8s.io/v1', { kind: 'Lease', plural: 'leases', namespaced: true });
export const endpointSlices = resource<EndpointSlice>('discovery.k8s.io/v1', { kind: 'EndpointSlice', plural: 'endpointslices', namespaced: true });
export const storageClasses = resource<StorageClass>('storage.k8s.io/v1', { kind: 'StorageClass', plural: 'storageclasses', namespaced: false, shortNames: ['sc'] });
