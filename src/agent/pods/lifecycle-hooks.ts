/** postStart and preStop (Kubernetes docs, "Container Lifecycle Hooks"; kubelet `handlerRunner`). */
import type { Container } from '../../api/kinds/core.ts';
import { delay, type Clock } from '../../base/clock.ts';
import { perform, type Outcome, type Target } from '../probes/handler.ts';

export type Hook = NonNullable<NonNullable<Container['lifecycle']>['postStart']>;

/** A hook without a time limit of its own may take this long. */
const longestMs = 600_000;

/** Resolves to what came of it; an abort ends the wait with success, since whoever aborts no longer needs the hook. */
export async function runHook(hook: Hook, target: Target, clock: Clock, signal: AbortSignal, limitMs = longestMs): Promise<Outcome> {
  if (hook.sleep) {
    await delay(clock, Math.min(hook.sleep.seconds * 1000, limitMs), signal).catch(() => undefined);
    return { ok: true };
  }
  // The API takes it for old clients' sake and no kubelet carries it out.
  if (!hook.exec && !hook.httpGet) return { ok: false, message: 'Cannot run handler: a hook can be exec, httpGet or sleep' };
  const aborted = new Promise<Outcome>((resolve) => signal.addEventListener('abort', () => resolve({ ok: true }), { once: true }));
  return Promise.race([perform(hook, target, limitMs, 'lifecycle'), aborted]);
}
