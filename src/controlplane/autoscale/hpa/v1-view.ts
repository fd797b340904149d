/** The same autoscalers as autoscaling/v1, which `kubectl autoscale` still writes. */
import { horizontalPodAutoscalers, horizontalPodAutoscalersV1, type HorizontalPodAutoscalerV1 } from '../../../api/kinds/autoscaling.ts';
import type { KubeObject } from '../../../api/meta.ts';
import type { Column, VirtualKind } from '../../kernel/apiserver/kind.ts';
import { followVirtually } from '../../kernel/apiserver/follow-virtually.ts';
import type { LateClient } from '../../kernel/boot/late-client.ts';
import { autoscalerColumns } from './horizontal-pod-autoscaler.ts';
import { fromV1, toV1 } from './v1.ts';

export function autoscalerV1View(late: LateClient): VirtualKind<HorizontalPodAutoscalerV1> {
  return {
    type: 'virtual',
    resource: horizontalPodAutoscalersV1,
    columns: autoscalerColumns.map((column): Column<HorizontalPodAutoscalerV1> => ({ ...column, cell: (object, now) => column.cell({ ...fromV1(object), status: shownStatus(object) }, now) })),
    get: async ({ namespace }, name) => toV1(await late.get().get(horizontalPodAutoscalers, { namespace, name })),
    async list({ namespace, query }) {
      const limit = query.get('limit');
      const token = query.get('continue');
      const { metadata, items } = await late.get().list(horizontalPodAutoscalers, { namespace, ...(limit && { limit: Number(limit) }), ...(token && { continue: token }) });
      return { apiVersion: 'autoscaling/v1', kind: 'HorizontalPodAutoscalerList', metadata, items: items.map(toV1) };
    },
    watch({ namespace }, resourceVersion, emit) {
      const source = late.get().watch(horizontalPodAutoscalers, { namespace, ...(resourceVersion && { resourceVersion }) });
      return followVirtually(source, ({ type, object }) => emit({ type, object: type === 'ERROR' ? (object as unknown as HorizontalPodAutoscalerV1) : toV1(object) }));
    },
    create: async ({ namespace, dryRun }, hpa) => toV1(await late.get().create(horizontalPodAutoscalers, fromV1(hpa), { namespace, dryRun })),
    update: async ({ namespace }, hpa) => toV1(await late.get().update(horizontalPodAutoscalers, fromV1(hpa), { namespace, name: hpa.metadata.name })),
    async delete({ namespace }, name) {
      await late.get().delete(horizontalPodAutoscalers, { namespace, name });
      return { apiVersion: 'v1', kind: 'Status', metadata: {}, status: 'Success', details: { name, group: horizontalPodAutoscalersV1.group, kind: horizontalPodAutoscalersV1.plural } } as unknown as KubeObject;
    },
  };
}

/** As much of the status as the columns show. */
function shownStatus({ status }: HorizontalPodAutoscalerV1) {
  const current = status?.currentCPUUtilizationPercentage;
  return {
    currentReplicas: status?.currentReplicas ?? 0,
    desiredReplicas: status?.desiredReplicas ?? 0,
    ...(current !== undefined && { currentMetrics: [{ type: 'Resource', resource: { name: 'cpu', current: { averageUtilization: current } } }] }),
  };
}
