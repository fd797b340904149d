import type { Backoff } from './pod-view.ts';

const firstMs = 10_000;
const mostMs = 300_000;
/** Quiet time after which a container starts with a clean slate. */
const forgetMs = 2 * mostMs;

/** When a container that ended at `finishedAt` may start again; `undefined` if at once. */
export function restartDue(backoff: Backoff | undefined, finishedAt: number): number | undefined {
  if (!backoff || finishedAt - backoff.since > forgetMs) return undefined;
  return finishedAt + backoff.delayMs;
}

export function nextBackoff(backoff: Backoff | undefined, finishedAt: number, now: number): Backoff {
  if (!backoff || finishedAt - backoff.since > forgetMs) return { delayMs: firstMs, since: now };
  return { delayMs: Math.min(backoff.delayMs * 2, mostMs), since: now };
}
