/** Thresholds of probes, pure (Kubernetes docs, "Configure Probes"). */
import type { Container } from '../../api/kinds/core.ts';

export type Probe = NonNullable<Container['livenessProbe']>;
export type ProbeKind = 'startup' | 'readiness' | 'liveness';

export interface ProbeCount {
  result: 'success' | 'failure';
  /** Equal outcomes in a row. */
  run: number;
  last?: 'success' | 'failure';
}

/** `ready`: the word of an agent before this one, which stands until a threshold is reached. */
export function initialCount(kind: ProbeKind, ready = false): ProbeCount {
  return { result: kind === 'liveness' || (kind === 'readiness' && ready) ? 'success' : 'failure', run: 0 };
}

export function counted(count: ProbeCount, probe: Probe, outcome: 'success' | 'failure'): ProbeCount {
  const run = count.last === outcome ? count.run + 1 : 1;
  const threshold = outcome === 'success' ? (probe.successThreshold ?? 1) : (probe.failureThreshold ?? 3);
  return { result: run >= threshold ? outcome : count.result, run, last: outcome };
}

/** A failed startup probe means a restart only once its threshold is reached; before, it is merely not there yet. */
export function exhausted(count: ProbeCount, probe: Probe): boolean {
  return count.last === 'failure' && count.run >= (probe.failureThreshold ?? 3);
}

const periodMs = (probe: Probe): number => Math.max(1, probe.periodSeconds ?? 10) * 1000;
export const timeoutMs = (probe: Probe): number => Math.max(1, probe.timeoutSeconds ?? 1) * 1000;

/** Waits between the first tries, ms: an app is usually up long before its first period is over. Such early failures are not counted. */
const early = [20, 20, 30, 40, 60, 80, 100, 150, 200, 300, 500, 1000];

/** When to try again after the `tries`-th try (from 1), and whether its failure counts. */
export function nextTry(kind: ProbeKind, probe: Probe, tries: number, succeeded: boolean): { afterMs: number; counts: boolean } {
  const period = periodMs(probe);
  const wait = early[tries - 1];
  if (succeeded || kind === 'liveness' || probe.exec || wait === undefined || wait >= period) return { afterMs: period, counts: true };
  return { afterMs: wait, counts: false };
}
