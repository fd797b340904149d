/** Watch events in the form a client asked for. */
import type { Status } from '../../../../api/status.ts';
import type { Clock } from '../../../../base/clock.ts';
import type { Served } from '../kind-table.ts';
import type { Form, Matched } from '../watch/watch-plan.ts';
import type { Negotiated } from './negotiate.ts';
import { partialOf, tableOf, type IncludeObject } from './table.ts';

export interface FormOptions {
  served: Served;
  negotiated: Negotiated;
  include: IncludeObject;
  clock: Clock;
}

/** One JSON document an event; the pieces make up `{"type":…,"object":…}`. */
type Frame = readonly (Buffer | string)[];

const heads = {
  ADDED: Buffer.from('{"type":"ADDED","object":'),
  MODIFIED: Buffer.from('{"type":"MODIFIED","object":'),
  DELETED: Buffer.from('{"type":"DELETED","object":'),
};
const tail = Buffer.from('}\n');

export const initialEventsEnd = 'k8s.io/initial-events-end';

function frameOf({ served, negotiated, include, clock }: FormOptions): (event: Matched, first: boolean) => Frame {
  switch (negotiated.as) {
    case 'table': {
      const { metaVersion } = negotiated;
      return ({ type, source: { object } }, first) => {
        const { resourceVersion } = object.metadata;
        const table = tableOf(served, [object], resourceVersion === undefined ? {} : { resourceVersion }, { metaVersion, include, now: clock.now() }, first);
        return [heads[type], JSON.stringify(table), tail];
      };
    }
    case 'partial':
      return ({ type, source: { object } }) => [heads[type], JSON.stringify(partialOf(object, negotiated.metaVersion)), tail];
    default:
      return ({ type, source }) => [heads[type], source.bytes ?? JSON.stringify(source.object), tail];
  }
}

function bookmarkText({ served, negotiated }: FormOptions, revision: number, initialEnd: boolean): string {
  const metadata = { resourceVersion: String(revision), creationTimestamp: null, ...(initialEnd && { annotations: { [initialEventsEnd]: 'true' } }) };
  const named = { kind: served.resource.kind, apiVersion: served.apiVersion, metadata };
  const meta = `meta.k8s.io/${negotiated.metaVersion}`;
  const object =
    negotiated.as === 'table'
      ? { kind: 'Table', apiVersion: meta, metadata: { resourceVersion: String(revision) }, columnDefinitions: null, rows: [{ cells: [], object: initialEnd ? named : null }] }
      : negotiated.as === 'partial'
        ? { kind: 'PartialObjectMetadata', apiVersion: meta, metadata }
        : named;
  return JSON.stringify({ type: 'BOOKMARK', object });
}

const errorText = (status: Status) => JSON.stringify({ type: 'ERROR', object: status });

const keyOf = ({ negotiated, include }: FormOptions) => `${negotiated.as} ${negotiated.metaVersion} ${include}`;

/** A stream of lines, one event each; all events of a commit in one buffer. */
export function lineForm(options: FormOptions): Form<Buffer> {
  const frame = frameOf(options);
  return {
    key: `lines ${keyOf(options)}`,
    events(events, first) {
      const parts: Buffer[] = [];
      events.forEach((event, index) => {
        for (const part of frame(event, first && index === 0)) parts.push(typeof part === 'string' ? Buffer.from(part) : part);
      });
      return Buffer.concat(parts);
    },
    bookmark: (revision, initialEnd) => Buffer.from(`${bookmarkText(options, revision, initialEnd)}\n`),
    error: (status) => Buffer.from(`${errorText(status)}\n`),
  };
}

/** One text an event, for WebSocket messages. */
export function messageForm(options: FormOptions): Form<readonly string[]> {
  const frame = frameOf(options);
  return {
    key: `messages ${keyOf(options)}`,
    events: (events, first) => events.map((event, index) => frame(event, first && index === 0).map(String).join('').trimEnd()),
    bookmark: (revision, initialEnd) => [bookmarkText(options, revision, initialEnd)],
    error: (status) => [errorText(status)],
  };
}
