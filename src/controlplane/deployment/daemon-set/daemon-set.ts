/** Daemon sets: defaults, rules, columns (kubernetes pkg/apis/apps, pkg/registry/apps/daemonset). */
import { daemonSets, templateGeneration, type DaemonSet } from '../../../api/kinds/apps.ts';
import { equalJson } from '../../../api/json.ts';
import { everything, formatSelector } from '../../../api/selector.ts';
import { invalidValue, required, type FieldError } from '../../../api/status.ts';
import { ageColumn, nameColumn } from '../../kernel/apiserver/columns.ts';
import { kind, type Kind } from '../../kernel/apiserver/kind.ts';
import { isZero, validateIntOrPercent } from '../int-or-percent.ts';
import { parsed, templateColumns, validateCount, validateSelector, validateTemplate, type PodTemplateRules } from '../workload.ts';

const selector = ({ spec }: DaemonSet) => parsed(spec.selector) ?? everything;

export function daemonSetKind(rules: PodTemplateRules): Kind {
  return kind<DaemonSet>({
    type: 'stored',
    resource: daemonSets,
    statusSubresource: true,
    defaults(set) {
      const spec = (set.spec ??= {} as DaemonSet['spec']);
      spec.revisionHistoryLimit ??= 10;
      spec.updateStrategy ??= {};
      spec.updateStrategy.type ??= 'RollingUpdate';
      if (spec.updateStrategy.type === 'RollingUpdate') {
        spec.updateStrategy.rollingUpdate ??= {};
        spec.updateStrategy.rollingUpdate.maxUnavailable ??= 1;
        spec.updateStrategy.rollingUpdate.maxSurge ??= 0;
      }
      if (spec.template?.spec) rules.defaults(spec.template);
    },
    prepareCreate(set) {
      set.status = emptyStatus();
      noteGeneration(set, 1);
    },
    prepareUpdate(set, old) {
      const before = Number(old.metadata.annotations?.[templateGeneration.annotation] ?? 1) || 1;
      noteGeneration(set, equalJson(set.spec.template, old.spec.template) ? before : before + 1);
    },
    validate({ spec }, old) {
      return [
        ...validateSelector(spec.selector),
        ...validateTemplate(spec.template, parsed(spec.selector), rules),
        ...validateStrategy(spec),
        ...validateCount('spec.minReadySeconds', spec.minReadySeconds),
        ...validateCount('spec.revisionHistoryLimit', spec.revisionHistoryLimit),
        ...(old && !equalJson(old.spec.selector, spec.selector) ? [invalidValue('spec.selector', spec.selector, 'field is immutable')] : []),
      ];
    },
    columns: [
      nameColumn,
      { name: 'Desired', type: 'integer', cell: ({ status }) => status?.desiredNumberScheduled ?? 0 },
      { name: 'Current', type: 'integer', cell: ({ status }) => status?.currentNumberScheduled ?? 0 },
      { name: 'Ready', type: 'integer', cell: ({ status }) => status?.numberReady ?? 0 },
      { name: 'Up-to-date', type: 'integer', cell: ({ status }) => status?.updatedNumberScheduled ?? 0 },
      { name: 'Available', type: 'integer', cell: ({ status }) => status?.numberAvailable ?? 0 },
      { name: 'Node Selector', type: 'string', cell: ({ spec }) => formatSelector(parsed({ matchLabels: spec.template?.spec?.nodeSelector ?? {} }) ?? everything) || '<none>' },
      ageColumn,
      ...templateColumns<DaemonSet>(({ spec }) => spec.template, selector),
    ],
  });
}

export const emptyStatus = (): NonNullable<DaemonSet['status']> => ({ currentNumberScheduled: 0, numberMisscheduled: 0, desiredNumberScheduled: 0, numberReady: 0 });

function noteGeneration({ metadata }: DaemonSet, generation: number): void {
  metadata.annotations = { ...metadata.annotations, [templateGeneration.annotation]: String(generation) };
}

function validateStrategy({ updateStrategy }: DaemonSet['spec']): FieldError[] {
  // The schema knows which strategies there are.
  if (updateStrategy?.type !== 'RollingUpdate') return [];
  const field = 'spec.updateStrategy.rollingUpdate';
  const rolling = updateStrategy?.rollingUpdate;
  if (!rolling) return [required(field)];
  const { maxUnavailable, maxSurge } = rolling;
  const errors = [...validateIntOrPercent(`${field}.maxUnavailable`, maxUnavailable, true), ...validateIntOrPercent(`${field}.maxSurge`, maxSurge, true)];
  if (!isZero(maxUnavailable) && !isZero(maxSurge)) errors.push(invalidValue(`${field}.maxSurge`, maxSurge, 'may not be set when maxUnavailable is non-zero'));
  if (isZero(maxUnavailable) && isZero(maxSurge)) errors.push(required(`${field}.maxUnavailable`, 'cannot be 0 when maxSurge is 0'));
  return errors;
}
