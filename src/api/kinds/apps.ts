import type { IDaemonSetSpec, IDaemonSetStatus, IDeploymentSpec, IDeploymentStatus, IReplicaSetSpec, IReplicaSetStatus, IStatefulSetSpec, IStatefulSetStatus } from 'kubernetes-models/apps/v1';
import type { KubeObject } from '../meta.ts';
import { resource } from '../resource.ts';

export interface Deployment extends KubeObject {
  spec: IDeploymentSpec;
  status?: IDeploymentStatus;
}
export interface ReplicaSet extends KubeObject {
  spec: IReplicaSetSpec;
  status?: IReplicaSetStatus;
}
export interface StatefulSet extends KubeObject {
  spec: IStatefulSetSpec;
  status?: IStatefulSetStatus;
}
export interface DaemonSet extends KubeObject {
  spec: IDaemonSetSpec;
  status?: IDaemonSetStatus;
}
/** A template as it once was, kept to go back to. */
export interface ControllerRevision extends KubeObject {
  /** A strategic patch of the owner: `{ spec: { template } }`. */
  data?: unknown;
  revision: number;
}

export const deployments = resource<Deployment>('apps/v1', { kind: 'Deployment', plural: 'deployments', namespaced: true, shortNames: ['deploy'], categories: ['all'] });
export const replicaSets = resource<ReplicaSet>('apps/v1', { kind: 'ReplicaSet', plural: 'replicasets', namespaced: true, shortNames: ['rs'], categories: ['all'] });
export const statefulSets = resource<StatefulSet>('apps/v1', { kind: 'StatefulSet', plural: 'statefulsets', namespaced: true, shortNames: ['sts'], categories: ['all'] });
export const daemonSets = resource<DaemonSet>('apps/v1', { kind: 'DaemonSet', plural: 'daemonsets', namespaced: true, shortNames: ['ds'], categories: ['all'] });
export const controllerRevisions = resource<ControllerRevision>('apps/v1', { kind: 'ControllerRevision', plural: 'controllerrevisions', namespaced: true });

/** On a deployment and its replica sets: which revision of the template it is. */
export const revisionAnnotation = 'deployment.kubernetes.io/revision';
/** Tells the pods of a deployment's revisions apart. */
export const templateHashLabel = 'pod-template-hash';
/** Of pods whose owner keeps controller revisions: the name of theirs; of a daemon set's pods, its hash alone. */
export const revisionHashLabel = 'controller-revision-hash';
export const statefulSetLabels = { podName: 'statefulset.kubernetes.io/pod-name', podIndex: 'apps.kubernetes.io/pod-index' } as const;
/** How often a daemon set's template changed, on the set and on its pods: from before there were revisions, still written. */
export const templateGeneration = { annotation: 'deprecated.daemonset.template.generation', label: 'pod-template-generation' } as const;
