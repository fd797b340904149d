/** The pod of a daemon set on one node, and whether the node is to have one (kubernetes pkg/controller/daemon/util). Pure. */
import { revisionHashLabel, templateGeneration, type DaemonSet } from '../../../api/kinds/apps.ts';
import type { Node, Pod, PodTemplateSpec } from '../../../api/kinds/core.ts';
import { copyJson } from '../../../api/json.ts';
import { nodeDemandOf, suitsNode, tolerates, type NodeDemand, type Toleration } from '../../../api/node-rules.ts';

type NodePodTemplate = PodTemplateSpec & { spec: NonNullable<PodTemplateSpec['spec']> };

const tolerated = (name: string, effect: string): Toleration => ({ key: `node.kubernetes.io/${name}`, operator: 'Exists', effect });
/** A daemon stays on a node that is unwell, and comes to one that is cordoned. */
const always = [
  tolerated('not-ready', 'NoExecute'), tolerated('unreachable', 'NoExecute'),
  tolerated('disk-pressure', 'NoSchedule'), tolerated('memory-pressure', 'NoSchedule'), tolerated('pid-pressure', 'NoSchedule'), tolerated('unschedulable', 'NoSchedule'),
];

function tolerationsOf({ spec }: Pick<PodTemplateSpec, 'spec'>): Toleration[] {
  const added = [...always, ...(spec?.hostNetwork ? [tolerated('network-unavailable', 'NoSchedule')] : [])];
  const own = (spec?.tolerations ?? []).filter((one) => !added.some((other) => other.key === one.key && other.effect === one.effect && other.operator === one.operator));
  return [...own, ...added];
}

export interface DaemonDemand extends NodeDemand {
  tolerations: readonly Toleration[];
  /** The only node, where the template names one. */
  nodeName: string | undefined;
}

export function daemonDemand({ spec: { template } }: DaemonSet): DaemonDemand {
  return { ...nodeDemandOf(template.spec ?? {}), tolerations: tolerationsOf(template), nodeName: template.spec?.nodeName || undefined };
}

/** `run`: a pod is to be there. `stay`: one that is there may go on. */
export function placement(demand: DaemonDemand, node: Node): { run: boolean; stay: boolean } {
  const { name, labels = {} } = node.metadata;
  if ((demand.nodeName !== undefined && demand.nodeName !== name) || !suitsNode(demand, { name, labels })) return { run: false, stay: false };
  const refusing = (node.spec?.taints ?? []).filter((taint) => taint.effect !== 'PreferNoSchedule' && !demand.tolerations.some((one) => tolerates(one, taint)));
  if (refusing.length === 0) return { run: true, stay: true };
  return { run: false, stay: !refusing.some(({ effect }) => effect === 'NoExecute') };
}

/** The template of the pod for `node`: bound to it by affinity, so that the scheduler still looks for room. */
export function daemonTemplate(set: DaemonSet, node: string, hash: string): NodePodTemplate {
  const template = copyJson(set.spec.template) as NodePodTemplate;
  const generation = set.metadata.annotations?.[templateGeneration.annotation];
  template.metadata = {
    ...template.metadata,
    labels: { ...template.metadata?.labels, ...(generation && { [templateGeneration.label]: generation }), [revisionHashLabel]: hash },
  };
  const { affinity } = template.spec;
  template.spec.affinity = {
    ...affinity,
    nodeAffinity: {
      ...affinity?.nodeAffinity,
      requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: [node] }] }] },
    },
  };
  template.spec.tolerations = tolerationsOf(template) as NonNullable<typeof template.spec.tolerations>;
  return template;
}

/** Where a pod is, or is meant to be. */
export function nodeOf({ spec }: Pod): string | undefined {
  if (spec.nodeName) return spec.nodeName;
  for (const { matchFields } of spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? []) {
    for (const { key, operator, values } of matchFields ?? []) if (key === 'metadata.name' && operator === 'In' && values?.length === 1) return values[0];
  }
  return undefined;
}
