/** Disruption budgets: rules, columns (kubernetes pkg/apis/policy, pkg/registry/policy/poddisruptionbudget). */
import { podDisruptionBudgets, type PodDisruptionBudget } from '../../../api/kinds/policy.ts';
import { validateSelectorTerms } from '../../../api/selector-rules.ts';
import { invalidValue, notSupported, type FieldError } from '../../../api/status.ts';
import { ageColumn, nameColumn } from '../../kernel/apiserver/columns.ts';
import { kind, type Kind } from '../../kernel/apiserver/kind.ts';

const policies = ['AlwaysAllow', 'IfHealthyBudget'];
const percent = /^(\d+)%$/;
const shown = (value: number | string | undefined): string => (value === undefined ? 'N/A' : String(value));

export function podDisruptionBudgetKind(): Kind {
  return kind<PodDisruptionBudget>({
    type: 'stored',
    resource: podDisruptionBudgets,
    statusSubresource: true,
    prepareCreate: (budget) => void (budget.status = { currentHealthy: 0, desiredHealthy: 0, disruptionsAllowed: 0, expectedPods: 0 }),
    validate({ spec = {} }) {
      const errors: FieldError[] = [];
      if (spec.minAvailable !== undefined && spec.maxUnavailable !== undefined) errors.push(invalidValue('spec', spec, 'minAvailable and maxUnavailable cannot be both set'));
      errors.push(...validateCount('spec.minAvailable', spec.minAvailable), ...validateCount('spec.maxUnavailable', spec.maxUnavailable));
      if (spec.unhealthyPodEvictionPolicy !== undefined && !policies.includes(spec.unhealthyPodEvictionPolicy)) errors.push(notSupported('spec.unhealthyPodEvictionPolicy', spec.unhealthyPodEvictionPolicy, policies));
      return [...errors, ...validateSelectorTerms(spec.selector, 'spec.selector')];
    },
    columns: [
      nameColumn,
      { name: 'Min Available', type: 'string', cell: ({ spec }) => shown(spec?.minAvailable) },
      { name: 'Max Unavailable', type: 'string', cell: ({ spec }) => shown(spec?.maxUnavailable) },
      { name: 'Allowed Disruptions', type: 'integer', cell: ({ status }) => status?.disruptionsAllowed ?? 0 },
      ageColumn,
    ],
  });
}

function validateCount(field: string, value: number | string | undefined): FieldError[] {
  if (typeof value === 'number') return value < 0 ? [invalidValue(field, value, 'must be greater than or equal to 0')] : [];
  if (value === undefined) return [];
  const share = percent.exec(value)?.[1];
  if (share === undefined) return [invalidValue(field, value, "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')")];
  return Number(share) > 100 ? [invalidValue(field, value, 'must not be greater than 100%')] : [];
}
