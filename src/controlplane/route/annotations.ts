/** Annotations of routes as OpenShift's router reads them (openshift/router, haproxy-config.template): a value that does not fit counts as absent. Pure. */

type Annotations = Readonly<Record<string, string>>;

export const prefix = 'haproxy.router.openshift.io/';

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
