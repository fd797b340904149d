/** ResourceQuota. Names that nothing is counted by are kept and said to have no effect. */
import { imageQuotas, resourceQuotas, type ResourceQuota } from '../../api/kinds/quota.ts';
import { parseQuantity } from '../../api/quantity.ts';
import { invalidValue, type FieldError } from '../../api/status.ts';
import { ageColumn, nameColumn } from '../kernel/apiserver/columns.ts';
import type { StoredKind } from '../kernel/apiserver/kind.ts';
import { countedBy } from './quota/quota-plan.ts';

export const resourceQuotaKind: StoredKind<ResourceQuota> = {
  type: 'stored',
  resource: resourceQuotas,
  statusSubresource: true,
  columns: [
    nameColumn,
    { name: 'Request', type: 'string', description: 'Request represents a minimum amount of cpu/memory that a container may consume.', cell: (quota) => usage(quota, (name) => !name.startsWith('limits.')) },
    { name: 'Limit', type: 'string', description: 'Limits control the maximum amount of cpu/memory that a container may use independent of contention on the node.', cell: (quota) => usage(quota, (name) => name.startsWith('limits.')) },
    ageColumn,
  ],
  validate({ spec }, _old, context) {
    const errors: FieldError[] = [];
    for (const [name, value] of Object.entries(spec?.hard ?? {})) {
      if (parseQuantity(String(value)).nano < 0n) errors.push(invalidValue(`spec.hard[${name}]`, value, 'must be greater than or equal to 0'));
      if (!imageQuotas.includes(name) && !countedBy(name)) context.warn(`spec.hard[${name}] is kept but has no effect: nothing is counted by that name`);
    }
    return errors;
  },
};

function usage({ status }: ResourceQuota, shown: (name: string) => boolean): string {
  const names = Object.keys(status?.hard ?? {}).filter(shown).sort();
  return names.map((name) => `${name}: ${status?.used?.[name] ?? '0'}/${status?.hard?.[name]}`).join(', ');
}
