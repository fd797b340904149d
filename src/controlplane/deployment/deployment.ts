import { deployments, type Deployment } from '../../api/kinds/apps.ts';
import { equalJson } from '../../api/json.ts';
import { everything } from '../../api/selector.ts';
import { forbiddenField, invalidValue, type FieldError } from '../../api/status.ts';
import { ageColumn, nameColumn } from '../kernel/apiserver/columns.ts';
import { kind, type Kind } from '../kernel/apiserver/kind.ts';
import { isZero, validateIntOrPercent } from './int-or-percent.ts';
import { parsed, scaleBy, templateColumns, validateCount, validateSelector, validateTemplate, type PodTemplateRules } from './workload.ts';

const selector = ({ spec }: Deployment) => parsed(spec.selector) ?? everything;

export function deploymentKind(rules: PodTemplateRules): Kind {
  return kind<Deployment>({
    type: 'stored',
    resource: deployments,
    statusSubresource: true,
    defaults(deployment) {
      const spec = (deployment.spec ??= {} as Deployment['spec']);
      spec.replicas ??= 1;
      spec.revisionHistoryLimit ??= 10;
      spec.progressDeadlineSeconds ??= 600;
      spec.strategy ??= {};
      spec.strategy.type ??= 'RollingUpdate';
      if (spec.strategy.type === 'RollingUpdate') {
        spec.strategy.rollingUpdate ??= {};
        spec.strategy.rollingUpdate.maxSurge ??= '25%';
        spec.strategy.rollingUpdate.maxUnavailable ??= '25%';
      }
      if (spec.template?.spec) rules.defaults(spec.template);
    },
    prepareCreate(deployment) {
      deployment.status = {};
    },
    validate(deployment, old) {
      const { spec } = deployment;
      return [
        ...validateCount('spec.replicas', spec.replicas),
        ...validateSelector(spec.selector),
        ...validateTemplate(spec.template, parsed(spec.selector), rules),
        ...validateStrategy(deployment),
        ...validateCount('spec.minReadySeconds', spec.minReadySeconds),
        ...validateCount('spec.revisionHistoryLimit', spec.revisionHistoryLimit),
        ...validateDeadline(deployment),
        ...(old && !equalJson(old.spec.selector, spec.selector) ? [invalidValue('spec.selector', spec.selector, 'field is immutable')] : []),
      ];
    },
    columns: [
      nameColumn,
      { name: 'Ready', type: 'string', cell: ({ spec, status }) => `${status?.readyReplicas ?? 0}/${spec.replicas ?? 1}` },
      { name: 'Up-to-date', type: 'string', cell: ({ status }) => String(status?.updatedReplicas ?? 0) },
      { name: 'Available', type: 'string', cell: ({ status }) => String(status?.availableReplicas ?? 0) },
      ageColumn,
      ...templateColumns<Deployment>(({ spec }) => spec.template, selector),
    ],
    scale: scaleBy(selector),
  });
}

function validateStrategy({ spec }: Deployment): FieldError[] {
  const rolling = spec.strategy?.rollingUpdate;
  if (spec.strategy?.type === 'Recreate') {
    return rolling ? [forbiddenField('spec.strategy.rollingUpdate', "may not be specified when strategy `type` is 'Recreate'")] : [];
  }
  const field = 'spec.strategy.rollingUpdate';
  const errors = [...validateIntOrPercent(`${field}.maxUnavailable`, rolling?.maxUnavailable, true), ...validateIntOrPercent(`${field}.maxSurge`, rolling?.maxSurge)];
  if (isZero(rolling?.maxUnavailable) && isZero(rolling?.maxSurge)) errors.push(invalidValue(`${field}.maxUnavailable`, rolling?.maxUnavailable, 'may not be 0 when `maxSurge` is 0'));
  return errors;
}

function validateDeadline({ spec }: Deployment): FieldError[] {
  const field = 'spec.progressDeadlineSeconds';
  const deadline = spec.progressDeadlineSeconds ?? 600;
  return deadline <= (spec.minReadySeconds ?? 0) ? [invalidValue(field, deadline, 'must be greater than minReadySeconds')] : validateCount(field, deadline);
}
