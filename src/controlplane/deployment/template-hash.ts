/** The short name of a pod template, as in `web-6d4cf56db6`. */
import { isObject } from '../../api/json.ts';

/** Letters and digits of generated names: no vowels, so that no words appear. */
const alphabet = 'bcdfghjklmnpqrstvwxz2456789';

/** Equal templates have equal hashes whatever the order of their members. `collisions` makes another one when a name is taken. */
export function templateHash(template: unknown, collisions = 0): string {
  const number = fnv(canonical(template) + (collisions > 0 ? `#${collisions}` : ''));
  return [...String(number)].map((digit) => alphabet[digit.charCodeAt(0) % alphabet.length]).join('');
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (!isObject(value)) return JSON.stringify(value ?? null);
  const members = Object.keys(value).filter((key) => value[key] !== undefined && !(key === 'creationTimestamp' && value[key] === null)).sort();
  return `{${members.map((key) => `${JSON.stringify(key)}:${canonical(value[key])}`).join(',')}}`;
}

/** FNV-1a, 32 bits. */
function fnv(text: string): number {
  let value = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
  return value >>> 0;
}
