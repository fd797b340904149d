/** `meta.k8s.io` Table and PartialObjectMetadata: what kubectl prints and what metadata-only clients cache. */
import type { KubeObject, ListMeta } from '../../../../api/meta.ts';
import { defaultColumns } from '../columns.ts';
import type { Column } from '../kind.ts';
import type { Served } from '../kind-table.ts';

export type IncludeObject = 'None' | 'Metadata' | 'Object';

export interface TableOptions {
  metaVersion: string;
  include: IncludeObject;
  now: Date;
}

function columnsOf(served: Served): readonly Column[] {
  return served.kind.columns ?? defaultColumns;
}

interface Table {
  kind: 'Table';
  apiVersion: string;
  metadata: ListMeta;
  columnDefinitions: object[] | null;
  rows: { cells: unknown[]; object?: unknown }[];
}

/** `header` false leaves the definitions out, as in all but the first event of a watch. */
export function tableOf(served: Served, objects: readonly KubeObject[], metadata: ListMeta, { metaVersion, include, now }: TableOptions, header = true): Table {
  const columns = columnsOf(served);
  return {
    kind: 'Table',
    apiVersion: `meta.k8s.io/${metaVersion}`,
    metadata,
    columnDefinitions: header
      ? columns.map(({ name, type, format, description, priority }) => ({ name, type, format: format ?? '', description: description ?? '', priority: priority ?? 0 }))
      : null,
    rows: objects.map((object) => ({
      cells: columns.map((column) => column.cell(object, now)),
      ...(include === 'Object' && { object }),
      ...(include === 'Metadata' && { object: partialOf(object, metaVersion) }),
    })),
  };
}

export function partialOf(object: KubeObject, metaVersion: string): KubeObject {
  return { kind: 'PartialObjectMetadata', apiVersion: `meta.k8s.io/${metaVersion}`, metadata: object.metadata };
}

/** `includeObject`: how much of each object comes beside its cells. */
export function includeOf(query: URLSearchParams): IncludeObject {
  const asked = query.get('includeObject');
  return asked === 'None' || asked === 'Object' ? asked : 'Metadata';
}
