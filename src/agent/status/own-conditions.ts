/** Which conditions of a pod are its agent's to write. All others (readiness gates, disruptions) are whoever's set them, who may do so at any moment. */
import type { PodStatus } from '../../api/kinds/core.ts';
import { portsCondition } from '../pods/port-check.ts';

type PodCondition = NonNullable<PodStatus['conditions']>[number];

/** Ours, and gone when there is nothing to tell. */
export const transientConditions: ReadonlySet<string> = new Set([portsCondition, 'PodResizePending', 'PodResizeInProgress']);
const lasting: ReadonlySet<string> = new Set(['PodReadyToStartContainers', 'Initialized', 'Ready', 'ContainersReady', 'PodScheduled']);

export function isOwn({ type, reason }: PodCondition): boolean {
  return lasting.has(type) || transientConditions.has(type) || (type === 'DisruptionTarget' && reason === 'TerminationByKubelet');
}

/** The status without what others say in it. */
export function ownPart<S extends PodStatus>(status: S): S {
  return status.conditions?.some((one) => !isOwn(one)) ? { ...status, conditions: status.conditions.filter(isOwn) } : status;
}
