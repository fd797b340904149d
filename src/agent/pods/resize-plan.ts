/** Changes of what a running container may use (Kubernetes docs, "Resize CPU and Memory Resources assigned to Containers"), pure. */
import type { Container, Pod } from '../../api/kinds/core.ts';
import { isTerminal, podRequests, type Amounts } from '../../api/pod.ts';
import { milliOf, quantityOf } from '../../api/quantity.ts';
import type { AppliedResources, Waiting } from './pod-view.ts';

export function appliedResources({ resources: { limits, requests } = {} }: Container): AppliedResources {
  return { ...(limits && { limits }), ...(requests && { requests }) };
}

/** What has to be done for the container to have what its spec says now. */
export function resizeOf(container: Container, applied: AppliedResources | undefined): 'none' | 'inPlace' | 'restart' {
  if (!applied) return 'none';
  const changed = (['cpu', 'memory'] as const).filter((name) => (['limits', 'requests'] as const).some((part) => amount(name, applied[part]) !== amount(name, container.resources?.[part])));
  if (changed.length === 0) return 'none';
  return changed.some((name) => container.resizePolicy?.some((policy) => policy.resourceName === name && policy.restartPolicy === 'RestartContainer')) ? 'restart' : 'inPlace';
}

function amount(name: 'cpu' | 'memory', amounts: AppliedResources['limits']): number {
  return name === 'cpu' ? milliOf(amounts?.[name]) : quantityOf(amounts?.[name]);
}

/** Why the pod cannot have now what it asks for; `undefined` if it can. `others`: all pods of this node. */
export function resizeRefusal(pod: Pod, others: readonly Pod[], allocatable: Amounts): Waiting | undefined {
  const asked = podRequests(pod.spec);
  const taken = others.filter((other) => other.metadata.uid !== pod.metadata.uid && !isTerminal(other)).map(({ spec }) => podRequests(spec));
  for (const [name, text] of [['milliCpu', 'cpu'], ['memory', 'memory']] as const) {
    if (asked[name] > allocatable[name]) return { reason: 'Infeasible', message: `Node didn't have enough capacity: ${text}, requested: ${asked[name]}, capacity: ${allocatable[name]}` };
  }
  for (const [name, text] of [['milliCpu', 'cpu'], ['memory', 'memory']] as const) {
    const used = taken.reduce((sum, amounts) => sum + amounts[name], 0);
    if (asked[name] + used > allocatable[name]) return { reason: 'Deferred', message: `Node didn't have enough resource: ${text}, requested: ${asked[name]}, used: ${used}, capacity: ${allocatable[name]}` };
  }
  return undefined;
}
