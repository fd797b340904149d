import { replicationControllers, type ReplicationController } from '../../api/kinds/core.ts';
import { validateLabels } from '../../api/selector-rules.ts';
import { selectorOfMap } from '../../api/selector.ts';
import { required } from '../../api/status.ts';
import { ageColumn, nameColumn } from '../kernel/apiserver/columns.ts';
import { kind, type Kind } from '../kernel/apiserver/kind.ts';
import type { WorkloadCondition } from './conditions.ts';
import type { ReplicaRules } from './replicas-controller.ts';
import { scaleBy, templateColumns, validateCount, validateTemplate, type PodTemplateRules } from './workload.ts';

const selector = ({ spec }: ReplicationController) => selectorOfMap(spec.selector);

export function replicationControllerKind(rules: PodTemplateRules): Kind {
  return kind<ReplicationController>({
    type: 'stored',
    resource: replicationControllers,
    statusSubresource: true,
    defaults(controller) {
      const spec = (controller.spec ??= {});
      const { metadata } = controller;
      const labels = spec.template?.metadata?.labels;
      spec.replicas ??= 1;
      if (labels && Object.keys(spec.selector ?? {}).length === 0) spec.selector = { ...labels };
      if (labels && Object.keys(metadata.labels ?? {}).length === 0) metadata.labels = { ...labels };
      if (spec.template?.spec) rules.defaults(spec.template);
    },
    prepareCreate(controller) {
      controller.status = { replicas: 0 };
    },
    validate({ spec }) {
      return [
        ...validateCount('spec.replicas', spec.replicas),
        ...validateCount('spec.minReadySeconds', spec.minReadySeconds),
        ...(Object.keys(spec.selector ?? {}).length === 0 ? [required('spec.selector')] : validateLabels(spec.selector, 'spec.selector')),
        ...validateTemplate(spec.template, selectorOfMap(spec.selector), rules),
      ];
    },
    selectableFields: { 'status.replicas': ({ status }) => String(status?.replicas ?? 0) },
    columns: [
      nameColumn,
      { name: 'Desired', type: 'integer', cell: ({ spec }) => spec.replicas ?? 1 },
      { name: 'Current', type: 'integer', cell: ({ status }) => status?.replicas ?? 0 },
      { name: 'Ready', type: 'integer', cell: ({ status }) => status?.readyReplicas ?? 0 },
      ageColumn,
      ...templateColumns<ReplicationController>(({ spec }) => spec.template, selector),
    ],
    scale: scaleBy(selector),
  });
}

export const replicationControllerRules: ReplicaRules<ReplicationController> = {
  resource: replicationControllers,
  component: 'replication-controller',
  owner: (object) => object.spec.template && {
    object,
    selector: selector(object),
    replicas: object.spec.replicas ?? 1,
    minReadySeconds: object.spec.minReadySeconds ?? 0,
    template: object.spec.template,
    conditions: object.status?.conditions as WorkloadCondition[] | undefined,
  },
  status: ({ status }) => status,
};
