/** LimitRange. Those about images are held to by pushes and by writes of image streams, the others when pods and claims are made; unknown types are kept and said to have no effect. */
import { imageLimitTypes, limitRanges, type LimitRange } from '../../api/kinds/quota.ts';
import { quantityOf } from '../../api/quantity.ts';
import { duplicateValue, forbiddenField, invalidValue, required, type FieldError } from '../../api/status.ts';
import { nameColumn } from '../kernel/apiserver/columns.ts';
import type { StoredKind } from '../kernel/apiserver/kind.ts';
import { defaultRange } from './quota/limit-range-plan.ts';

const enforced: readonly string[] = ['Container', 'Pod', 'PersistentVolumeClaim', ...Object.values(imageLimitTypes)];

export const limitRangeKind: StoredKind<LimitRange> = {
  type: 'stored',
  resource: limitRanges,
  generation: false,
  defaults: defaultRange,
  columns: [nameColumn, { name: 'Created At', type: 'date', description: 'CreationTimestamp is the time at which the object was created.', cell: ({ metadata }) => metadata.creationTimestamp ?? '' }],
  validate({ spec }, _old, context) {
    const errors: FieldError[] = [];
    const seen = new Set<string>();
    (spec?.limits ?? []).forEach(({ type, min = {}, max = {}, default: usual = {}, defaultRequest = {} }, index) => {
      const field = `spec.limits[${index}]`;
      if (!type) errors.push(required(`${field}.type`));
      else if (seen.has(type)) errors.push(duplicateValue(`${field}.type`, type));
      else if (!enforced.includes(type)) context.warn(`${field}: limits of type ${type} are kept but have no effect; there are ${enforced.join(', ')}`);
      seen.add(type);
      for (const [name, least] of Object.entries(min)) {
        const most = max[name];
        if (most !== undefined && quantityOf(least) > quantityOf(most)) errors.push(invalidValue(`${field}.min[${name}]`, least, `min value ${least} is greater than max value ${most}`));
      }
      if (type !== 'Container' && Object.keys(usual).length > 0) errors.push(forbiddenField(`${field}.default`, `may not be specified when \`type\` is \`${type}\``));
      if (type !== 'Container' && Object.keys(defaultRequest).length > 0) errors.push(forbiddenField(`${field}.defaultRequest`, `may not be specified when \`type\` is \`${type}\``));
      for (const [name, value] of Object.entries(defaultRequest)) {
        const [most, limit] = [max[name], usual[name]];
        if (most !== undefined && quantityOf(value) > quantityOf(most)) errors.push(invalidValue(`${field}.defaultRequest[${name}]`, value, `default request value ${value} is greater than max value ${most}`));
        else if (limit !== undefined && quantityOf(value) > quantityOf(limit)) errors.push(invalidValue(`${field}.defaultRequest[${name}]`, value, `default request value ${value} is greater than default limit value ${limit}`));
      }
      for (const [name, value] of Object.entries(usual)) {
        const [least, most] = [min[name], max[name]];
        if (most !== undefined && quantityOf(value) > quantityOf(most)) errors.push(invalidValue(`${field}.default[${name}]`, value, `default value ${value} is greater than max value ${most}`));
        else if (least !== undefined && quantityOf(value) < quantityOf(least)) errors.push(invalidValue(`${field}.default[${name}]`, least, `min value ${least} is greater than default value ${value}`));
      }
    });
    return errors;
  },
};
