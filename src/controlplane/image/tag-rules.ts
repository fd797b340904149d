/** Rules for one tag of a stream's spec, wherever it is written (`ValidateImageStreamTagReference`). */
import type { TagReference } from '../../api/kinds/image.ts';
import { invalidValue, required, type FieldError } from '../../api/status.ts';
import { referenceErrors } from './import-request.ts';

/** `field`: of the tag, e.g. `spec.tags[latest]`. */
export function tagErrors({ from, importPolicy, referencePolicy }: TagReference, field: string): FieldError[] {
  const errors: FieldError[] = [];
  if (from) {
    if (!from.name) errors.push(required(`${field}.from.name`));
    if (from.kind === 'DockerImage') errors.push(...(from.name ? referenceErrors(from.name, `${field}.from.name`) : []));
    else if (from.kind !== 'ImageStreamImage' && from.kind !== 'ImageStreamTag') errors.push(required(`${field}.from.kind`, "valid values are 'DockerImage', 'ImageStreamImage', 'ImageStreamTag'"));
  }
  if (importPolicy?.scheduled && from?.kind !== 'DockerImage') errors.push(invalidValue(`${field}.importPolicy.scheduled`, true, 'only tags pointing to Docker repositories may be scheduled for background import'));
  const mode = importPolicy?.importMode;
  if (mode && mode !== 'Legacy' && mode !== 'PreserveOriginal') errors.push(invalidValue(`${field}.importPolicy.importMode`, mode, 'valid modes are "Legacy", "PreserveOriginal"'));
  const policy = referencePolicy?.type;
  if (policy && policy !== 'Source' && policy !== 'Local') errors.push(invalidValue(`${field}.referencePolicy.type`, policy, 'valid values are "Source", "Local"'));
  return errors;
}

/** What clients leave out. */
export function fillTag(reference: TagReference): void {
  reference.annotations ??= null;
  reference.importPolicy ??= {};
  reference.importPolicy.importMode ||= 'Legacy';
  reference.referencePolicy ??= { type: 'Source' };
  reference.referencePolicy.type ||= 'Source';
}
