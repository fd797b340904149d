/** Events as their panel shows them: pure. */
import type { Event } from '../../api/kinds/core.ts';
import { mostRows, type EventRow } from '../../protocol/events-panel.ts';

/** An object whose events are meant, and those of what it makes. */
export interface EventSubject {
  kind: string;
  name: string;
}

/** The same thing told of the same object is one row, newest first. `subjects` absent: all. */
export function eventRows(events: readonly Event[], subjects: readonly EventSubject[] | undefined): { rows: EventRow[]; more: boolean } {
  const concerned = subjects && concerns(subjects);
  const rows = new Map<string, EventRow>();
  for (const event of events) {
    if (concerned && !concerned(event.involvedObject)) continue;
    const row = rowOf(event);
    const known = rows.get(row.id);
    rows.set(row.id, known ? joined(known, row) : row);
  }
  const sorted = [...rows.values()].sort((a, b) => b.last.localeCompare(a.last) || b.first.localeCompare(a.first) || a.id.localeCompare(b.id));
  return { rows: sorted.slice(0, mostRows), more: sorted.length > mostRows };
}

function rowOf({ involvedObject: { kind = '', name = '', uid = '' }, type, reason = '', message = '', source, reportingComponent, ...event }: Event): EventRow {
  const created = event.metadata.creationTimestamp ?? '';
  const last = event.series?.lastObservedTime ?? event.lastTimestamp ?? event.eventTime ?? created;
  return {
    id: [kind, name, uid, type, reason, message].join('\n'),
    last, first: event.firstTimestamp ?? event.eventTime ?? created, warning: type === 'Warning',
    reason, kind, name, message: message.trim(), count: event.series?.count ?? event.count ?? 1, component: (source?.component ?? '') || (reportingComponent ?? ''),
  };
}

function joined(a: EventRow, b: EventRow): EventRow {
  return { ...(a.last >= b.last ? a : b), first: a.first <= b.first ? a.first : b.first, count: a.count + b.count };
}

/** Characters that API servers make names with. */
const random = '[bcdfghjklmnpqrstvwxz2456789]{5}';
const hash = '[bcdfghjklmnpqrstvwxz2456789]{6,10}';

/** Names of what the objects of a kind make: events outlive those, so their labels cannot be asked. */
const made: Record<string, Record<string, string>> = {
  DeploymentConfig: { ReplicationController: '-\\d+', Pod: `-\\d+-(${random}|deploy|hook-(pre|mid|post))` },
  Deployment: { ReplicaSet: `-${hash}`, Pod: `-${hash}-${random}` },
  StatefulSet: { Pod: '-\\d+' },
  DaemonSet: { Pod: `-${random}` },
  BuildConfig: { Build: '-\\d+', Pod: '-\\d+-build' },
  Build: { Pod: '-build' },
  Service: { Endpoints: '' },
};

function concerns(subjects: readonly EventSubject[]): (of: { kind?: string; name?: string }) => boolean {
  const rules = subjects.flatMap(({ kind, name }) => [{ kind, name: new RegExp(`^${plain(name)}$`) }, ...Object.entries(made[kind] ?? {}).map(([own, ending]) => ({ kind: own, name: new RegExp(`^${plain(name)}${ending}$`) }))]);
  return (of) => rules.some(({ kind, name }) => of.kind === kind && name.test(of.name ?? ''));
}

function plain(name: string): string {
  return name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
