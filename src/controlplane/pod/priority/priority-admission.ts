/** The priority of a new pod, by the name of its class (kubernetes plugin/pkg/admission/priority). */
import { priorityClasses, type PriorityClass } from '../../../api/kinds/cluster.ts';
import { pods, type Pod } from '../../../api/kinds/core.ts';
import { forbidden } from '../../../api/status.ts';
import type { Reader } from '../../kernel/store/store.ts';
import { keyIn } from '../pod-lookup.ts';
import { classesIn, systemClasses } from './priority-class.ts';

export function admitPriority(store: Reader, { metadata, spec }: Pod): void {
  const asked = spec.priority;
  const { value, preemptionPolicy } = classFor(store, metadata.name, spec);
  // Templates of controllers may carry what was worked out before.
  if (asked !== undefined && asked !== value) throw forbidden(pods, metadata.name, `the integer value of priority (${asked}) must not be provided in pod spec; priority admission controller computed ${value} from the given PriorityClass name`);
  if (spec.preemptionPolicy !== undefined && spec.preemptionPolicy !== preemptionPolicy) throw forbidden(pods, metadata.name, `the string value of PreemptionPolicy (${spec.preemptionPolicy}) must not be provided in pod spec; priority admission controller computed ${preemptionPolicy} from the given PriorityClass name`);
  spec.priority = value;
  spec.preemptionPolicy = preemptionPolicy;
}

function classFor(store: Reader, pod: string, spec: Pod['spec']): { value: number; preemptionPolicy: NonNullable<PriorityClass['preemptionPolicy']> } {
  const name = spec.priorityClassName;
  const found = name ? (store.get(keyIn(priorityClasses, undefined, name))?.object as PriorityClass | undefined) : classesIn(store).find(({ globalDefault }) => globalDefault);
  if (found) {
    spec.priorityClassName = found.metadata.name;
    return { value: found.value, preemptionPolicy: found.preemptionPolicy ?? 'PreemptLowerPriority' };
  }
  const value = name ? systemClasses[name] : 0;
  if (value === undefined) throw forbidden(pods, pod, `no PriorityClass with name ${name} was found`);
  return { value, preemptionPolicy: 'PreemptLowerPriority' };
}
