/** networking.k8s.io/v1: Ingress and IngressClass. */
import type { IIngressClassSpec, IIngressSpec, IIngressStatus } from 'kubernetes-models/networking.k8s.io/v1';
import type { KubeObject } from '../meta.ts';
import { resource } from '../resource.ts';

export interface Ingress extends KubeObject {
  spec: IIngressSpec;
  status?: IIngressStatus;
}
export interface IngressClass extends KubeObject {
  spec: IIngressClassSpec;
}

export const ingresses = resource<Ingress>('networking.k8s.io/v1', { kind: 'Ingress', plural: 'ingresses', namespaced: true, shortNames: ['ing'] });
export const ingressClasses = resource<IngressClass>('networking.k8s.io/v1', { kind: 'IngressClass', plural: 'ingressclasses', namespaced: false });
