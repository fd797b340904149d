/** A pod on its way out is told to end only when nobody is sent to it any more: changes of an application then cut no connection short. */
import type { EndpointSlice } from '../../api/kinds/cluster.ts';
import { delay, type Clock } from '../../base/clock.ts';
import type { Disposable } from '../../base/disposable.ts';
import type { Informer } from '../../client/informer.ts';

/** Index of the slices by the uids of the pods in them. */
export const podIndex = 'pod';

/** Services learn of it within milliseconds; a control plane that is away keeps no pod from its end. */
const longestMs = 1_000;
/** Routers and proxies have heard of it by then, and what a client had just asked for is answered. */
const lingerMs = 100;

export interface Drain {
  /** Resolves when the pod gets no new connections through services: at once if none leads to it. `signal` cuts it short. */
  until(uid: string, signal: AbortSignal): Promise<void>;
}

export function podsIn({ endpoints = [] }: EndpointSlice): string[] {
  return endpoints.flatMap(({ targetRef }) => (targetRef?.kind === 'Pod' && targetRef.uid ? [targetRef.uid] : []));
}

function serves({ endpoints = [] }: EndpointSlice, uid: string): boolean {
  return endpoints.some(({ conditions = {}, targetRef }) => targetRef?.uid === uid && conditions.ready !== false && conditions.terminating !== true);
}

/** `slices` carries `podIndex`. */
export function drainOf(slices: Informer<EndpointSlice>, clock: Clock): Drain & Disposable {
  /** Who waits for a pod: each of its containers. Bounded by the pods that end at a time. */
  const waiting = new Map<string, Set<() => void>>();
  const isServing = (uid: string) => slices.byIndex(podIndex, uid).some((slice) => serves(slice, uid));
  const listener = slices.onChange(({ previous }) => {
    if (waiting.size > 0 && previous) for (const uid of podsIn(previous)) if (waiting.has(uid) && !isServing(uid)) for (const finish of [...(waiting.get(uid) ?? [])]) finish();
  });
  return {
    async until(uid, signal) {
      if (slices.byIndex(podIndex, uid).length === 0) return;
      if (isServing(uid)) {
        await new Promise<void>((resolve) => {
          const finish = () => {
            signal.removeEventListener('abort', finish);
            void timer.dispose();
            others.delete(finish);
            if (others.size === 0) waiting.delete(uid);
            resolve();
          };
          const others = waiting.get(uid) ?? new Set();
          waiting.set(uid, others.add(finish));
          const timer = clock.after(longestMs, finish);
          signal.addEventListener('abort', finish, { once: true });
        });
      }
      await delay(clock, lingerMs, signal).catch(() => undefined);
    },
    dispose: () => listener.dispose(),
  };
}
