/** Writes the story of an object as core/v1 Events. Never makes the caller wait and never fails it. */
import { events, type Event } from '../api/kinds/core.ts';
import { toTime, type KubeObject, type ObjectReference } from '../api/meta.ts';
import { isStatusError } from '../api/status.ts';
import type { Clock } from '../base/clock.ts';
import type { Disposable } from '../base/disposable.ts';
import { exponential, WorkQueue } from '../base/work-queue.ts';
import type { Client } from './client.ts';

export interface EventRecorder extends Disposable {
  /** `object` needs `apiVersion`, `kind` and `metadata`; a reference with a `fieldPath` names a part, e.g. one container. */
  normal(object: KubeObject | ObjectReference, reason: string, message: string): void;
  warning(object: KubeObject | ObjectReference, reason: string, message: string): void;
  /** Resolves when everything said so far is written or given up. */
  flush(): Promise<void>;
}

/** Stories remembered for counting repeats; beyond, the one longest untouched is forgotten and a repeat makes a new Event. */
const remembered = 4096;
/** Events waiting to be written; beyond, new ones are dropped: the newest state is in the objects themselves. */
const longestQueue = 2000;
/** Repeats this close together are one Event that is counted (as client-go does). */
const repeatMs = 10 * 60_000;
/** Longest message the API takes. */
const longestMessage = 1024;
const tries = 8;

interface Story {
  event: Event;
  /** Exists on the server. */
  written: boolean;
  lastMs: number;
}

export function eventRecorder(client: Client, component: string, clock: Clock, host?: string): EventRecorder {
  const stories = new Map<string, Story>();
  const failures = new Map<string, number>();
  const backoff = exponential(200, 10_000);
  let idle: (() => void)[] = [];
  const unwritten = new Set<string>();
  // Recorders of several parts write about one object in the same millisecond: where each starts to count differs.
  let serial = Math.floor(Math.random() * 4096);

  const done = (key: string) => {
    failures.delete(key);
    unwritten.delete(key);
    if (unwritten.size > 0) return;
    for (const resolve of idle.splice(0)) resolve();
  };

  const write = async (key: string): Promise<void> => {
    const story = stories.get(key);
    if (!story) return done(key);
    const { event } = story;
    const said = event.count;
    try {
      if (!story.written) {
        await client.create(events, event);
        story.written = true;
      } else {
        const patch = { count: event.count, lastTimestamp: event.lastTimestamp, message: event.message };
        await client.patch(events, event.metadata, 'merge', patch).catch((error: unknown) => {
          if (!isStatusError(error, 'NotFound')) throw error;
          // It aged out on the server: the repeat starts a new one.
          story.event = { ...event, metadata: { ...event.metadata, name: nextName(event.involvedObject) }, count: 1, firstTimestamp: event.lastTimestamp ?? null };
          return client.create(events, story.event);
        });
      }
    } catch (error) {
      const failed = (failures.get(key) ?? 0) + 1;
      failures.set(key, failed);
      if (isStatusError(error, 'AlreadyExists') && failed < tries) {
        story.event = { ...story.event, metadata: { ...story.event.metadata, name: nextName(event.involvedObject) } };
        throw error;
      }
      // A refusal stays one, e.g. in a namespace that is going away; only what may pass is tried again.
      if (failed < tries && !(isStatusError(error) && error.code < 500 && error.code !== 429)) throw error;
      if (!story.written) stories.delete(key);
      return done(key);
    }
    if (story.event.count === said || !story.written) done(key);
    else if (stories.has(key)) queue.add(key);
  };
  const queue = new WorkQueue({ work: write, workers: 2, clock, retryMs: (_, count) => backoff(count) });

  const nextName = (about: ObjectReference) => `${about.name}.${(clock.now().getTime() * 4096 + (serial++ & 4095)).toString(16)}`;

  const say = (type: 'Normal' | 'Warning', object: KubeObject | ObjectReference, reason: string, text: string): void => {
    const about = referenceTo(object);
    const message = text.length > longestMessage ? `${text.slice(0, longestMessage - 1)}…` : text;
    const key = JSON.stringify([about.uid, about.kind, about.namespace, about.name, about.fieldPath, type, reason, message]);
    const now = clock.now();
    const known = stories.get(key);
    if (known && now.getTime() - known.lastMs < repeatMs) {
      known.event = { ...known.event, count: (known.event.count ?? 1) + 1, lastTimestamp: toTime(now) };
      known.lastMs = now.getTime();
      stories.delete(key);
      stories.set(key, known);
    } else {
      if (unwritten.size >= longestQueue) return;
      const namespace = about.namespace ?? 'default';
      const time = toTime(now);
      const event: Event = {
        apiVersion: 'v1',
        kind: 'Event',
        metadata: { name: nextName(about), namespace },
        involvedObject: about,
        reason,
        message,
        type,
        count: 1,
        firstTimestamp: time,
        lastTimestamp: time,
        source: { component, ...(host && { host }) },
        reportingComponent: component,
        reportingInstance: host ?? '',
      };
      stories.delete(key);
      stories.set(key, { event, written: false, lastMs: now.getTime() });
      const [oldest] = stories.keys();
      if (stories.size > remembered && oldest !== undefined && !unwritten.has(oldest)) stories.delete(oldest);
    }
    unwritten.add(key);
    queue.add(key);
  };

  return {
    normal: (object, reason, message) => say('Normal', object, reason, message),
    warning: (object, reason, message) => say('Warning', object, reason, message),
    flush: () => (unwritten.size === 0 ? Promise.resolve() : new Promise((resolve) => idle.push(resolve))),
    async dispose() {
      await queue.dispose();
      for (const resolve of idle) resolve();
      idle = [];
    },
  };
}

function referenceTo(object: KubeObject | ObjectReference): ObjectReference {
  if (!('metadata' in object)) return object;
  const { name, namespace, uid, resourceVersion } = object.metadata;
  return {
    kind: object.kind,
    apiVersion: object.apiVersion,
    name,
    ...(namespace && { namespace }),
    ...(uid && { uid }),
    ...(resourceVersion && { resourceVersion }),
  };
}
