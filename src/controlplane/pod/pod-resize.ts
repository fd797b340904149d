/** `pods/resize`: other requests and limits for the containers of a pod that exists (kubernetes `ValidatePodResize`). */
import { copyJson, equalJson } from '../../api/json.ts';
import type { Container, Pod } from '../../api/kinds/core.ts';
import { validatePodSpec } from '../../api/pod-validation.ts';
import { isSidecar, isTerminal, qosClassOf } from '../../api/pod.ts';
import { quantityOf } from '../../api/quantity.ts';
import { forbiddenField, invalidValue, type FieldError } from '../../api/status.ts';
import type { FieldsSubresource } from '../kernel/apiserver/kind.ts';

const lists = ['containers', 'initContainers'] as const;
const resizable = new Set(['cpu', 'memory']);

export const resizeSubresource: FieldsSubresource<Pod> = {
  kind: 'Pod',
  ofSpec: true,
  copy(from, to) {
    for (const list of lists) {
      for (const container of to.spec[list] ?? []) {
        const asked = from.spec[list]?.find(({ name }) => name === container.name);
        if (!asked) continue;
        if (asked.resources) container.resources = copyJson(asked.resources);
        else delete container.resources;
        if (asked.resizePolicy) container.resizePolicy = copyJson(asked.resizePolicy);
      }
    }
  },
  validate(pod, old) {
    if (isTerminal(old)) return [forbiddenField('metadata', 'a pod that has ended cannot be resized')];
    const errors = lists.flatMap((list) => (old.spec[list] ?? []).flatMap((before, at) => {
      const after = pod.spec[list]?.[at];
      return after ? validateContainer(after, before, `spec.${list}[${at}]`, list === 'initContainers') : [];
    }));
    if (errors.length > 0) return errors;
    if (qosClassOf(pod.spec) !== qosClassOf(old.spec)) return [invalidValue('metadata', qosClassOf(pod.spec), 'Pod QOS Class may not change as a result of resizing')];
    // Debugging containers came later and have rules of their own.
    const { ephemeralContainers: _, ...spec } = pod.spec;
    return validatePodSpec(spec);
  },
};

function validateContainer(container: Container, old: Container, field: string, init: boolean): FieldError[] {
  if (equalJson(container.resources, old.resources)) return [];
  if (init && !isSidecar(old)) return [forbiddenField(`${field}.resources`, 'cannot resize non-restartable init containers')];
  const errors: FieldError[] = [];
  for (const part of ['limits', 'requests'] as const) {
    const [before, after] = [old.resources?.[part] ?? {}, container.resources?.[part] ?? {}];
    for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
      const where = `${field}.resources.${part}`;
      if (equalJson(before[name], after[name])) continue;
      if (!resizable.has(name)) errors.push(forbiddenField(`${where}[${name}]`, 'only cpu and memory resources are mutable'));
      else if (after[name] === undefined) errors.push(forbiddenField(where, `resource ${part} cannot be removed`));
    }
  }
  const [was, is] = [old.resources?.limits?.['memory'], container.resources?.limits?.['memory']];
  const restarts = container.resizePolicy?.some(({ resourceName, restartPolicy }) => resourceName === 'memory' && restartPolicy === 'RestartContainer');
  if (was !== undefined && is !== undefined && quantityOf(is) < quantityOf(was) && !restarts) errors.push(forbiddenField(`${field}.resources.limits`, 'memory limits cannot be decreased unless resizePolicy is RestartContainer'));
  return errors;
}
