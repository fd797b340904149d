/** Answers to bytes. Stored objects go out as the bytes the store holds: lists are their concatenation, nothing is parsed. */
import type { KubeList, KubeObject, ListMeta } from '../../../../api/meta.ts';
import type { Answer } from '../answer.ts';
import type { Served } from '../kind-table.ts';
import type { Negotiated } from './negotiate.ts';
import { partialOf, tableOf, type TableOptions } from './table.ts';

export interface Encoded {
  code: number;
  contentType: string;
  body: Buffer | string;
}

type Document = Extract<Answer, { type: 'entry' | 'object' | 'page' | 'list' }>;

const json = 'application/json';
const comma = Buffer.from(',');
const close = Buffer.from(']}\n');

export async function encode(answer: Document, negotiated: Negotiated, options: Omit<TableOptions, 'metaVersion'>): Promise<Encoded> {
  const code = 'code' in answer ? answer.code : 200;
  switch (negotiated.as) {
    case 'json':
      return { code, contentType: json, body: jsonOf(answer) };
    case 'yaml': {
      const { stringify } = await import('yaml');
      return { code, contentType: 'application/yaml', body: stringify(documentOf(answer)) };
    }
    case 'table':
      return { code, contentType: json, body: `${JSON.stringify(asTable(answer, { ...options, metaVersion: negotiated.metaVersion }))}\n` };
    case 'partial':
      return { code, contentType: json, body: `${JSON.stringify(asPartial(answer, negotiated.metaVersion))}\n` };
  }
}

function jsonOf(answer: Document): Buffer | string {
  if (answer.type === 'entry') return answer.entry.bytes;
  if (answer.type !== 'page') return `${JSON.stringify(documentOf(answer))}\n`;
  const parts: Buffer[] = [Buffer.from(`{"kind":"${answer.served.listKind}","apiVersion":"${answer.served.apiVersion}","metadata":${JSON.stringify(answer.metadata)},"items":[`)];
  for (const [index, entry] of answer.entries.entries()) {
    if (index > 0) parts.push(comma);
    parts.push(entry.bytes);
  }
  parts.push(close);
  return Buffer.concat(parts);
}

/** The answer as one plain value; what in-process callers get. */
export function documentOf(answer: Document): object {
  switch (answer.type) {
    case 'entry':
      return answer.entry.object;
    case 'object':
      return answer.object;
    case 'page':
      return listOf(answer.served, answer.entries.map((entry) => entry.object), answer.metadata);
    case 'list':
      return answer.list;
  }
}

function listOf<T extends KubeObject>(served: Served, items: T[], metadata: ListMeta): KubeList<T> {
  return { apiVersion: served.apiVersion, kind: served.listKind, metadata, items };
}

function itemsOf(answer: Document): { items: readonly KubeObject[]; metadata: ListMeta } | undefined {
  switch (answer.type) {
    case 'entry':
      return { items: [answer.entry.object], metadata: versionOf(answer.entry.object) };
    case 'object':
      // A Status, a Scale, a Binding: things that have no row.
      if (answer.object.kind !== answer.served.resource.kind) return undefined;
      return { items: [answer.object as KubeObject], metadata: versionOf(answer.object as KubeObject) };
    case 'page':
      return { items: answer.entries.map((entry) => entry.object), metadata: answer.metadata };
    case 'list':
      return { items: answer.list.items, metadata: answer.list.metadata };
  }
}

function versionOf({ metadata: { resourceVersion } }: KubeObject): ListMeta {
  return resourceVersion === undefined ? {} : { resourceVersion };
}

function asTable(answer: Document, options: TableOptions): object {
  const found = itemsOf(answer);
  return found ? tableOf(answer.served, found.items, found.metadata, options) : documentOf(answer);
}

function asPartial(answer: Document, metaVersion: string): object {
  const found = itemsOf(answer);
  if (!found) return documentOf(answer);
  const items = found.items.map((object) => partialOf(object, metaVersion));
  if (answer.type === 'entry' || answer.type === 'object') return items[0] ?? {};
  return { kind: 'PartialObjectMetadataList', apiVersion: `meta.k8s.io/${metaVersion}`, metadata: found.metadata, items };
}
