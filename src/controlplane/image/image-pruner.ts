/** ImagePruner: its rules, and what OpenShift's operator makes of it where nobody has. */
import { imagePrunerName, imagePruners, type ImagePruner } from '../../api/kinds/image-pruner.ts';
import { invalidValue, type FieldError } from '../../api/status.ts';
import type { StoredKind } from '../kernel/apiserver/kind.ts';
import { keepYoungerThanMs, pruneSchedule } from './pruner-plan.ts';

export const defaultPruner: ImagePruner = {
  apiVersion: 'imageregistry.operator.openshift.io/v1', kind: 'ImagePruner', metadata: { name: imagePrunerName },
  spec: { schedule: '', suspend: false, keepTagRevisions: 3, keepYoungerThanDuration: '60m', successfulJobsHistoryLimit: 3, failedJobsHistoryLimit: 3, ignoreInvalidImageReferences: true },
};

export const imagePrunerKind: StoredKind<ImagePruner> = {
  type: 'stored',
  resource: imagePruners,
  statusSubresource: true,
  validate,
};

function validate({ spec }: ImagePruner): FieldError[] {
  const errors: FieldError[] = [];
  const check = (field: string, value: unknown, read: () => unknown) => {
    try {
      read();
    } catch (error) {
      errors.push(invalidValue(`spec.${field}`, value, (error as Error).message));
    }
  };
  check('schedule', spec.schedule ?? '', () => pruneSchedule(spec));
  check('keepYoungerThanDuration', spec.keepYoungerThanDuration ?? '', () => keepYoungerThanMs(spec));
  for (const field of ['keepTagRevisions', 'keepYoungerThan', 'successfulJobsHistoryLimit', 'failedJobsHistoryLimit'] as const) if ((spec[field] ?? 0) < 0) errors.push(invalidValue(`spec.${field}`, spec[field], 'must be greater than or equal to 0'));
  return errors;
}
