/** What a route does to fields of requests and responses. Values are read once, when the route changes. */
import type { RouterHeaderAction } from '../../../protocol/router.ts';

/** Where dynamic values come from: a field of the head as it is by then, by its lower-case name. */
type Field = (name: string) => string | undefined;
type Part = string | { field: string; lower: boolean; base64: boolean };

export interface HeaderAction {
  name: string;
  lower: string;
  /** Absent: deleted. */
  value?: readonly Part[];
}

const dynamic = /%(?:%|(?:\{[^}]*\})?\[(?:(?:req|res)\.hdr\(([0-9A-Za-z-]+)\)|ssl_c_der)((?:,(?:lower|base64))*)\])/g;

export function compileActions(actions: readonly RouterHeaderAction[] | undefined): readonly HeaderAction[] | undefined {
  if (!actions || actions.length === 0) return undefined;
  return actions.map(({ name, value }) => ({ name, lower: name.toLowerCase(), ...(value !== undefined && { value: partsOf(value) }) }));
}

function partsOf(value: string): Part[] {
  const parts: Part[] = [];
  let end = 0;
  for (const match of value.matchAll(dynamic)) {
    if (match.index > end) parts.push(value.slice(end, match.index));
    end = match.index + match[0].length;
    const converters = (match[2] ?? '').split(',');
    if (match[0] === '%%') parts.push('%');
    // Clients are not asked for certificates: `ssl_c_der` is empty.
    else if (match[1] !== undefined) parts.push({ field: match[1].toLowerCase(), lower: converters.includes('lower'), base64: converters.includes('base64') });
  }
  if (end < value.length) parts.push(value.slice(end));
  return parts;
}

/** Changes a flat list of names and values in place. A field that is set stands once. */
export function applyActions(actions: readonly HeaderAction[], headers: string[]): void {
  const field: Field = (wanted) => {
    for (let at = 0; at < headers.length; at += 2) if ((headers[at] as string).toLowerCase() === wanted) return headers[at + 1];
    return undefined;
  };
  for (const { name, lower, value } of actions) {
    const made = value?.map((part) => textOf(part, field)).join('');
    removeField(headers, lower);
    if (made !== undefined) headers.push(name, made);
  }
}

function textOf(part: Part, field: Field): string {
  if (typeof part === 'string') return part;
  let text = field(part.field) ?? '';
  if (part.lower) text = text.toLowerCase();
  return part.base64 ? Buffer.from(text, 'latin1').toString('base64') : text;
}

function removeField(headers: string[], lower: string): void {
  let kept = 0;
  for (let at = 0; at < headers.length; at += 2) {
    if ((headers[at] as string).toLowerCase() === lower) continue;
    headers[kept] = headers[at] as string;
    headers[kept + 1] = headers[at + 1] as string;
    kept += 2;
  }
  headers.length = kept;
}
