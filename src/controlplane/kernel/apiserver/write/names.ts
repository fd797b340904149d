import { randomBytes } from 'node:crypto';
import { invalidValue, required, type FieldError } from '../../../../api/status.ts';
import type { StoredKind } from '../kind.ts';

type Rule = NonNullable<StoredKind['nameRule']>;

const label = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const subdomain = `${label}(\\.${label})*`;
const rules: Record<Exclude<Rule, 'path'>, { pattern: RegExp; longest: number; text: string }> = {
  dns1123Subdomain: {
    pattern: new RegExp(`^${subdomain}$`),
    longest: 253,
    text: `a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '${subdomain}')`,
  },
  dns1123Label: {
    pattern: new RegExp(`^${label}$`),
    longest: 63,
    text: `a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '${label}')`,
  },
  dns1035Label: {
    pattern: /^[a-z]([-a-z0-9]*[a-z0-9])?$/,
    longest: 63,
    text: "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')",
  },
};

/** What is wrong with an object's name, in the real server's words. */
export function nameErrors(name: string | undefined, rule: Rule = 'dns1123Subdomain', field = 'metadata.name'): FieldError[] {
  if (!name) return [required(field, 'name or generateName is required')];
  if (rule === 'path') {
    if (name === '.' || name === '..') return [invalidValue(field, name, `may not be '${name}'`)];
    return [...new Set(name)].filter((char) => char === '/' || char === '%').map((char) => invalidValue(field, name, `may not contain '${char}'`));
  }
  const { pattern, longest, text } = rules[rule];
  const errors: FieldError[] = [];
  if (name.length > longest) errors.push(invalidValue(field, name, `must be no more than ${longest} characters`));
  if (!pattern.test(name)) errors.push(invalidValue(field, name, text));
  return errors;
}

const letters = 'bcdfghjklmnpqrstvwxz2456789';
const longestBase = 58;

/** `base` cut to fit, and five characters that spell no words. */
export function generateName(base: string): string {
  let suffix = '';
  for (const byte of randomBytes(5)) suffix += letters[byte % letters.length];
  return base.slice(0, longestBase) + suffix;
}
