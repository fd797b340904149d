import type { IDeploymentSpec, IDeploymentStatus, IReplicaSetSpec, IReplicaSetStatus } from 'kubernetes-models/apps/v1';
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

export const deployments = resource<Deployment>('apps/v1', { kind: 'Deployment', plural: 'deployments', namespaced: true, shortNames: ['deploy'], categories: ['all'] });
export const replicaSets = resource<ReplicaSet>('apps/v1', { kind: 'ReplicaSet', plural: 'replicasets', namespaced: true, shortNames: ['rs'], categories: ['all'] });
