/** Annotations of routes as OpenShift's router reads them (openshift/router, haproxy-config.template): a value that does not fit counts as absent. Pure. */

import { isIP } from 'node:net';

type Annotations = Readonly<Record<string, string>>;

export const prefix = 'haproxy.router.openshift.io/';

export const balances = ['roundrobin', 'random', 'leastconn', 'source'] as const;
export const forwardings = ['append', 'replace', 'if-none', 'never'] as const;
export const sameSites = ['Lax', 'Strict', 'None'] as const;
/** Annotations end up in requests and responses: only what cannot break out of its place is taken. */
export const strictTransport = /^((includeSubDomains|preload)\s*;\s*)*max-age\s*=\s*(\d+|"\d+")(\s*;\s*(includeSubDomains|preload))*$/i;
export const rewriteTarget = /^\/[\x21-\x7e]*$/;
export const cookieName = /^[a-zA-Z0-9_-]+$/;

/** An address, or a network as `10.0.0.0/8`. */
export function isNetwork(text: string): boolean {
  const [address = '', bits, ...more] = text.split('/');
  const version = isIP(address);
  if (version === 0 || more.length > 0) return false;
  return bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= (version === 4 ? 32 : 128));
}

/** Largest time-out HAProxy takes. */
const longestMs = 2_147_483_647;
const units: Record<string, number> = { us: 0.001, ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `500ms`, `30s`, `5m`, and milliseconds without a unit; undefined for anything else. */
export function parseTime(text: string | undefined): number | undefined {
  const match = /^([1-9]\d*)(us|ms|s|m|h|d)?$/.exec(text?.trim() ?? '');
  if (!match) return undefined;
  return Math.min(longestMs, Math.max(1, Math.round(Number(match[1]) * (units[match[2] ?? 'ms'] ?? 1))));
}

/** What Go's ParseBool takes for true. */
export const isTrue = (text: string | undefined): boolean => /^(1|t|T|TRUE|true|True)$/.test(text ?? '');

export function wholeNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}

export function oneOf<T extends string>(allowed: readonly T[], text: string | undefined): T | undefined {
  return allowed.find((one) => one === text);
}

export const textThat = (pattern: RegExp, text: string | undefined): string | undefined => (text !== undefined && pattern.test(text) ? text : undefined);

/** The first of `names` that is there, without the router's prefix. */
export const annotated = (annotations: Annotations, ...names: string[]): string | undefined => names.map((name) => annotations[prefix + name]).find((value) => value !== undefined);
