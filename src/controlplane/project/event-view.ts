/** events.k8s.io/v1: the same events under the names of the newer API (apimachinery conversion of core/v1 Event). */
import { events, type Event } from '../../api/kinds/core.ts';
import type { KubeObject, ObjectReference, Time } from '../../api/meta.ts';
import { resource } from '../../api/resource.ts';
import type { VirtualKind } from '../kernel/apiserver/kind.ts';
import { eventColumns, eventFields } from './event.ts';
import type { LateClient } from '../kernel/boot/late-client.ts';
import { followVirtually } from '../kernel/apiserver/follow-virtually.ts';

interface NewEvent extends KubeObject {
  regarding?: ObjectReference;
  note?: string;
  reportingController?: string;
  deprecatedSource?: Event['source'];
  deprecatedFirstTimestamp?: Time | null;
  deprecatedLastTimestamp?: Time | null;
  deprecatedCount?: number;
}

const apiVersion = 'events.k8s.io/v1';
const newEvents = resource<NewEvent>(apiVersion, { kind: 'Event', plural: 'events', namespaced: true, shortNames: ['ev'] });

/** Name in core/v1, name here; the other fields are called the same. */
const renamed = [
  ['involvedObject', 'regarding'], ['message', 'note'], ['reportingComponent', 'reportingController'], ['source', 'deprecatedSource'],
  ['firstTimestamp', 'deprecatedFirstTimestamp'], ['lastTimestamp', 'deprecatedLastTimestamp'], ['count', 'deprecatedCount'],
] as const;
const toNew = new Map<string, string>(renamed);
const toCore = new Map<string, string>(renamed.map(([core, here]) => [here, core]));

function rename(event: KubeObject, names: ReadonlyMap<string, string>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(event).map(([key, value]) => [names.get(key) ?? key, value]));
}
const newEvent = (event: Event) => ({ ...rename(event, toNew), apiVersion }) as unknown as NewEvent;
const coreEvent = (event: NewEvent) => ({ ...rename(event, toCore), apiVersion: 'v1' }) as unknown as Event;

export function eventViewKind(late: LateClient): VirtualKind<NewEvent> {
  const named = (field: string) => field.replace('involvedObject.', 'regarding.').replace('reportingComponent', 'reportingController');
  return {
    type: 'virtual',
    resource: newEvents,
    columns: eventColumns.map((column) => ({ ...column, cell: (event: NewEvent, now: Date) => column.cell(coreEvent(event), now) })),
    selectableFields: Object.fromEntries(Object.entries(eventFields).map(([field, read]) => [named(field), (event: NewEvent) => read(coreEvent(event))])),
    get: async ({ namespace }, name) => newEvent(await late.get().get(events, { namespace, name })),
    async list({ namespace, query }) {
      const limit = query.get('limit');
      const token = query.get('continue');
      const { metadata, items } = await late.get().list(events, { namespace, ...(limit && { limit: Number(limit) }), ...(token && { continue: token }) });
      return { apiVersion, kind: 'EventList', metadata, items: items.map(newEvent) };
    },
    watch({ namespace }, resourceVersion, emit) {
      const source = late.get().watch(events, { namespace, ...(resourceVersion && { resourceVersion }) });
      return followVirtually(source, ({ type, object }) => emit({ type, object: type === 'ERROR' ? (object as unknown as NewEvent) : newEvent(object) }));
    },
    create: async ({ namespace, dryRun }, event) => newEvent(await late.get().create(events, coreEvent(event), { namespace, dryRun })),
    update: async ({ namespace }, event) => newEvent(await late.get().update(events, coreEvent(event), { namespace, name: event.metadata.name })),
    async delete({ namespace }, name) {
      await late.get().delete(events, { namespace, name });
      return { apiVersion: 'v1', kind: 'Status', metadata: {}, status: 'Success', details: { name, group: newEvents.group, kind: newEvents.plural } } as unknown as KubeObject;
    },
  };
}
