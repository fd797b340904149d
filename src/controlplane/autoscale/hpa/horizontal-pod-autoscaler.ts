/** Horizontal pod autoscalers: defaults, columns (kubernetes pkg/apis/autoscaling/v2, pkg/printers/internalversion). */
import { horizontalPodAutoscalers, type HorizontalPodAutoscaler } from '../../../api/kinds/autoscaling.ts';
import { ageColumn, nameColumn } from '../../kernel/apiserver/columns.ts';
import { kind, type Column, type Kind } from '../../kernel/apiserver/kind.ts';
import { validateAutoscaler } from './autoscaler-rules.ts';
import type { MetricSpec } from './metric-value.ts';

type Behavior = NonNullable<HorizontalPodAutoscaler['spec']['behavior']>;
type Rules = NonNullable<Behavior['scaleUp']>;
type MetricStatus = NonNullable<NonNullable<HorizontalPodAutoscaler['status']>['currentMetrics']>[number];

/** Share of the requested CPU that is aimed at where nothing else is said. */
const usualUtilization = 80;
const shownMetrics = 2;

export function horizontalPodAutoscalerKind(): Kind {
  return kind<HorizontalPodAutoscaler>({
    type: 'stored',
    resource: horizontalPodAutoscalers,
    statusSubresource: true,
    defaults: defaultAutoscaler,
    prepareCreate: (hpa) => void (hpa.status = { desiredReplicas: 0 }),
    validate: validateAutoscaler,
    columns: autoscalerColumns,
  });
}

export function defaultAutoscaler({ spec }: HorizontalPodAutoscaler): void {
  if (!spec) return;
  spec.minReplicas ??= 1;
  if (!spec.metrics?.length) spec.metrics = [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: usualUtilization } } }];
  const { behavior } = spec;
  if (!behavior) return;
  behavior.scaleUp = defaultRules(behavior.scaleUp, { stabilizationWindowSeconds: 0, policies: [{ type: 'Pods', value: 4, periodSeconds: 15 }, { type: 'Percent', value: 100, periodSeconds: 15 }] });
  behavior.scaleDown = defaultRules(behavior.scaleDown, { policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }] });
}

function defaultRules(given: Rules | undefined, usual: Rules): Rules {
  const rules = { ...given };
  if (rules.stabilizationWindowSeconds === undefined && usual.stabilizationWindowSeconds !== undefined) rules.stabilizationWindowSeconds = usual.stabilizationWindowSeconds;
  rules.selectPolicy ??= 'Max';
  if (!rules.policies?.length && usual.policies) rules.policies = usual.policies;
  return rules;
}

export const autoscalerColumns: readonly Column<HorizontalPodAutoscaler>[] = [
  nameColumn as Column<HorizontalPodAutoscaler>,
  { name: 'Reference', type: 'string', cell: ({ spec: { scaleTargetRef } }) => `${scaleTargetRef.kind}/${scaleTargetRef.name}` },
  { name: 'Targets', type: 'string', cell: ({ spec, status }) => targetsText(spec.metrics ?? [], status?.currentMetrics ?? []) },
  { name: 'MinPods', type: 'string', cell: ({ spec }) => (spec.minReplicas === undefined ? '<unset>' : String(spec.minReplicas)) },
  { name: 'MaxPods', type: 'string', cell: ({ spec }) => spec.maxReplicas },
  { name: 'Replicas', type: 'string', cell: ({ status }) => status?.currentReplicas ?? 0 },
  ageColumn as Column<HorizontalPodAutoscaler>,
];

function targetsText(specs: readonly MetricSpec[], statuses: readonly MetricStatus[]): string {
  if (specs.length === 0) return '<none>';
  const texts = specs.map((spec, at) => targetText(spec, statuses[at]));
  const more = texts.length - shownMetrics;
  return `${texts.slice(0, shownMetrics).join(', ')}${more > 0 ? ` + ${more} more...` : ''}`;
}

const unknown = '<unknown>';
type Amount = { averageUtilization?: number; averageValue?: string | number; value?: string | number };

function targetText({ resource, containerResource, pods, object, external }: MetricSpec, status: MetricStatus | undefined): string {
  const source = resource ?? containerResource;
  if (source) {
    const current = (resource ? status?.resource : status?.containerResource)?.current as Amount | undefined;
    const target = source.target as Amount;
    if (target.averageValue !== undefined) return `${source.name}: ${current?.averageValue ?? unknown}/${target.averageValue}`;
    return `${source.name}: ${percent(current?.averageUtilization) ?? unknown}/${percent(target.averageUtilization) ?? '<auto>'}`;
  }
  if (pods) return `${(status?.pods?.current as Amount | undefined)?.averageValue ?? unknown}/${(pods.target as Amount).averageValue}`;
  const other = object ?? external;
  if (!other) return '<unknown type>';
  const current = (object ? status?.object : status?.external)?.current as Amount | undefined;
  const target = other.target as Amount;
  return target.averageValue !== undefined ? `${current?.averageValue ?? unknown}/${target.averageValue} (avg)` : `${current?.value ?? unknown}/${target.value}`;
}

const percent = (value: number | undefined) => (value === undefined ? undefined : `${value}%`);
