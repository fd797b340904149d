/** What nodes and pods use now (metrics.k8s.io). */
import type { KubeObject, Time } from '../meta.ts';
import { resource } from '../resource.ts';

export interface ResourceUsage {
  cpu: string;
  memory: string;
}
interface Measured extends KubeObject {
  timestamp: Time;
  /** The time over which CPU was counted, e.g. `15s`. */
  window: string;
}
export interface NodeMetrics extends Measured {
  usage: ResourceUsage;
}
export interface PodMetrics extends Measured {
  containers: { name: string; usage: ResourceUsage }[];
}

const group = 'metrics.k8s.io/v1beta1';
/** Named as the objects they measure, in a group of their own. */
export const nodeMetrics = resource<NodeMetrics>(group, { kind: 'NodeMetrics', plural: 'nodes', singular: '', namespaced: false });
export const podMetrics = resource<PodMetrics>(group, { kind: 'PodMetrics', plural: 'pods', singular: '', namespaced: true });
