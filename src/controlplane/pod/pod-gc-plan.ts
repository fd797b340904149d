/** Which pods nobody else will ever remove, pure (kubernetes pod garbage collector). */
import type { Pod } from '../../api/kinds/core.ts';
import { isTerminal, mirrorAnnotation } from '../../api/pod.ts';

/** Finished pods kept; beyond, the oldest go. */
const keptFinished = 1_000;
/** A node must be missing this long before its pods count as lost. */
const quarantineMs = 40_000;

export interface Garbage {
  pod: Pod;
  why: 'orphaned' | 'unscheduled' | 'finished';
}

/** `missingMs`: how long the node is known to be missing; 0 if it is there. */
export function podGarbage(pods: readonly Pod[], missingMs: (node: string) => number, kept = keptFinished): Garbage[] {
  const garbage: Garbage[] = [];
  const finished: Pod[] = [];
  for (const pod of pods) {
    if (pod.metadata.annotations?.[mirrorAnnotation] !== undefined) continue;
    const { nodeName } = pod.spec;
    if (nodeName && missingMs(nodeName) > quarantineMs) garbage.push({ pod, why: 'orphaned' });
    else if (!nodeName && pod.metadata.deletionTimestamp) garbage.push({ pod, why: 'unscheduled' });
    else if (isTerminal(pod) && !pod.metadata.deletionTimestamp) finished.push(pod);
  }
  const made = (pod: Pod) => pod.metadata.creationTimestamp ?? '';
  const surplus = finished.sort((a, b) => made(a).localeCompare(made(b))).slice(0, Math.max(0, finished.length - kept));
  return [...garbage, ...surplus.map((pod) => ({ pod, why: 'finished' as const }))];
}
