/** The columns of `kubectl get pods`. The summary is made once a row: three cells are cut from it. */
import type { Pod } from '../../api/kinds/core.ts';
import { summarizePod, type PodSummary } from '../../api/pod-summary.ts';
import { ageColumn, nameColumn } from '../kernel/apiserver/columns.ts';
import type { Column } from '../kernel/apiserver/kind.ts';

let last: { pod: Pod; now: Date; summary: PodSummary } | undefined;

function summary(pod: Pod, now: Date): PodSummary {
  if (last?.pod !== pod || last.now !== now) last = { pod, now, summary: summarizePod(pod, now) };
  return last.summary;
}

const none = '<none>';

export const podColumns: Column<Pod>[] = [
  nameColumn,
  { name: 'Ready', type: 'string', description: 'The aggregate readiness state of this pod for accepting traffic.', cell: (pod, now) => summary(pod, now).ready },
  { name: 'Status', type: 'string', description: 'The aggregate status of the containers in this pod.', cell: (pod, now) => summary(pod, now).status },
  { name: 'Restarts', type: 'string', description: 'The number of times the containers in this pod have been restarted and when the last container in this pod has restarted.', cell: (pod, now) => summary(pod, now).restarts },
  ageColumn,
  { name: 'IP', type: 'string', priority: 1, description: 'podIP address allocated to the pod.', cell: ({ status }) => status?.podIPs?.[0]?.ip || status?.podIP || none },
  { name: 'Node', type: 'string', priority: 1, description: 'NodeName indicates in which node this pod is scheduled.', cell: ({ spec }) => spec.nodeName || none },
  { name: 'Nominated Node', type: 'string', priority: 1, description: 'nominatedNodeName is set only when this pod preempts other pods on the node.', cell: ({ status }) => status?.nominatedNodeName || none },
  { name: 'Readiness Gates', type: 'string', priority: 1, description: 'If specified, all readiness gates will be evaluated for pod readiness.', cell: gates },
];

function gates({ spec, status }: Pod): string {
  const wanted = spec.readinessGates ?? [];
  if (wanted.length === 0) return none;
  const met = wanted.filter(({ conditionType }) => status?.conditions?.some((condition) => condition.type === conditionType && condition.status === 'True'));
  return `${met.length}/${wanted.length}`;
}
