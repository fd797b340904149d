/** What may change on a pod that exists (kubernetes `ValidatePodUpdate`). */
import { copyJson, equalJson } from '../../api/json.ts';
import type { Pod, PodSpec } from '../../api/kinds/core.ts';
import { forbiddenField, invalidValue, type FieldError } from '../../api/status.ts';

const fixed =
  'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)';

export function validatePodUpdate(pod: Pod, old: Pod): FieldError[] {
  if (equalJson(pod.spec, old.spec)) return [];
  const errors: FieldError[] = [];
  const was = old.spec.activeDeadlineSeconds;
  const is = pod.spec.activeDeadlineSeconds;
  if (was !== undefined && is === undefined) errors.push(invalidValue('spec.activeDeadlineSeconds', is ?? null, 'must not update from a positive integer to nil value'));
  else if (was !== undefined && is !== undefined && is > was) errors.push(invalidValue('spec.activeDeadlineSeconds', is, `must be less than or equal to previous value: ${was}`));
  const gone = (old.spec.tolerations ?? []).filter((one) => !(pod.spec.tolerations ?? []).some((other) => equalJson({ ...one, tolerationSeconds: 0 }, { ...other, tolerationSeconds: 0 })));
  if (gone.length > 0) errors.push(forbiddenField('spec.tolerations', 'existing toleration can not be modified except its tolerationSeconds'));
  if (!equalJson(withoutMutable(pod.spec, old.spec), old.spec)) errors.push(forbiddenField('spec', fixed));
  return errors;
}

/** `spec` with everything that may change taken from `old`. */
function withoutMutable(spec: PodSpec, old: PodSpec): PodSpec {
  const copy = copyJson(spec);
  for (const key of ['containers', 'initContainers'] as const) {
    for (const [index, container] of (copy[key] ?? []).entries()) {
      const image = old[key]?.[index]?.image;
      if (image !== undefined) container.image = image;
    }
  }
  if (old.activeDeadlineSeconds === undefined) delete copy.activeDeadlineSeconds;
  else copy.activeDeadlineSeconds = old.activeDeadlineSeconds;
  if (old.tolerations) copy.tolerations = copyJson(old.tolerations);
  else delete copy.tolerations;
  // Gates may only be lifted, and debugging containers come through their own subresource.
  const gates = (spec.schedulingGates ?? []).every(({ name }) => old.schedulingGates?.some((gate) => gate.name === name));
  if (gates) {
    if (old.schedulingGates) copy.schedulingGates = copyJson(old.schedulingGates);
    else delete copy.schedulingGates;
  }
  return copy;
}
