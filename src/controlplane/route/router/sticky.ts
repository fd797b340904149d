/** The cookie that leads a client back to its endpoint. It is the router's own: endpoints do not get it. */
import type { RouterCookie } from '../../../protocol/router.ts';

/** What a client that has none is given with its answer. */
export function setCookie({ name, secure, sameSite }: RouterCookie, id: string): string {
  return `${name}=${id}; path=/; HttpOnly${secure ? '; Secure' : ''}${sameSite ? `; SameSite=${sameSite}` : ''}`;
}

/** The endpoint's id in a `Cookie` field. */
export function readCookie(field: string, name: string): string | undefined {
  // Most clients have other cookies only.
  if (!field.includes(name)) return undefined;
  for (const pair of field.split(';')) {
    const equals = pair.indexOf('=');
    if (equals > 0 && pair.slice(0, equals).trim() === name) return pair.slice(equals + 1).trim();
  }
  return undefined;
}

/** The field without it; empty when nothing else was there. */
export function withoutCookie(field: string, name: string): string {
  if (!field.includes(name)) return field;
  return field.split(';').filter((pair) => pair.slice(0, Math.max(0, pair.indexOf('='))).trim() !== name).map((pair) => pair.trim()).join('; ');
}
