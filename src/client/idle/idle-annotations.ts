/** What OpenShift's unidling API writes on services, their Endpoints and what was scaled away; pure. */
import { idledAtAnnotation, previousScaleAnnotation, unidleTargetsAnnotation } from '../../api/well-known.ts';

/** Something with replicas that is scaled back when the service is asked for. */
export interface UnidleTarget {
  kind: string;
  name: string;
  /** Absent for the core group. */
  group?: string;
  replicas: number;
}

export const sameTarget = (a: Pick<UnidleTarget, 'kind' | 'name' | 'group'>, b: Pick<UnidleTarget, 'kind' | 'name' | 'group'>): boolean => a.kind === b.kind && a.name === b.name && (a.group ?? '') === (b.group ?? '');

/** Undefined if the annotation is no such list. */
export function parseTargets(text: string | undefined): UnidleTarget[] | undefined {
  if (text === undefined) return [];
  try {
    const list = JSON.parse(text) as unknown;
    return Array.isArray(list) && list.every((one: Partial<UnidleTarget> | null) => typeof one?.kind === 'string' && typeof one.name === 'string' && Number.isInteger(one.replicas)) ? (list as UnidleTarget[]) : undefined;
  } catch {
    return undefined;
  }
}

/** `now` without fractions of a second, as OpenShift writes it. */
export function idleAnnotations(targets: readonly UnidleTarget[], now: Date): Record<string, string> {
  return { [idledAtAnnotation]: timeText(now), [unidleTargetsAnnotation]: JSON.stringify(targets) };
}

export function scaledAnnotations(replicas: number, now: Date): Record<string, string> {
  return { [idledAtAnnotation]: timeText(now), [previousScaleAnnotation]: String(replicas) };
}

/** For a merge patch that takes them all away. */
export const noIdleAnnotations = { [idledAtAnnotation]: null, [unidleTargetsAnnotation]: null };
export const noScaledAnnotations = { [idledAtAnnotation]: null, [previousScaleAnnotation]: null };

const timeText = (now: Date) => `${now.toISOString().slice(0, 19)}Z`;

/**
 * What is noted for a service: the sizes of now; where that is none, what was noted before, else one pod. What was noted before and is not asked for again is kept,
 * since the service wakes it, too.
 */
export function mergeTargets(found: readonly UnidleTarget[], before: readonly UnidleTarget[]): UnidleTarget[] {
  const now = found.map((one): UnidleTarget => ({ ...one, replicas: one.replicas || (before.find((old) => sameTarget(old, one))?.replicas ?? 1) }));
  return [...now, ...before.filter((old) => !found.some((one) => sameTarget(old, one)))];
}
