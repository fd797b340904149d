/** Usage as `metrics.k8s.io` shows it, from what a node's agent measured. Pure. */
import type { Node, Pod } from '../../../api/kinds/core.ts';
import type { NodeMetrics, PodMetrics, ResourceUsage } from '../../../api/kinds/metrics.ts';
import { toTime } from '../../../api/meta.ts';
import { canonicalQuantity, quantityOf } from '../../../api/quantity.ts';
import type { CpuStats, MemoryStats, NodeStats, PodStats } from '../../../protocol/stats.ts';

const apiVersion = 'metrics.k8s.io/v1beta1';
/** Of the rate, at most: agents measure it from one ask to the next. */
const window = '15s';

export function nodeMetricsOf({ metadata: { name, labels } }: Node, stats: NodeStats, now: Date): NodeMetrics | undefined {
  const usage = usageOf(stats);
  return usage && { apiVersion, kind: 'NodeMetrics', metadata: { name, ...(labels && { labels }), creationTimestamp: toTime(now) }, timestamp: timeOf(stats.cpu), window, usage };
}

/** Undefined while a container was looked at only once: half a pod's usage would be a lie. */
export function podMetricsOf({ metadata: { name, namespace, labels } }: Pod, stats: PodStats, now: Date): PodMetrics | undefined {
  const containers: PodMetrics['containers'] = [];
  for (const one of stats.containers) {
    const usage = usageOf(one);
    if (!usage) return undefined;
    containers.push({ name: one.name, usage });
  }
  if (containers.length === 0) return undefined;
  return {
    apiVersion, kind: 'PodMetrics',
    metadata: { name, ...(namespace && { namespace }), ...(labels && { labels }), creationTimestamp: toTime(now) },
    timestamp: timeOf(stats.cpu), window,
    containers: containers.sort((one, other) => (one.name < other.name ? -1 : 1)),
  };
}

function usageOf({ cpu, memory }: { cpu: CpuStats; memory: MemoryStats }): ResourceUsage | undefined {
  if (cpu.usageNanoCores === undefined) return undefined;
  return { cpu: canonicalQuantity(`${Math.round(cpu.usageNanoCores)}n`), memory: canonicalQuantity(`${Math.floor(memory.workingSetBytes / 1024)}Ki`) };
}

const timeOf = ({ time }: CpuStats) => toTime(new Date(time));

/** Of all containers together. */
export function totalOf(containers: PodMetrics['containers']): ResourceUsage {
  const sum = (of: keyof ResourceUsage) => containers.reduce((total, { usage }) => total + quantityOf(usage[of]), 0);
  return { cpu: canonicalQuantity(`${Math.round(sum('cpu') * 1e9)}n`), memory: canonicalQuantity(`${Math.floor(sum('memory') / 1024)}Ki`) };
}
