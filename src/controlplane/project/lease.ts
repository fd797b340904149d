import { leases, type Lease } from '../../api/kinds/cluster.ts';
import { invalidValue, type FieldError } from '../../api/status.ts';
import { ageColumn, nameColumn } from '../kernel/apiserver/columns.ts';
import type { StoredKind } from '../kernel/apiserver/kind.ts';

export const leaseKind: StoredKind<Lease> = {
  type: 'stored',
  resource: leases,
  generation: false,
  columns: [nameColumn, { name: 'Holder', type: 'string', description: 'holderIdentity contains the identity of the holder of a current lease.', cell: ({ spec }) => spec?.holderIdentity ?? '' }, ageColumn],
  validate({ spec }) {
    const errors: FieldError[] = [];
    if (spec?.leaseDurationSeconds !== undefined && spec.leaseDurationSeconds <= 0) errors.push(invalidValue('spec.leaseDurationSeconds', spec.leaseDurationSeconds, 'must be greater than 0'));
    if (spec?.leaseTransitions !== undefined && spec.leaseTransitions < 0) errors.push(invalidValue('spec.leaseTransitions', spec.leaseTransitions, 'must be greater than or equal to 0'));
    return errors;
  },
};
