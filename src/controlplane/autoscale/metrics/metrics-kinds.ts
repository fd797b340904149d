/** NodeMetrics and PodMetrics: measured by the agents when somebody asks, kept nowhere. */
import { nodes, pods, type Node, type Pod } from '../../../api/kinds/core.ts';
import { nodeMetrics, podMetrics, type NodeMetrics, type PodMetrics } from '../../../api/kinds/metrics.ts';
import { isTerminal } from '../../../api/pod.ts';
import { notFound } from '../../../api/status.ts';
import { delay, type Clock } from '../../../base/clock.ts';
import type { Client } from '../../../client/client.ts';
import type { StatsSummary } from '../../../protocol/stats.ts';
import { nameColumn } from '../../kernel/apiserver/columns.ts';
import { kind, type Column, type Kind } from '../../kernel/apiserver/kind.ts';
import { nodeMetricsOf, podMetricsOf, totalOf } from './usage.ts';

/** An agent answers anew after a second. */
const secondLookMs = 1_050;

export interface MetricsSource {
  clock: Clock;
  client(): Client;
  /** Rejects where the node has no agent or it does not answer. */
  summary(node: string, signal: AbortSignal): Promise<StatsSummary>;
  /** Told of a node that did not answer; its metrics are missing then, as when a metrics server cannot reach a kubelet. */
  unreachable(node: string, error: unknown): void;
}

const windowColumn: Column = { name: 'Window', type: 'string', format: 'duration', cell: (object) => (object as NodeMetrics | PodMetrics).window };

export function nodeMetricsKind(source: MetricsSource): Kind {
  const measure = async (all: readonly Node[], signal: AbortSignal, now: Date): Promise<NodeMetrics[]> => {
    const found = await Promise.all(all.map(async (node) => {
      const summary = await ask(source, node.metadata.name, signal);
      return summary && nodeMetricsOf(node, summary.node, now);
    }));
    return found.filter((one) => one !== undefined);
  };
  return kind<NodeMetrics>({
    type: 'virtual',
    resource: nodeMetrics,
    columns: [
      nameColumn as Column<NodeMetrics>,
      { name: 'cpu', type: 'string', format: 'quantity', cell: ({ usage }) => usage.cpu },
      { name: 'memory', type: 'string', format: 'quantity', cell: ({ usage }) => usage.memory },
      windowColumn as Column<NodeMetrics>,
    ],
    async get({ signal, now }, name) {
      const [found] = await measure([await source.client().get(nodes, { name })], signal, now);
      if (!found) throw notFound({ ...nodeMetrics, plural: 'nodemetrics' }, name);
      return found;
    },
    async list({ query, signal, now }) {
      const { items, metadata } = await source.client().list(nodes, labelled(query));
      return { apiVersion: 'metrics.k8s.io/v1beta1', kind: 'NodeMetricsList', metadata, items: await measure(items, signal, now) };
    },
  });
}

export function podMetricsKind(source: MetricsSource): Kind {
  const measure = async (all: readonly Pod[], signal: AbortSignal, now: Date): Promise<PodMetrics[]> => {
    const running = all.filter((pod) => pod.spec.nodeName && !isTerminal(pod));
    const byUid = new Map(running.map((pod) => [pod.metadata.uid, pod]));
    const summaries = await Promise.all([...new Set(running.map(({ spec }) => spec.nodeName ?? ''))].map((node) => ask(source, node, signal)));
    const found = summaries.flatMap((summary) => summary?.pods ?? []).map((stats) => {
      const pod = byUid.get(stats.podRef.uid);
      return pod && podMetricsOf(pod, stats, now);
    });
    return found.filter((one) => one !== undefined).sort((one, other) => (keyOf(one) < keyOf(other) ? -1 : 1));
  };
  return kind<PodMetrics>({
    type: 'virtual',
    resource: podMetrics,
    columns: [
      nameColumn as Column<PodMetrics>,
      { name: 'cpu', type: 'string', format: 'quantity', cell: ({ containers }) => totalOf(containers).cpu },
      { name: 'memory', type: 'string', format: 'quantity', cell: ({ containers }) => totalOf(containers).memory },
      windowColumn as Column<PodMetrics>,
    ],
    async get({ namespace, signal, now }, name) {
      const [found] = await measure([await source.client().get(pods, { namespace, name })], signal, now);
      if (!found) throw notFound({ ...podMetrics, plural: 'podmetrics' }, `${namespace}/${name}`);
      return found;
    },
    async list({ namespace, query, signal, now }) {
      const { items, metadata } = await source.client().list(pods, { namespace, ...labelled(query) });
      return { apiVersion: 'metrics.k8s.io/v1beta1', kind: 'PodMetricsList', metadata, items: await measure(items, signal, now) };
    },
  });
}

const keyOf = ({ metadata }: PodMetrics) => `${metadata.namespace}/${metadata.name}`;

/** Only what is asked for is measured. */
function labelled(query: URLSearchParams): { labelSelector?: string } {
  const labelSelector = query.get('labelSelector');
  return labelSelector ? { labelSelector } : {};
}

async function ask(source: MetricsSource, node: string, signal: AbortSignal): Promise<StatsSummary | undefined> {
  try {
    const summary = await source.summary(node, signal);
    if (summary.pods.every(({ containers }) => containers.every(({ cpu }) => cpu.usageNanoCores !== undefined))) return summary;
    // A container that has just begun was looked at once, and a rate takes two looks.
    await delay(source.clock, secondLookMs, signal);
    return await source.summary(node, signal);
  } catch (error) {
    if (signal.aborted) throw error;
    source.unreachable(node, error);
    return undefined;
  }
}
