/** Label and field selectors: their text form, their object form, and what they match. */
import type { LabelSelector } from './meta.ts';

export type Operator = 'In' | 'NotIn' | 'Exists' | 'DoesNotExist' | 'Gt' | 'Lt';

export interface Requirement {
  readonly key: string;
  readonly operator: Operator;
  /** One for Gt and Lt, none for Exists and DoesNotExist. */
  readonly values: readonly string[];
}

/** All requirements must hold; none means everything matches. */
export type Selector = readonly Requirement[];

export interface FieldRequirement {
  readonly field: string;
  readonly equal: boolean;
  readonly value: string;
}

export type FieldSelector = readonly FieldRequirement[];

export class SelectorError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'SelectorError';
  }
}

export const everything: Selector = Object.freeze([]);

const token = /\s*(?:(,)|(\()|(\))|(==|=|!=|!|>|<)|([^\s,()=!<>]+))/y;
const namePart = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
const prefixPart = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const valuePart = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/;

/** What is wrong with a label key or qualified name, in the real server's words; undefined if nothing. */
export function qualifiedNameProblem(key: string): string | undefined {
  const parts = key.split('/');
  const name = parts.at(-1) ?? '';
  const rule = "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
  if (parts.length > 2) {
    return "a qualified name must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')";
  }
  if (parts.length === 2) {
    const prefix = parts[0] ?? '';
    if (!prefix) return 'prefix part must be non-empty';
    if (prefix.length > 253) return 'prefix part must be no more than 253 bytes';
    if (!prefixPart.test(prefix)) {
      return "prefix part a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
    }
  }
  if (!name) return 'name part must be non-empty';
  if (name.length > 63) return 'name part must be no more than 63 bytes';
  return namePart.test(name) ? undefined : rule;
}

/** What is wrong with a label value; undefined if nothing. */
export function labelValueProblem(value: string): string | undefined {
  if (value.length > 63) return 'must be no more than 63 bytes';
  if (valuePart.test(value)) return undefined;
  return "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";
}

/** `app=web,tier in (a,b),!legacy,count>2`. Throws `SelectorError`. */
export function parseSelector(text: string): Selector {
  if (text.trim() === '') return everything;
  const tokens = tokenize(text);
  const requirements: Requirement[] = [];
  let at = 0;
  const next = () => tokens[at++] ?? '';
  const fail = (found: string, expected: string): never => {
    throw new SelectorError(`unable to parse requirement: found '${found}', expected: ${expected}`);
  };
  const values = (): string[] => {
    if (next() !== '(') fail(tokens[at - 1] ?? '', "'('");
    const list: string[] = [];
    for (;;) {
      const word = next();
      if (word === ')') {
        // A trailing comma, or nothing at all, stands for one empty value.
        list.push('');
        return list;
      }
      if (word === ',') {
        list.push('');
        continue;
      }
      if (word === '') fail('', "',', ')' or identifier");
      list.push(word);
      const after = next();
      if (after === ')') return list;
      if (after !== ',') fail(after, "',' or ')'");
    }
  };
  for (;;) {
    let key = next();
    const negated = key === '!';
    if (negated) key = next();
    if (!key || /^[,()=!<>]/.test(key)) fail(key, "!, identifier, or 'end of string'");
    const problem = qualifiedNameProblem(key);
    if (problem) throw new SelectorError(`unable to parse requirement: <nil>: Invalid value: ${JSON.stringify(key)}: ${problem}`);
    const operator = negated ? '' : (tokens[at] ?? '');
    if (operator === '' || operator === ',') {
      requirements.push({ key, operator: negated ? 'DoesNotExist' : 'Exists', values: [] });
    } else {
      at++;
      requirements.push(readRequirement(key, operator, values, () => {
        const value = tokens[at] ?? '';
        if (value === '' || value === ',') return '';
        if (/^[()=!<>]/.test(value)) fail(value, 'identifier');
        at++;
        return value;
      }, fail));
    }
    const separator = next();
    if (separator === '') return requirements;
    if (separator !== ',') fail(separator, "',' or 'end of string'");
  }
}

function readRequirement(key: string, operator: string, list: () => string[], one: () => string, fail: (found: string, expected: string) => never): Requirement {
  const checked = (values: string[]): string[] => {
    for (const value of values) {
      const problem = labelValueProblem(value);
      if (problem) throw new SelectorError(`unable to parse requirement: values[0][${key}]: Invalid value: ${JSON.stringify(value)}: ${problem}`);
    }
    return values;
  };
  switch (operator) {
    case '=':
    case '==':
      return { key, operator: 'In', values: checked([one()]) };
    case '!=':
      return { key, operator: 'NotIn', values: checked([one()]) };
    case 'in':
      return { key, operator: 'In', values: checked(list()) };
    case 'notin':
      return { key, operator: 'NotIn', values: checked(list()) };
    case '>':
    case '<': {
      const value = one();
      if (!/^[-+]?\d+$/.test(value)) throw new SelectorError(`unable to parse requirement: values[0]: Invalid value: ${JSON.stringify(value)}: for 'Gt', 'Lt' operators, the value must be an integer`);
      return { key, operator: operator === '>' ? 'Gt' : 'Lt', values: [value] };
    }
    default:
      return fail(operator, 'in, notin, =, ==, !=, gt, lt');
  }
}

function tokenize(text: string): string[] {
  const tokens: string[] = [];
  token.lastIndex = 0;
  const end = text.trimEnd().length;
  while (token.lastIndex < end) {
    const from = token.lastIndex;
    const match = token.exec(text);
    if (!match) throw new SelectorError(`unable to parse requirement: found '${text.slice(from).trim()}', expected: identifier`);
    tokens.push(match[0].trim());
  }
  return tokens;
}

export function matches(selector: Selector, labels: Record<string, string> | undefined): boolean {
  for (const requirement of selector) if (!holds(requirement, labels?.[requirement.key])) return false;
  return true;
}

function holds({ operator, values }: Requirement, value: string | undefined): boolean {
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    case 'Gt':
    case 'Lt': {
      if (value === undefined || !/^[-+]?\d+$/.test(value)) return false;
      const bound = Number(values[0]);
      return operator === 'Gt' ? Number(value) > bound : Number(value) < bound;
    }
  }
}

/** The object form. An absent selector matches nothing, which is `undefined` here; an empty one matches everything. */
export function selectorOf(selector: LabelSelector | undefined | null): Selector | undefined {
  if (!selector) return undefined;
  return [
    ...Object.entries(selector.matchLabels ?? {}).map(([key, value]): Requirement => ({ key, operator: 'In', values: [value] })),
    ...(selector.matchExpressions ?? []).map(({ key, operator, values }): Requirement => ({ key, operator, values: values ?? [] })),
  ];
}

/** The plain map form that services and replication controllers use. */
export function selectorOfMap(map: Record<string, string> | undefined | null): Selector {
  return Object.entries(map ?? {}).map(([key, value]) => ({ key, operator: 'In', values: [value] }));
}

/** True if `labels` satisfy the object form; false for an absent selector. */
export function matchesLabelSelector(selector: LabelSelector | undefined | null, labels: Record<string, string> | undefined): boolean {
  const parsed = selectorOf(selector);
  return parsed !== undefined && matches(parsed, labels);
}

/** The text form, sorted by key as the real one prints it. */
export function formatSelector(selector: Selector): string {
  return [...selector]
    .sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0))
    .map(({ key, operator, values }) => {
      switch (operator) {
        case 'In':
          return values.length === 1 ? `${key}=${values[0]}` : `${key} in (${[...values].sort().join(',')})`;
        case 'NotIn':
          return values.length === 1 ? `${key}!=${values[0]}` : `${key} notin (${[...values].sort().join(',')})`;
        case 'Exists':
          return key;
        case 'DoesNotExist':
          return `!${key}`;
        case 'Gt':
          return `${key}>${values[0]}`;
        case 'Lt':
          return `${key}<${values[0]}`;
      }
    })
    .join(',');
}

/** `status.phase!=Failed,spec.nodeName=node-1`; `\,`, `\=` and `\\` stand for themselves. Throws `SelectorError`. */
export function parseFieldSelector(text: string): FieldSelector {
  const terms: string[] = [];
  let from = 0;
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === ',') {
      terms.push(text.slice(from, at));
      from = at + 1;
    }
  }
  terms.push(text.slice(from));
  return terms.filter((term) => term !== '').map((term) => {
    const match = /^((?:\\.|[^\\=!])*)(!=|==|=)(.*)$/s.exec(term);
    if (!match) throw new SelectorError(`invalid selector: '${text}'; can't understand '${term}'`);
    return { field: match[1] ?? '', equal: match[2] !== '!=', value: (match[3] ?? '').replace(/\\([\\,=])/g, '$1') };
  });
}

export function matchesFields(selector: FieldSelector, valueOf: (field: string) => string): boolean {
  return selector.every(({ field, equal, value }) => (valueOf(field) === value) === equal);
}
