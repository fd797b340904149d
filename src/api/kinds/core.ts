/** The core group, version 1. Specs and statuses are the published models; objects carry `metadata` always. */
import type {
  IContainer, IContainerStatus, IEndpointSubset, INamespaceStatus, INodeSpec, INodeStatus, IPersistentVolumeClaimSpec, IPersistentVolumeClaimStatus,
  IPersistentVolumeSpec, IPersistentVolumeStatus, IPodSpec, IPodStatus, IPodTemplateSpec, IReplicationControllerSpec, IReplicationControllerStatus, IServiceSpec,
  IServiceStatus,
} from 'kubernetes-models/v1';
import type { KubeObject, LocalObjectReference, ObjectReference, Time } from '../meta.ts';
import { resource } from '../resource.ts';

export type Container = IContainer;
export type ContainerStatus = IContainerStatus;
export type PodSpec = IPodSpec;
export type PodStatus = IPodStatus;
export type PodTemplateSpec = IPodTemplateSpec;

export interface Namespace extends KubeObject {
  spec?: { finalizers?: string[] };
  status?: INamespaceStatus;
}
export interface Node extends KubeObject {
  spec?: INodeSpec;
  status?: INodeStatus;
}
export interface Pod extends KubeObject {
  spec: PodSpec;
  status?: PodStatus;
}
/** `pods/binding`: assigns a pod to the node in `target.name`. */
export interface Binding extends KubeObject {
  target: ObjectReference;
}
export interface Service extends KubeObject {
  spec: IServiceSpec;
  status?: IServiceStatus;
}
export interface Endpoints extends KubeObject {
  subsets?: IEndpointSubset[];
}
export interface ConfigMap extends KubeObject {
  data?: Record<string, string>;
  /** Base64. */
  binaryData?: Record<string, string>;
  immutable?: boolean;
}
export interface Secret extends KubeObject {
  type?: string;
  /** Base64. */
  data?: Record<string, string>;
  stringData?: Record<string, string>;
  immutable?: boolean;
}
export interface ServiceAccount extends KubeObject {
  secrets?: ObjectReference[];
  imagePullSecrets?: LocalObjectReference[];
  automountServiceAccountToken?: boolean;
}
export interface Event extends KubeObject {
  involvedObject: ObjectReference;
  reason?: string;
  message?: string;
  type?: 'Normal' | 'Warning';
  count?: number;
  firstTimestamp?: Time | null;
  lastTimestamp?: Time | null;
  eventTime?: Time | null;
  source?: { component?: string; host?: string };
  reportingComponent?: string;
  reportingInstance?: string;
  action?: string;
  related?: ObjectReference;
  series?: { count?: number; lastObservedTime?: Time };
}
export interface ReplicationController extends KubeObject {
  spec: IReplicationControllerSpec;
  status?: IReplicationControllerStatus;
}
export interface PersistentVolume extends KubeObject {
  spec: IPersistentVolumeSpec;
  status?: IPersistentVolumeStatus;
}
export interface PersistentVolumeClaim extends KubeObject {
  spec: IPersistentVolumeClaimSpec;
  status?: IPersistentVolumeClaimStatus;
}

export const namespaces = resource<Namespace>('v1', { kind: 'Namespace', plural: 'namespaces', namespaced: false, shortNames: ['ns'] });
export const nodes = resource<Node>('v1', { kind: 'Node', plural: 'nodes', namespaced: false, shortNames: ['no'] });
export const pods = resource<Pod>('v1', { kind: 'Pod', plural: 'pods', namespaced: true, shortNames: ['po'], categories: ['all'] });
export const services = resource<Service>('v1', { kind: 'Service', plural: 'services', namespaced: true, shortNames: ['svc'], categories: ['all'] });
export const endpoints = resource<Endpoints>('v1', { kind: 'Endpoints', plural: 'endpoints', singular: 'endpoints', namespaced: true, shortNames: ['ep'] });
export const configMaps = resource<ConfigMap>('v1', { kind: 'ConfigMap', plural: 'configmaps', namespaced: true, shortNames: ['cm'] });
export const secrets = resource<Secret>('v1', { kind: 'Secret', plural: 'secrets', namespaced: true });
export const serviceAccounts = resource<ServiceAccount>('v1', { kind: 'ServiceAccount', plural: 'serviceaccounts', namespaced: true, shortNames: ['sa'] });
export const events = resource<Event>('v1', { kind: 'Event', plural: 'events', namespaced: true, shortNames: ['ev'] });
export const replicationControllers = resource<ReplicationController>('v1', {
  kind: 'ReplicationController', plural: 'replicationcontrollers', namespaced: true, shortNames: ['rc'], categories: ['all'],
});
export const persistentVolumes = resource<PersistentVolume>('v1', { kind: 'PersistentVolume', plural: 'persistentvolumes', namespaced: false, shortNames: ['pv'] });
export const persistentVolumeClaims = resource<PersistentVolumeClaim>('v1', {
  kind: 'PersistentVolumeClaim', plural: 'persistentvolumeclaims', namespaced: true, shortNames: ['pvc'],
});
