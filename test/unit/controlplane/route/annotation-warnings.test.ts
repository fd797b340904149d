import { expect, test } from 'vitest';
import { annotationWarnings } from '../../../../src/controlplane/route/annotation-warnings.ts';

const short = (name: string) => (name.includes('/') ? name : `haproxy.router.openshift.io/${name}`);
const told = (name: string, value: string) => annotationWarnings({ [short(name)]: value }).map((text) => text.slice(text.indexOf('is passed over: ') + 'is passed over: '.length));

test.each([
  ['balance', 'leastconn'], ['disable_cookies', 'False'], ['timeout', '5m'], ['timeout', '300'], ['ip_whitelist', '10.0.0.0/8 ::1 fd00::/8'], ['rate-limit-connections', 'true'],
  ['rate-limit-connections.rate-http', '20'], ['rewrite-target', '/'], ['hsts_header', 'max-age=31536000;includeSubDomains;preload'], ['set-forwarded-headers', 'never'], ['pod-concurrent-connections', '3'],
  ['router.openshift.io/cookie_name', 'mine'], ['router.openshift.io/cookie-same-site', 'Lax'], ['router.openshift.io/haproxy.health.check.interval', '1s'], ['example.com/timeout', 'whatever'],
])('%s: %s is understood', (name, value) => expect(told(name, value)).toEqual([]));

test.each([
  ['balance', 'rr', 'it must be one of roundrobin, random, leastconn, source'],
  ['disable_cookies', 'yes', 'it must be true or false'],
  ['timeout', '5 seconds', 'it must be a time such as 500ms, 30s or 5m'],
  ['ip_allowlist', ' 10.0.0.1', 'a list may have no space around it, and without one everybody is let in'],
  ['ip_allowlist', '10.0.0.1,10.0.0.2', 'it must be addresses or networks parted by spaces, and without one everybody is let in'],
  ['ip_allowlist', '10.0.0.1 10.0.0.0/33 x', 'of its parts these are no addresses or networks: 10.0.0.0/33 x'],
  ['rate-limit-connections.rate-tcp', '-1', 'it must be a whole number'],
  ['rewrite-target', 'v2', 'it must be a path that begins with / and has no spaces'],
  ['hsts_header', 'includeSubDomains', 'it must be max-age=<seconds>, perhaps with ;includeSubDomains and ;preload'],
  ['set-forwarded-headers', 'Append', 'it must be one of append, replace, if-none, never'],
  ['router.openshift.io/cookie-same-site', 'lax', 'it must be one of Lax, Strict, None'],
  ['timout', '5s', 'no router here knows it'],
])('%s: %s is told of', (name, value, problem) => expect(told(name, value)).toEqual([problem]));

test('what was there before is not told again', () => {
  const before = { [short('balance')]: 'rr', [short('timeout')]: '1' };
  expect(annotationWarnings({ ...before, [short('timeout')]: 'x' }, before)).toEqual(['metadata.annotations[haproxy.router.openshift.io/timeout]: "x" is passed over: it must be a time such as 500ms, 30s or 5m']);
});
