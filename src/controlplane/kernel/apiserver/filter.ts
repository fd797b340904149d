/** Label and field selectors of a request, as one test. */
import type { KubeObject } from '../../../api/meta.ts';
import {
  everything, matches, matchesFields, parseFieldSelector, parseSelector, SelectorError, type FieldSelector, type Selector,
} from '../../../api/selector.ts';
import { badRequest } from '../../../api/status.ts';
import type { Served } from './kind-table.ts';

export interface Filter {
  readonly labels: Selector;
  readonly fields: FieldSelector;
  /** The text of both, as key for sharing work. */
  readonly text: string;
  /** Set when a field selector asks for exactly one name. */
  readonly name: string | undefined;
  /** Undefined when everything matches. */
  readonly test: ((object: KubeObject) => boolean) | undefined;
}

const all: Filter = { labels: everything, fields: [], text: '', name: undefined, test: undefined };

export function filterOf(served: Served, labelSelector: string | null | undefined, fieldSelector: string | null | undefined): Filter {
  if (!labelSelector && !fieldSelector) return all;
  const labels = reading(() => parseSelector(labelSelector ?? ''));
  const fields = reading(() => parseFieldSelector(fieldSelector ?? ''));
  const known = served.kind.selectableFields ?? {};
  for (const { field } of fields) {
    if (field === 'metadata.name' || (field === 'metadata.namespace' && served.resource.namespaced) || Object.hasOwn(known, field)) continue;
    throw badRequest(
      served.kind.selectableFields && served.resource.group === ''
        ? `field label not supported: ${field}`
        : `"${field}" is not a known field selector: only "metadata.name"${served.resource.namespaced ? ', "metadata.namespace"' : ''}${Object.keys(known).sort().map((one) => `, "${one}"`).join('')}`,
    );
  }
  const valueOf = (object: KubeObject) => (field: string): string => {
    if (field === 'metadata.name') return object.metadata.name;
    if (field === 'metadata.namespace') return object.metadata.namespace ?? '';
    return known[field]?.(object) ?? '';
  };
  const names = fields.filter((one) => one.field === 'metadata.name' && one.equal);
  return {
    labels,
    fields,
    text: `${labelSelector ?? ''}\n${fieldSelector ?? ''}`,
    name: names.length === 1 ? names[0]?.value : undefined,
    test: labels.length === 0 && fields.length === 0 ? undefined : (object) => matches(labels, object.metadata.labels) && (fields.length === 0 || matchesFields(fields, valueOf(object))),
  };
}

function reading<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof SelectorError) throw badRequest(error.message);
    throw error;
  }
}
