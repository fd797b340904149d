// Reads nodes, pods, scales of workloads. Serves NodeMetrics and PodMetrics, which agents measure when asked; owns HorizontalPodAutoscalers.
// Writes scales, statuses of autoscalers, events.
import type { Clock } from '../../base/clock.ts';
import type { Log } from '../../base/log.ts';
import type { StatsSummary } from '../../protocol/stats.ts';
import { kind } from '../kernel/apiserver/kind.ts';
import { LateClient } from '../kernel/boot/late-client.ts';
import type { Module } from '../kernel/boot/module.ts';
import { startAutoscalerController } from './hpa/autoscaler-controller.ts';
import { horizontalPodAutoscalerKind } from './hpa/horizontal-pod-autoscaler.ts';
import { autoscalerV1View } from './hpa/v1-view.ts';
import { nodeMetricsKind, podMetricsKind } from './metrics/metrics-kinds.ts';

export interface AutoscaleDependencies {
  clock: Clock;
  log: Log;
  /** What a node and its pods use now; rejects where its agent does not answer. */
  summary(node: string, signal: AbortSignal): Promise<StatsSummary>;
}

export function autoscaleModule({ clock, log, summary }: AutoscaleDependencies): Module {
  const late = new LateClient();
  const source = { clock, client: () => late.get(), summary, unreachable: (node: string, error: unknown) => log.debug('no metrics of a node', { node, error }) };
  return {
    name: 'autoscale',
    dependsOn: ['project', 'pod'],
    // Clients take the first version of a group for the one to use.
    kinds: [horizontalPodAutoscalerKind(), kind(autoscalerV1View(late)), nodeMetricsKind(source), podMetricsKind(source)],
    async start(context) {
      late.set(context.client);
      await startAutoscalerController(context);
    },
  };
}
