/** Admits routes, writes their status and keeps the router's table true to routes, services, endpoints and secrets. Work follows what changed, not what there is. */
import { endpoints, secrets, services } from '../../api/kinds/core.ts';
import { routes, type Route } from '../../api/kinds/route.ts';
import { copyJson, equalJson } from '../../api/json.ts';
import { keyOf } from '../../api/meta.ts';
import type { Disposable } from '../../base/disposable.ts';
import { eventRecorder } from '../../client/event-recorder.ts';
import { ifFound } from '../../client/if-found.ts';
import type { RouterRoute } from '../../protocol/router.ts';
import type { ModuleContext } from '../kernel/boot/module.ts';
import { controller } from '../kernel/reconcile/controller.ts';
import { admitRoutes, claimOf, ingressOf, routerName, type Admission, type Rejection } from './admission-plan.ts';
import { tlsErrors } from './extended-validation.ts';
import { externalCertificateRejection, readExternalCertificate, secretKeyOf } from './external-certificate.ts';
import { routerRoute } from './table-plan.ts';

/** Where idle services are woken, if not at their own addresses. */
export interface WakingAddresses {
  /** Of a service (`namespace/name`) and the name of its port. */
  addressOf(service: string, portName: string): string | undefined;
  onChange(listener: (service: string) => void): Disposable;
}

export interface RouteControllerOptions {
  suffix: string;
  waking?: WakingAddresses | undefined;
  /** PEM of the authority that signs certificates of services. */
  serviceCa?: string | undefined;
  apply(table: ReadonlyMap<string, RouterRoute>): void;
  /** A route's first answer by an endpoint. */
  onFirstAnswer?(listener: (key: string, status: number) => void): void;
  /** How the route is reached from this machine, for events. */
  urlOf(route: Route, host: string): string;
}

/** Changes that come together (a rollout's endpoints) make one table. */
const coalesceMs = 5;

const serviceKeys = ({ spec, metadata: { namespace } }: Route) => [...new Set([spec.to, ...(spec.alternateBackends ?? [])].map(({ name }) => `${namespace}/${name}`))];

export async function startRouteController({ client, informers, clock, log, scope }: ModuleContext, options: RouteControllerOptions): Promise<void> {
  const { suffix, waking } = options;
  const recorder = scope.own(eventRecorder(client, 'router', clock));
  const caches = {
    routes: informers.for(routes, { claim: (route) => [claimOf(route, suffix)], service: serviceKeys, certificate: (route) => [secretKeyOf(route)].filter((key) => key !== undefined) }),
    services: informers.for(services),
    endpoints: informers.for(endpoints),
    secrets: informers.for(secrets),
  };
  await Promise.all(Object.values(caches).map(({ synced }) => synced));
  const admissions = new Map<string, Admission>();
  const table = new Map<string, RouterRoute>();
  /** Routes that may lead elsewhere now, and claims whose routes may be admitted otherwise. */
  let changed = new Set<string>();
  let contested = new Set<string>();
  let waiting: Disposable | undefined;
  scope.defer(() => waiting?.dispose());
  const statuses = scope.own(controller({ name: 'route-status', clock, log, reconcile: writeStatus }));
  const secret = (key: string) => caches.secrets.get(key);

  const problemOf = (route: Route): Rejection | undefined => {
    const before = admissions.get(keyOf(route));
    // A route whose secret went is looked at again when its own status has changed.
    const wasThere = before !== undefined && (before.admitted || before.reason === 'ExternalCertificateSecretDeleted');
    const external = externalCertificateRejection(route, secret, wasThere);
    if (external || !route.spec.tls) return external;
    const inSecret = secretKeyOf(route);
    const pair = inSecret === undefined ? undefined : readExternalCertificate(inSecret, secret);
    const wrong = tlsErrors(pair ? { ...route.spec.tls, ...pair } : route.spec.tls);
    return wrong.length > 0 ? { reason: 'ExtendedValidationFailed', message: wrong.map((error) => `\n  - ${error.field}: ${error.message}`).join('') } : undefined;
  };

  const compute = () => {
    waiting = undefined;
    for (const claim of contested) {
      for (const [key, admission] of admitRoutes(caches.routes.byIndex('claim', claim), suffix, admissions, problemOf)) {
        if (equalJson(admissions.get(key), admission)) continue;
        admissions.set(key, admission);
        changed.add(key);
      }
    }
    let differs = false;
    for (const key of changed) {
      const entry = entryOf(key);
      if (equalJson(table.get(key), entry)) continue;
      differs = true;
      if (entry) table.set(key, entry);
      else table.delete(key);
    }
    for (const key of changed) statuses.enqueue(key);
    changed = new Set();
    contested = new Set();
    if (differs) options.apply(new Map(table));
  };
  const entryOf = (key: string): RouterRoute | undefined => {
    const route = caches.routes.get(key);
    const admission = admissions.get(key);
    if (!route) admissions.delete(key);
    if (!route || !admission?.admitted) return undefined;
    return routerRoute(route, admission.host, {
      service: (name) => caches.services.get(name), endpoints: (name) => caches.endpoints.get(name), ...(waking && { wakingAddress: (service, port) => waking.addressOf(service, port) }),
      externalCertificate: (name) => readExternalCertificate(name, secret), serviceCa: options.serviceCa,
    });
  };
  const later = () => {
    waiting ??= clock.after(coalesceMs, compute);
  };
  const users = (index: 'service' | 'certificate', key: string) => caches.routes.byIndex(index, key);

  scope.own(caches.routes.onChange(({ object, previous }) => {
    changed.add(keyOf(object));
    for (const route of [object, previous]) if (route) contested.add(claimOf(route, suffix));
    later();
  }));
  const serviceChanged = (service: string) => {
    const using = users('service', service);
    for (const route of using) changed.add(keyOf(route));
    if (using.length > 0) later();
  };
  for (const cache of [caches.services, caches.endpoints]) scope.own(cache.onChange(({ object }) => serviceChanged(keyOf(object))));
  if (waking) scope.own(waking.onChange(serviceChanged));
  scope.own(caches.secrets.onChange(({ object }) => {
    const using = users('certificate', keyOf(object));
    for (const route of using) {
      changed.add(keyOf(route));
      contested.add(claimOf(route, suffix));
    }
    if (using.length > 0) later();
  }));
  compute();
  options.onFirstAnswer?.((key, status) => {
    const route = caches.routes.get(key);
    if (route) recorder.normal(route, 'FirstResponse', `The application answered through the route for the first time (status ${status})`);
  });

  async function writeStatus(key: string): Promise<void> {
    const route = caches.routes.get(key);
    const admission = admissions.get(key);
    if (!route || !admission) return;
    const ingress = ingressOf(route, admission, suffix, clock.now());
    const before = route.status?.ingress ?? [];
    const own = before.find((one) => one.routerName === routerName);
    if (equalJson(own, ingress)) return;
    const next = { ...copyJson(route), status: { ingress: [...before.filter((one) => one !== own), ingress] } } as Route;
    const { name, namespace } = route.metadata;
    if (!(await ifFound(client.update(routes, next, { name, namespace, subresource: 'status' })))) return;
    const condition = own?.conditions?.[0];
    if (admission.admitted && (condition?.status !== 'True' || own?.host !== admission.host)) recorder.normal(route, 'RouteAdmitted', `Route is admitted at ${options.urlOf(route, admission.host)}`);
    if (!admission.admitted && condition?.reason !== admission.reason) recorder.warning(route, admission.reason, admission.message);
  }
}
