import { replicaSets, type ReplicaSet } from '../../api/kinds/apps.ts';
import { equalJson } from '../../api/json.ts';
import { everything } from '../../api/selector.ts';
import { invalidValue } from '../../api/status.ts';
import { ageColumn, nameColumn } from '../kernel/apiserver/columns.ts';
import { kind, type Kind } from '../kernel/apiserver/kind.ts';
import type { WorkloadCondition } from './conditions.ts';
import type { ReplicaRules } from './replicas-controller.ts';
import { parsed, scaleBy, templateColumns, validateCount, validateSelector, validateTemplate, type PodTemplateRules } from './workload.ts';

const selector = ({ spec }: ReplicaSet) => parsed(spec.selector) ?? everything;

export function replicaSetKind(rules: PodTemplateRules): Kind {
  return kind<ReplicaSet>({
    type: 'stored',
    resource: replicaSets,
    statusSubresource: true,
    defaults(set) {
      const spec = (set.spec ??= {} as ReplicaSet['spec']);
      spec.replicas ??= 1;
      if (spec.template?.spec) rules.defaults(spec.template);
    },
    prepareCreate(set) {
      set.status = { replicas: 0 };
    },
    validate(set, old) {
      const { spec } = set;
      return [
        ...validateCount('spec.replicas', spec.replicas),
        ...validateCount('spec.minReadySeconds', spec.minReadySeconds),
        ...validateSelector(spec.selector),
        ...validateTemplate(spec.template, parsed(spec.selector), rules),
        ...(old && !equalJson(old.spec.selector, spec.selector) ? [invalidValue('spec.selector', spec.selector, 'field is immutable')] : []),
      ];
    },
    selectableFields: { 'status.replicas': ({ status }) => String(status?.replicas ?? 0) },
    columns: [
      nameColumn,
      { name: 'Desired', type: 'integer', cell: ({ spec }) => spec.replicas ?? 1 },
      { name: 'Current', type: 'integer', cell: ({ status }) => status?.replicas ?? 0 },
      { name: 'Ready', type: 'integer', cell: ({ status }) => status?.readyReplicas ?? 0 },
      ageColumn,
      ...templateColumns<ReplicaSet>(({ spec }) => spec.template, selector),
    ],
    scale: scaleBy(selector),
  });
}

export const replicaSetRules: ReplicaRules<ReplicaSet> = {
  resource: replicaSets,
  component: 'replicaset-controller',
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
