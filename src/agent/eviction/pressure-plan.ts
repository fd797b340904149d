/** Which thresholds are reached, what the node says of itself, and whether pods have to go, pure (kubelet eviction manager). */
import { amountOf, keyOf, signals, type Signal, type Threshold } from './threshold.ts';

export interface Observation {
  available: number;
  capacity: number;
}
/** A signal that cannot be read here is absent. */
export type Observations = ReadonlyMap<Signal, Observation>;

export type PressureCondition = 'MemoryPressure' | 'DiskPressure' | 'PIDPressure';

export const conditionOfSignal: Record<Signal, PressureCondition> = {
  'memory.available': 'MemoryPressure',
  'nodefs.available': 'DiskPressure',
  'nodefs.inodesFree': 'DiskPressure',
  'imagefs.available': 'DiskPressure',
  'imagefs.inodesFree': 'DiskPressure',
  'pid.available': 'PIDPressure',
};

/** What is remembered between two looks; times in ms. */
export interface PressureState {
  met: readonly Threshold[];
  since: ReadonlyMap<string, number>;
  lastSeen: ReadonlyMap<PressureCondition, number>;
}

export const calm: PressureState = { met: [], since: new Map(), lastSeen: new Map() };

export interface PressurePlan {
  state: PressureState;
  conditions: ReadonlySet<PressureCondition>;
  /** Reached for long enough: something must be given back. The most pressing first. */
  due: Threshold | undefined;
}

/** `transitionMs`: a condition stays this long after it was last true, so that it does not flap. */
export function planPressure(thresholds: readonly Threshold[], observations: Observations, before: PressureState, now: number, transitionMs: number): PressurePlan {
  const wasMet = new Set(before.met.map(keyOf));
  const met = thresholds.filter((threshold) => isMet(threshold, observations, wasMet.has(keyOf(threshold))));
  const since = new Map(met.map((threshold) => [keyOf(threshold), before.since.get(keyOf(threshold)) ?? now]));
  const lastSeen = new Map([...before.lastSeen].filter(([, at]) => now - at < transitionMs));
  for (const { signal } of met) lastSeen.set(conditionOfSignal[signal], now);
  const due = met.filter((threshold) => now - (since.get(keyOf(threshold)) ?? now) >= threshold.graceMs);
  return { state: { met, since, lastSeen }, conditions: new Set(lastSeen.keys()), due: due.sort((a, b) => signals.indexOf(a.signal) - signals.indexOf(b.signal) || a.graceMs - b.graceMs)[0] };
}

/** `again`: it was reached before, so the minimum to reclaim counts too. */
function isMet({ signal, below, reclaim }: Threshold, observations: Observations, again: boolean): boolean {
  const observed = observations.get(signal);
  if (!observed) return false;
  const floor = amountOf(below, observed.capacity) + (again && reclaim ? amountOf(reclaim, observed.capacity) : 0);
  return observed.available < floor;
}
