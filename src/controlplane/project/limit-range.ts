/** LimitRange. Those about images are held to by pushes and by writes of image streams; others are kept and said to have no effect. */
import { imageLimitTypes, limitRanges, type LimitRange } from '../../api/kinds/quota.ts';
import { quantityOf } from '../../api/quantity.ts';
import { duplicateValue, invalidValue, required, type FieldError } from '../../api/status.ts';
import { nameColumn } from '../kernel/apiserver/columns.ts';
import type { StoredKind } from '../kernel/apiserver/kind.ts';

const enforced: readonly string[] = Object.values(imageLimitTypes);

export const limitRangeKind: StoredKind<LimitRange> = {
  type: 'stored',
  resource: limitRanges,
  generation: false,
  columns: [nameColumn, { name: 'Created At', type: 'date', description: 'CreationTimestamp is the time at which the object was created.', cell: ({ metadata }) => metadata.creationTimestamp ?? '' }],
  validate({ spec }, _old, context) {
    const errors: FieldError[] = [];
    const seen = new Set<string>();
    (spec?.limits ?? []).forEach(({ type, min = {}, max = {} }, index) => {
      const field = `spec.limits[${index}]`;
      if (!type) errors.push(required(`${field}.type`));
      else if (seen.has(type)) errors.push(duplicateValue(`${field}.type`, type));
      else if (!enforced.includes(type)) context.warn(`${field}: limits of type ${type} are kept but have no effect here yet; those of type ${enforced.join(' and ')} have`);
      seen.add(type);
      for (const [name, least] of Object.entries(min)) {
        const most = max[name];
        if (most !== undefined && quantityOf(least) > quantityOf(most)) errors.push(invalidValue(`${field}.min[${name}]`, least, `min value ${least} is greater than max value ${most}`));
      }
    });
    return errors;
  },
};
