/** Events: the story of the other objects, kept for an hour. */
import { ageOf } from '../../api/age.ts';
import { events, type Event } from '../../api/kinds/core.ts';
import type { ObjectReference } from '../../api/meta.ts';
import { invalidValue, type FieldError } from '../../api/status.ts';
import type { Column, StoredKind } from '../kernel/apiserver/kind.ts';

/** When it last happened. */
export function lastSeen(event: Event): string | undefined {
  return event.series?.lastObservedTime ?? event.lastTimestamp ?? event.eventTime ?? event.firstTimestamp ?? event.metadata.creationTimestamp;
}

const source = ({ source, reportingComponent, reportingInstance }: Event): string => {
  const [component, host] = source?.component ? [source.component, source.host] : [reportingComponent, reportingInstance];
  return [component, host].filter(Boolean).join(', ');
};

export const eventColumns: readonly Column<Event>[] = [
  { name: 'Last Seen', type: 'string', description: 'Time this event was last observed', cell: (event, now) => ageOf(lastSeen(event), now) },
  { name: 'Type', type: 'string', description: 'Type of this event (Normal, Warning), new types could be added in the future', cell: ({ type }) => type ?? '' },
  { name: 'Reason', type: 'string', description: 'Short machine understandable string that gives the reason for this event being generated.', cell: ({ reason }) => reason ?? '' },
  { name: 'Object', type: 'string', description: 'The object that this event is about', cell: ({ involvedObject: { kind, name } }) => (name ? `${(kind ?? '').toLowerCase()}/${name}` : (kind ?? '').toLowerCase()) },
  { name: 'Subobject', type: 'string', priority: 1, description: 'The part of the object that this event is about', cell: ({ involvedObject }) => involvedObject.fieldPath ?? '' },
  { name: 'Source', type: 'string', priority: 1, description: 'The component reporting this event', cell: source },
  { name: 'Message', type: 'string', description: 'A human-readable description of the status of this operation', cell: ({ message }) => (message ?? '').trim() },
  {
    name: 'First Seen', type: 'string', priority: 1, description: 'The time at which the event was first recorded',
    cell: (event, now) => ageOf(event.firstTimestamp ?? event.eventTime ?? event.metadata.creationTimestamp, now),
  },
  { name: 'Count', type: 'string', priority: 1, description: 'The number of times this event has occurred', cell: ({ series, count }) => String(series?.count ?? (count || 1)) },
  { name: 'Name', type: 'string', format: 'name', priority: 1, description: 'Name must be unique within a namespace.', cell: ({ metadata }) => metadata.name },
];

const about = (part: keyof ObjectReference) => ({ involvedObject }: Event): string => involvedObject?.[part] ?? '';

export const eventFields: Record<string, (event: Event) => string> = {
  'involvedObject.kind': about('kind'),
  'involvedObject.namespace': about('namespace'),
  'involvedObject.name': about('name'),
  'involvedObject.uid': about('uid'),
  'involvedObject.apiVersion': about('apiVersion'),
  'involvedObject.resourceVersion': about('resourceVersion'),
  'involvedObject.fieldPath': about('fieldPath'),
  reason: ({ reason }) => reason ?? '',
  reportingComponent: ({ reportingComponent }) => reportingComponent ?? '',
  source: ({ source, reportingComponent }) => source?.component || (reportingComponent ?? ''),
  type: ({ type }) => type ?? '',
};

export const eventKind: StoredKind<Event> = {
  type: 'stored',
  resource: events,
  generation: false,
  columns: eventColumns,
  selectableFields: eventFields,
  validate(event): FieldError[] {
    const { namespace } = event.metadata;
    // The schema says that it is missing.
    if (!event.involvedObject) return [];
    const about = event.involvedObject.namespace;
    // Things without a namespace are told of in `default`.
    const fits = about ? about === namespace : namespace === 'default' || namespace === 'kube-system';
    return fits ? [] : [invalidValue('involvedObject.namespace', about ?? '', 'does not match event.namespace')];
  },
};
