/** Which routes an Ingress stands for, as OpenShift's ingress-to-route controller has it (openshift/route-controller-manager, pkg/route/ingress). Pure. */
import { createHash } from 'node:crypto';
import type { Secret, Service } from '../../../api/kinds/core.ts';
import type { Ingress, IngressClass } from '../../../api/kinds/ingress.ts';
import type { Route, RouteTls } from '../../../api/kinds/route.ts';
import { equalJson } from '../../../api/json.ts';
import { exactPathAnnotation } from '../table-plan.ts';
import { classAnnotation } from './ingress.ts';

/** Controller of the classes that are served here. */
export const ingressToRoute = 'openshift.io/ingress-to-route';
export const terminationAnnotation = 'route.openshift.io/termination';
export const destinationCaAnnotation = 'route.openshift.io/destination-ca-certificate-secret';
export const reconcileLabelsAnnotation = 'route.openshift.io/reconcile-labels';

export interface IngressLookup {
  class(name: string): IngressClass | undefined;
  /** By name, in the project of the Ingress. */
  service(name: string): Service | undefined;
  secret(name: string): Secret | undefined;
}

export interface IngressPlan {
  create: Route[];
  update: Route[];
  remove: Route[];
  /** What cannot be said by a route, for an event. */
  incomplete: string[];
  /** Hosts of the routers that serve it, for `status.loadBalancer`. */
  hostnames: string[];
}

type Rule = NonNullable<Ingress['spec']['rules']>[number];
type Path = NonNullable<Rule['http']>['paths'][number];

/** `owned`: the routes that were made for it. Undefined: another controller's Ingress. */
export function planIngress(ingress: Ingress, owned: readonly Route[], lookup: IngressLookup): IngressPlan | undefined {
  if (!isManaged(ingress, lookup)) return undefined;
  const plan: IngressPlan = { create: [], update: [], remove: [], incomplete: [], hostnames: [] };
  const left = new Set(owned);
  const kept: Route[] = [];
  for (const [at, rule] of (ingress.spec.rules ?? []).entries()) {
    if (!rule.http) plan.incomplete.push(`Missing http field in rule at index ${at}`);
    else if (!rule.host) plan.incomplete.push(`Missing host field in rule at index ${at}`);
    else for (const [index, path] of rule.http.paths.entries()) planPath(rule, path, `${at}, path index ${index}`);
  }
  if (ingress.spec.defaultBackend) plan.incomplete.push('spec.defaultBackend is not served, since a route needs a host');
  plan.remove = [...left];
  plan.hostnames = [...new Set(kept.flatMap(canonicalHosts))].sort();
  return plan;

  function planPath(rule: Rule, path: Path, at: string): void {
    const name = path.backend.service?.name;
    if (!name) return void plan.incomplete.push(`Missing backend service ${path.backend.service ? 'name' : 'field'} in rule at index ${at}`);
    const routeName = nameOf(ingress.metadata.name, rule.host as string, path);
    const existing = [...left].find(({ metadata }) => metadata.name === routeName);
    const port = targetPort(path, lookup.service(name));
    if (typeof port === 'string') return void plan.incomplete.push(`${port} at index ${at}`);
    const tls = tlsOf(ingress, rule.host as string, lookup);
    if (tls === 'invalid') return void plan.incomplete.push(`Invalid or missing TLS secret for rule host ${JSON.stringify(rule.host)} at index ${at}`);
    const wanted = routeOf(ingress, rule.host as string, path, port.targetPort, tls);
    if (!existing) return void plan.create.push(wanted);
    left.delete(existing);
    kept.push(existing);
    const merged = keepOwn(wanted, existing, ingress);
    if (!equalJson(merged.spec, existing.spec) || !equalJson(merged.metadata.annotations ?? {}, existing.metadata.annotations ?? {}) || !equalJson(merged.metadata.labels ?? {}, existing.metadata.labels ?? {})) plan.update.push(merged);
  }
}

function isManaged({ spec, metadata }: Ingress, lookup: IngressLookup): boolean {
  const name = metadata.annotations?.[classAnnotation] ?? spec.ingressClassName;
  return name === undefined || lookup.class(name)?.spec.controller === ingressToRoute;
}

const wildcard = '*.';
const routeHost = (host: string) => (host.startsWith(wildcard) ? `wildcard.${host.slice(wildcard.length)}` : host);

/** `/` and nothing are every path; a prefix ends at a segment's border with or without a slash at its end. */
function routePath({ path = '', pathType }: Path): string {
  return pathType === 'Prefix' && path.length > 1 ? path.replace(/\/+$/, '') : path;
}

/** A route names ports of endpoints, which have the names of the service's but not their numbers. A text says what is wrong. */
function targetPort({ backend }: Path, service: Service | undefined): { targetPort: string | undefined } | string {
  const { name = '', port: wanted } = backend.service ?? {};
  if (!service) return `Backend service ${JSON.stringify(name)} not found`;
  const found = (service.spec?.ports ?? []).find((port) => (wanted?.name ? port.name === wanted.name : port.port === wanted?.number));
  return found ? { targetPort: found.name || undefined } : `No valid target port for backend service ${JSON.stringify(name)}`;
}

function tlsOf({ spec: { tls = [] }, metadata: { annotations = {} } }: Ingress, host: string, lookup: IngressLookup): RouteTls | 'invalid' | undefined {
  const entry = tls.find(({ hosts = [] }) => hosts.includes(host));
  const secret = entry ? pairIn(lookup.secret(entry.secretName ?? '')) : undefined;
  if (entry && !secret) return 'invalid';
  const asked = annotations[terminationAnnotation] ?? '';
  const named = ['passthrough', 'reencrypt', 'edge'].includes(asked);
  if (!secret && !named && !tls.some((one) => Object.keys(one).length === 0)) return undefined;
  const termination = named ? (asked as RouteTls['termination']) : 'edge';
  const ca = termination === 'reencrypt' && annotations[destinationCaAnnotation] ? lookup.secret(annotations[destinationCaAnnotation])?.data?.['tls.crt'] : undefined;
  return {
    termination, insecureEdgeTerminationPolicy: 'Redirect',
    ...(termination !== 'passthrough' && secret),
    ...(ca !== undefined && { destinationCACertificate: text(ca) }),
  };
}

function pairIn(secret: Secret | undefined): { certificate: string; key: string } | undefined {
  const { 'tls.crt': certificate, 'tls.key': key } = secret?.data ?? {};
  return secret?.type === 'kubernetes.io/tls' && certificate !== undefined && key !== undefined ? { certificate: text(certificate), key: text(key) } : undefined;
}

const text = (base64: string) => Buffer.from(base64, 'base64').toString();

function routeOf(ingress: Ingress, host: string, path: Path, port: string | undefined, tls: RouteTls | undefined): Route {
  const { name, namespace, uid, labels, annotations } = ingress.metadata;
  const routed = routePath(path);
  return {
    apiVersion: 'route.openshift.io/v1', kind: 'Route',
    metadata: {
      name: nameOf(name, host, path), namespace, ...(labels && { labels }),
      annotations: { ...annotations, ...(path.pathType === 'Exact' && { [exactPathAnnotation]: 'Exact' }) },
      ownerReferences: [{ apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', name, uid: uid ?? '', controller: true }],
    },
    spec: {
      host: routeHost(host), ...(routed !== '' && { path: routed }),
      to: { kind: 'Service', name: path.backend.service?.name ?? '', weight: 100 },
      ...(port !== undefined && { port: { targetPort: port } }),
      ...(tls && { tls }),
      wildcardPolicy: host.startsWith(wildcard) ? 'Subdomain' : 'None',
    },
  };
}

const longestName = 63;
const alphabet = 'bcdfghjklmnpqrstvwxz2456789';
const hashLength = 5;

/** `<ingress>-<hash>`: the same for the same host and path, so that a route is made once however often it is tried. */
function nameOf(ingress: string, host: string, { path = '', pathType }: Path): string {
  const digest = createHash('sha256').update(`${host} ${path} ${pathType}`).digest();
  const hash = [...digest.subarray(0, hashLength)].map((byte) => alphabet[byte % alphabet.length]).join('');
  return `${ingress.slice(0, longestName - hashLength - 1)}-${hash}`;
}

/** What users may change on a route that was made for them stays. */
function keepOwn(wanted: Route, existing: Route, ingress: Ingress): Route {
  const { annotations = {} } = ingress.metadata;
  const tls = wanted.spec.tls && existing.spec.tls ? keepTls(wanted.spec.tls, existing.spec.tls, annotations[destinationCaAnnotation] === undefined) : wanted.spec.tls;
  const { weight } = existing.spec.to;
  return {
    ...existing,
    metadata: {
      ...existing.metadata, annotations: wanted.metadata.annotations ?? {}, ownerReferences: wanted.metadata.ownerReferences ?? [],
      ...(annotations[reconcileLabelsAnnotation]?.toLowerCase() === 'true' && { labels: wanted.metadata.labels ?? {} }),
    },
    spec: { ...wanted.spec, to: { ...wanted.spec.to, ...(weight !== undefined && { weight }) }, ...(tls && { tls }) },
  };
}

function keepTls(wanted: RouteTls, { caCertificate, insecureEdgeTerminationPolicy, destinationCACertificate }: RouteTls, keepDestination: boolean): RouteTls {
  return {
    ...wanted, ...(caCertificate !== undefined && { caCertificate }), ...(insecureEdgeTerminationPolicy !== undefined && { insecureEdgeTerminationPolicy }),
    ...(wanted.termination === 'reencrypt' && keepDestination && destinationCACertificate !== undefined && { destinationCACertificate }),
  };
}

function canonicalHosts({ status }: Route): string[] {
  return (status?.ingress ?? []).flatMap(({ routerCanonicalHostname, conditions }) =>
    routerCanonicalHostname && conditions?.some(({ type, status: is }) => type === 'Admitted' && is === 'True') ? [routerCanonicalHostname] : []);
}
