/** Whether somebody who waits wakes a service, and what is scaled back then; pure. */
import { idledAtAnnotation, unidleTargetsAnnotation } from '../../api/well-known.ts';
import { parseTargets, type UnidleTarget } from '../../client/idle/idle-annotations.ts';

export type UnidlingPlan = { kind: 'awake' } | { kind: 'outdated' } | { kind: 'unreadable'; why: string } | { kind: 'wake'; targets: UnidleTarget[] };

/** `annotations`: of the service's Endpoints, or of the service itself. `askedAt`: when the newest `NeedPods` was told. */
export function planUnidling(annotations: Readonly<Record<string, string>> | undefined, askedAt: number): UnidlingPlan {
  const idledText = annotations?.[idledAtAnnotation];
  if (idledText === undefined) return { kind: 'awake' };
  const idledAt = Date.parse(idledText);
  if (Number.isNaN(idledAt)) return { kind: 'unreadable', why: `${idledAtAnnotation} is no time: ${idledText}` };
  // Told before: somebody else's waiting, for an earlier sleep.
  if (askedAt < idledAt) return { kind: 'outdated' };
  const targets = parseTargets(annotations?.[unidleTargetsAnnotation]);
  return targets ? { kind: 'wake', targets } : { kind: 'unreadable', why: `${unidleTargetsAnnotation} is no list of objects with kind, name and replicas` };
}
