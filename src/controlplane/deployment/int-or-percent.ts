/** Numbers that may be given as a share of the replicas (`25%`). */
import { invalidValue, type FieldError } from '../../api/status.ts';

export type IntOrPercent = number | string;

const percent = /^(\d+)%$/;

export function resolveIntOrPercent(value: IntOrPercent, total: number, round: 'up' | 'down'): number {
  if (typeof value === 'number') return value;
  const share = (Number(percent.exec(value)?.[1] ?? 0) * total) / 100;
  return round === 'up' ? Math.ceil(share) : Math.floor(share);
}

/** Pods allowed above and missing below `desired`. Both zero would stop every rollout: then one may be missing (upstream's ResolveFenceposts). */
export function fenceposts(maxSurge: IntOrPercent | undefined, maxUnavailable: IntOrPercent | undefined, desired: number): { surge: number; unavailable: number } {
  const surge = resolveIntOrPercent(maxSurge ?? 0, desired, 'up');
  const unavailable = resolveIntOrPercent(maxUnavailable ?? 0, desired, 'down');
  return { surge, unavailable: Math.min(surge === 0 && unavailable === 0 ? 1 : unavailable, desired) };
}

export function validateIntOrPercent(field: string, value: IntOrPercent | undefined, most100 = false): FieldError[] {
  if (value === undefined) return [];
  if (typeof value === 'string') {
    const match = percent.exec(value);
    if (!match) return [invalidValue(field, value, "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')")];
    return most100 && Number(match[1]) > 100 ? [invalidValue(field, value, 'must not be greater than 100%')] : [];
  }
  return value < 0 ? [invalidValue(field, value, 'must be greater than or equal to 0')] : [];
}

export function isZero(value: IntOrPercent | undefined): boolean {
  return value === 0 || value === '0%';
}
