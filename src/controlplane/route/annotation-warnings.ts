/** What a router makes nothing of among the annotations of a route, for `Warning` headers: OpenShift's router passes over it without a word. Pure. */
import { balances, cookieName, forwardings, isNetwork, parseTime, prefix, rewriteTarget, sameSites, strictTransport, wholeNumber } from './annotations.ts';

type Annotations = Readonly<Record<string, string>> | undefined;
/** What a value would have to be; undefined if it is that. */
type Rule = (value: string) => string | undefined;

const rule = (fits: (value: string) => boolean, wanted: string): Rule => (value) => (fits(value) ? undefined : `it must be ${wanted}`);
const among = (list: readonly string[]) => rule((value) => list.includes(value), `one of ${list.join(', ')}`);
const time = rule((value) => parseTime(value) !== undefined, 'a time such as 500ms, 30s or 5m');
const whole = rule((value) => wholeNumber(value) !== undefined, 'a whole number');
const truth = rule((value) => /^(1|t|T|TRUE|true|True|0|f|F|FALSE|false|False)$/.test(value), 'true or false');
const addresses: Rule = (value) => {
  const parts = value.trim().split(/\s+/);
  if (value !== value.trim()) return 'a list may have no space around it, and without one everybody is let in';
  if (!parts.some(isNetwork)) return 'it must be addresses or networks parted by spaces, and without one everybody is let in';
  const wrong = parts.filter((part) => !isNetwork(part));
  return wrong.length > 0 ? `of its parts these are no addresses or networks: ${wrong.join(' ')}` : undefined;
};

const rules: Readonly<Record<string, Rule>> = {
  [`${prefix}balance`]: among(balances),
  [`${prefix}disable_cookies`]: truth,
  [`${prefix}timeout`]: time,
  [`${prefix}timeout-tunnel`]: time,
  [`${prefix}ip_allowlist`]: addresses,
  [`${prefix}ip_whitelist`]: addresses,
  [`${prefix}rate-limit-connections`]: truth,
  [`${prefix}rate-limit-connections.concurrent-tcp`]: whole,
  [`${prefix}rate-limit-connections.rate-tcp`]: whole,
  [`${prefix}rate-limit-connections.rate-http`]: whole,
  [`${prefix}rewrite-target`]: rule((value) => rewriteTarget.test(value), 'a path that begins with / and has no spaces'),
  [`${prefix}hsts_header`]: rule((value) => strictTransport.test(value), 'max-age=<seconds>, perhaps with ;includeSubDomains and ;preload'),
  [`${prefix}set-forwarded-headers`]: among(forwardings),
  [`${prefix}pod-concurrent-connections`]: whole,
  'router.openshift.io/cookie_name': rule((value) => cookieName.test(value), 'letters, digits, - and _'),
  'router.openshift.io/cookie-same-site': among(sameSites),
  'router.openshift.io/haproxy.health.check.interval': time,
};

/** Of annotations that are new or changed since `before`. */
export function annotationWarnings(annotations: Annotations = {}, before: Annotations = {}): string[] {
  return Object.entries(annotations).flatMap(([name, value]) => {
    if (before[name] === value) return [];
    const known = rules[name];
    const problem = known ? known(value) : name.startsWith(prefix) ? 'no router here knows it' : undefined;
    return problem === undefined ? [] : [`metadata.annotations[${name}]: ${JSON.stringify(value)} is passed over: ${problem}`];
  });
}
