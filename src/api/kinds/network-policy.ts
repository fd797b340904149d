/** Which connections of pods are allowed (networking.k8s.io/v1). */
import type { INetworkPolicyEgressRule, INetworkPolicyIngressRule, INetworkPolicyPeer, INetworkPolicyPort, INetworkPolicySpec } from 'kubernetes-models/networking.k8s.io/v1';
import type { KubeObject } from '../meta.ts';
import { resource } from '../resource.ts';

export interface NetworkPolicy extends KubeObject {
  spec?: INetworkPolicySpec;
}
export type PolicyPeer = INetworkPolicyPeer;
export type PolicyPort = INetworkPolicyPort;
export type PolicyIngressRule = INetworkPolicyIngressRule;
export type PolicyEgressRule = INetworkPolicyEgressRule;

export const networkPolicies = resource<NetworkPolicy>('networking.k8s.io/v1', { kind: 'NetworkPolicy', plural: 'networkpolicies', namespaced: true, shortNames: ['netpol'] });
