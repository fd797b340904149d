/** A read-only description: what the object is, its conditions, and its events. */
import * as vscode from 'vscode';
import { stringify } from 'yaml';
import { ageOf } from '../../api/age.ts';
import { events, type Event } from '../../api/kinds/core.ts';
import type { Condition, KubeObject } from '../../api/meta.ts';
import type { Session } from '../connections/session.ts';
import { parseObjectUri } from './object-uri.ts';

export class DescribeProvider implements vscode.TextDocumentContentProvider {
  readonly #session: Session;

  constructor(session: Session) {
    this.#session = session;
  }

  async provideTextDocumentContent(uri: vscode.Uri): Promise<string> {
    const { resource, namespace, name } = parseObjectUri(uri);
    const object = await this.#session.client.get(resource, { namespace, name });
    const involved = await this.#session.client.list(events, { ...(namespace && { namespace }), fieldSelector: `involvedObject.uid=${object.metadata.uid}` });
    return describe(object, involved.items, new Date());
  }
}

export function describe(object: KubeObject, found: readonly Event[], now: Date): string {
  const { spec, status, metadata } = object as KubeObject & { spec?: unknown; status?: { conditions?: Condition[] } };
  const facts: [string, string | undefined][] = [
    ['Name', metadata.name], ['Namespace', metadata.namespace], ['Kind', object.kind], ['Created', metadata.creationTimestamp && `${metadata.creationTimestamp} (${ageOf(metadata.creationTimestamp, now)})`],
    ['Labels', pairs(metadata.labels)], ['Annotations', pairs(metadata.annotations)], ['Controlled by', metadata.ownerReferences?.map((one) => `${one.kind}/${one.name}`).join(', ')],
  ];
  const blocks = [facts.filter(([, value]) => value).map(([key, value]) => `${`${key}:`.padEnd(15)}${value}`).join('\n')];
  if (status?.conditions?.length) blocks.push(`Conditions:\n${table([['Type', 'Status', 'Reason', 'Message'], ...status.conditions.map((one) => [one.type, one.status, one.reason ?? '', one.message ?? ''])])}`);
  if (spec) blocks.push(`Spec:\n${indent(stringify(spec, { lineWidth: 0 }))}`);
  if (status) blocks.push(`Status:\n${indent(stringify({ ...status, conditions: undefined }, { lineWidth: 0 }))}`);
  const rows = [...found].sort((a, b) => (a.lastTimestamp ?? '').localeCompare(b.lastTimestamp ?? '')).map((one) => [one.type ?? '', one.reason ?? '', ageOf(one.lastTimestamp ?? one.metadata.creationTimestamp, now), String(one.count ?? 1), one.message ?? '']);
  blocks.push(rows.length > 0 ? `Events:\n${table([['Type', 'Reason', 'Age', 'Count', 'Message'], ...rows])}` : 'Events: <none>');
  return `${blocks.join('\n\n')}\n`;
}

function pairs(values: Record<string, string> | undefined): string {
  return Object.entries(values ?? {}).map(([key, value]) => `${key}=${value.length > 120 ? `${value.slice(0, 120)}…` : value}`).join(`\n${' '.repeat(15)}`);
}

function table(rows: string[][]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) => `  ${row.map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd((widths[column] ?? 0) + 2))).join('')}`.trimEnd()).join('\n');
}

function indent(text: string): string {
  return text.trimEnd().replace(/^/gm, '  ');
}
