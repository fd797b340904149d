/** Which routes get the host they ask for. The oldest wins; a host belongs to one project, whose routes may share it by path. Pure. */
import type { Route, RouteIngress } from '../../api/kinds/route.ts';
import { keyOf, toTime } from '../../api/meta.ts';
import { hostErrors, hostOf } from './host.ts';
import { exactPathAnnotation } from './table-plan.ts';

export const routerName = 'default';

export interface Rejection {
  reason: 'NoHostValue' | 'InvalidHost' | 'HostAlreadyClaimed' | 'ExtendedValidationFailed' | 'ExternalCertificateValidationFailed' | 'ExternalCertificateSecretDeleted';
  message: string;
}
export type Admission = { admitted: true; host: string } | ({ admitted: false; host: string } & Rejection);

/** What keeps a route out whatever its host; such a route claims none. */
export type Problem = (route: Route) => Rejection | undefined;

/**
 * By `namespace/name`. `all`: every route there is, or every one of some claims. `before`: what this said last time; times are whole seconds, and among routes of one
 * second those that have a host keep it.
 */
export function admitRoutes(all: readonly Route[], suffix: string, before?: ReadonlyMap<string, Admission>, problem: Problem = () => undefined): Map<string, Admission> {
  const claims = new Map<string, Route[]>();
  const result = new Map<string, Admission>();
  const held = (route: Route) => before?.get(keyOf(route))?.admitted ?? admittedIn(route);
  for (const route of [...all].sort((a, b) => oldestFirst(a, b) || Number(held(b)) - Number(held(a)) || byUid(a, b))) {
    const host = hostOf(route, suffix);
    const rejected = problem(route);
    const admission = rejected ? { admitted: false as const, host, ...rejected } : admit(route, host, claims);
    result.set(keyOf(route), admission);
    if (!admission.admitted) continue;
    const key = claimKey(route, host);
    claims.set(key, [...(claims.get(key) ?? []), route]);
  }
  return result;
}

/** Routes with different claims have nothing to do with each other. */
export const claimOf = (route: Route, suffix: string): string => claimKey(route, hostOf(route, suffix));

const oldestFirst = (a: Route, b: Route) => (Date.parse(a.metadata.creationTimestamp ?? '') || 0) - (Date.parse(b.metadata.creationTimestamp ?? '') || 0);
const byUid = (a: Route, b: Route) => ((a.metadata.uid ?? '') < (b.metadata.uid ?? '') ? -1 : 1);
const admittedIn = (route: Route) => ownIngress(route)?.conditions?.some(({ type, status }) => type === 'Admitted' && status === 'True') ?? false;
const ownIngress = (route: Route) => route.status?.ingress?.find((one) => one.routerName === routerName);

/** A wildcard route claims all hosts of its parent domain, beside those that routes name one by one. */
const claimKey = (route: Route, host: string) => (route.spec.wildcardPolicy === 'Subdomain' ? `*.${host.slice(host.indexOf('.') + 1)}` : host);

function admit(route: Route, host: string, claims: ReadonlyMap<string, readonly Route[]>): Admission {
  const { name, namespace } = route.metadata;
  if (host === '') return { admitted: false, host, reason: 'NoHostValue', message: 'no host value was defined for the route' };
  const wrong = hostErrors('spec.host', host, false);
  if (wrong.length > 0) return { admitted: false, host, reason: 'InvalidHost', message: `host name validation errors: ${wrong.map((error) => `${error.field}: ${error.message}`).join(', ')}` };
  const refused = (message: string): Admission => ({ admitted: false, host, reason: 'HostAlreadyClaimed', message });
  for (const older of claims.get(claimKey(route, host)) ?? []) {
    if (older.metadata.namespace !== namespace) return refused(`a route in another namespace holds ${host} and is older than ${name}`);
    if (pathOf(older) === pathOf(route) || passthroughConflict(older, route)) return refused(`route ${older.metadata.name} already exposes ${host} and is older`);
  }
  return { admitted: true, host };
}

/** A path alone and all that begins with it are two things. */
const pathOf = ({ spec: { path = '' }, metadata: { annotations } }: Route) => (annotations?.[exactPathAnnotation] === 'Exact' ? `=${path}` : path);

/** What is passed through has no path that would tell it from other TLS routes of the host. */
function passthroughConflict(a: Route, b: Route): boolean {
  return a.spec.tls !== undefined && b.spec.tls !== undefined && (a.spec.tls.termination === 'passthrough' || b.spec.tls.termination === 'passthrough');
}

/** The router's entry in a route's status. Entries of other routers are kept by whoever writes. */
export function ingressOf(route: Route, admission: Admission, suffix: string, now: Date): RouteIngress {
  const before = ownIngress(route)?.conditions?.find(({ type }) => type === 'Admitted');
  const status = admission.admitted ? 'True' : 'False';
  const same = before?.status === status && (admission.admitted || before.reason === admission.reason);
  return {
    host: admission.host,
    routerName,
    routerCanonicalHostname: `router-default.${suffix}`,
    wildcardPolicy: route.spec.wildcardPolicy ?? 'None',
    conditions: [
      {
        type: 'Admitted',
        status,
        ...(!admission.admitted && { reason: admission.reason, message: admission.message }),
        lastTransitionTime: same && before.lastTransitionTime ? before.lastTransitionTime : toTime(now),
      },
    ],
  };
}
