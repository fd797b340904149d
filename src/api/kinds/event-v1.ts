/** events.k8s.io/v1: another view of the core group's events, with other names for the same fields. */
import type { KubeObject, ObjectReference, Time } from '../meta.ts';
import { resource } from '../resource.ts';
import type { Event } from './core.ts';

export interface EventV1 extends KubeObject {
  eventTime?: Time | null;
  series?: { count?: number; lastObservedTime?: Time };
  reportingController?: string;
  reportingInstance?: string;
  action?: string;
  reason?: string;
  regarding?: ObjectReference;
  related?: ObjectReference;
  note?: string;
  type?: 'Normal' | 'Warning';
  deprecatedSource?: { component?: string; host?: string };
  deprecatedFirstTimestamp?: Time | null;
  deprecatedLastTimestamp?: Time | null;
  deprecatedCount?: number;
}

export const eventsV1 = resource<EventV1>('events.k8s.io/v1', { kind: 'Event', plural: 'events', namespaced: true, shortNames: ['ev'] });

/** [events.k8s.io, core] names of what is called differently. */
const names = [
  ['regarding', 'involvedObject'], ['note', 'message'], ['deprecatedSource', 'source'], ['deprecatedFirstTimestamp', 'firstTimestamp'], ['deprecatedLastTimestamp', 'lastTimestamp'],
  ['deprecatedCount', 'count'], ['reportingController', 'reportingComponent'],
] as const;

export function eventToCore(event: EventV1): Event {
  return rename(event, 'v1', names.map(([a, b]) => [a, b])) as Event;
}

export function eventFromCore(event: Event): EventV1 {
  return rename(event, 'events.k8s.io/v1', names.map(([a, b]) => [b, a])) as EventV1;
}

function rename(object: KubeObject, apiVersion: string, pairs: readonly (readonly [string, string])[]): KubeObject {
  const other = new Map(pairs);
  return Object.fromEntries(Object.entries({ ...object, apiVersion }).map(([key, value]) => [other.get(key) ?? key, value])) as unknown as KubeObject;
}
