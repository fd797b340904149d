/** `/stats/summary` and `/metrics/resource`, as a kubelet serves them. */
import type { CpuStats, MemoryStats, StatsSummary } from '../../protocol/stats.ts';

/** The Prometheus text of the kubelet's resource metrics (Kubernetes docs, "Node metrics data"). */
export function resourceMetrics({ node, pods }: StatsSummary): string {
  const containers = pods.flatMap(({ podRef, containers: all }) => all.map((one) => ({ ...one, labels: { container: one.name, namespace: podRef.namespace, pod: podRef.name } })));
  const ofPods = pods.map((one) => ({ ...one, labels: { namespace: one.podRef.namespace, pod: one.podRef.name } }));
  const cpu = ({ cpu: { usageCoreNanoSeconds } }: { cpu: CpuStats }) => usageCoreNanoSeconds / 1e9;
  const memory = ({ memory: { workingSetBytes } }: { memory: MemoryStats }) => workingSetBytes;
  const time = (one: { cpu: CpuStats }) => Date.parse(one.cpu.time);
  const machine = [{ ...node, labels: {} }];
  return [
    ...family('container_cpu_usage_seconds_total', 'counter', 'Cumulative cpu time consumed by the container in core-seconds', containers, cpu, time),
    ...family('container_memory_working_set_bytes', 'gauge', 'Current working set of the container in bytes', containers, memory, time),
    ...family('container_start_time_seconds', 'gauge', 'Start time of the container since unix epoch in seconds', containers, ({ startTime }) => Date.parse(startTime) / 1000),
    ...family('node_cpu_usage_seconds_total', 'counter', 'Cumulative cpu time consumed by the node in core-seconds', machine, cpu, time),
    ...family('node_memory_working_set_bytes', 'gauge', 'Current working set of the node in bytes', machine, memory, time),
    ...family('pod_cpu_usage_seconds_total', 'counter', 'Cumulative cpu time consumed by the pod in core-seconds', ofPods, cpu, time),
    ...family('pod_memory_working_set_bytes', 'gauge', 'Current working set of the pod in bytes', ofPods, memory, time),
    ...family('resource_scrape_error', 'gauge', '1 if there was an error while getting container metrics, 0 otherwise', [{ labels: {} }], () => 0),
    '',
  ].join('\n');
}

function family<T extends { labels: Record<string, string> }>(name: string, type: string, help: string, all: readonly T[], value: (one: T) => number, time?: (one: T) => number): string[] {
  if (all.length === 0) return [];
  return [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`, ...all.map((one) => `${name}${labelText(one.labels)} ${value(one)}${time ? ` ${time(one)}` : ''}`)];
}

/** Names of objects hold nothing that would need escaping. */
function labelText(labels: Record<string, string>): string {
  const text = Object.entries(labels).map(([name, value]) => `${name}="${value}"`).join(',');
  return text && `{${text}}`;
}
