/** Admits routes, writes their status and keeps the router's table true to routes, services and endpoints. */
import { endpoints, services } from '../../api/kinds/core.ts';
import { routes, type Route } from '../../api/kinds/route.ts';
import { copyJson, equalJson } from '../../api/json.ts';
import { keyOf } from '../../api/meta.ts';
import type { Disposable } from '../../base/disposable.ts';
import { eventRecorder } from '../../client/event-recorder.ts';
import { ifFound } from '../../client/if-found.ts';
import type { RouterRoute } from '../../protocol/router.ts';
import type { ModuleContext } from '../kernel/boot/module.ts';
import { controller } from '../kernel/reconcile/controller.ts';
import { admitRoutes, ingressOf, routerName, type Admission } from './admission-plan.ts';
import { routerRoute } from './table-plan.ts';

export interface RouteControllerOptions {
  suffix: string;
  apply(table: ReadonlyMap<string, RouterRoute>): void;
  /** A route's first answer by an endpoint. */
  onFirstAnswer?(listener: (key: string, status: number) => void): void;
  /** How the route is reached from this machine, for events. */
  urlOf(route: Route, host: string): string;
}

/** Changes that come together (a rollout's endpoints) make one table. */
const coalesceMs = 5;

export async function startRouteController({ client, informers, clock, log, scope }: ModuleContext, options: RouteControllerOptions): Promise<void> {
  const recorder = scope.own(eventRecorder(client, 'router', clock));
  const caches = { routes: informers.for(routes), services: informers.for(services), endpoints: informers.for(endpoints) };
  await Promise.all(Object.values(caches).map(({ synced }) => synced));
  let admissions = new Map<string, Admission>();
  let waiting: Disposable | undefined;
  scope.defer(() => waiting?.dispose());

  const statuses = scope.own(controller({ name: 'route-status', clock, log, reconcile: writeStatus }));
  const used = new Map<string, Set<string>>();

  const compute = () => {
    waiting = undefined;
    const all = caches.routes.list();
    admissions = admitRoutes(all, options.suffix, admissions);
    used.clear();
    const table = new Map<string, RouterRoute>();
    for (const route of all) {
      const key = keyOf(route);
      const admission = admissions.get(key);
      if (admission?.admitted) table.set(key, routerRoute(route, admission.host, { service: watched(key, caches.services), endpoints: watched(key, caches.endpoints) }));
      statuses.enqueue(key);
    }
    options.apply(table);
  };
  /** Remembers which services a table depends on: the others' endpoints change without a new one. */
  const watched = <T>(route: string, cache: { get(key: string): T | undefined }) => (key: string) => {
    const users = used.get(key) ?? new Set();
    used.set(key, users.add(route));
    return cache.get(key);
  };
  const later = () => {
    waiting ??= clock.after(coalesceMs, compute);
  };
  scope.own(caches.routes.onChange(later));
  for (const cache of [caches.services, caches.endpoints]) {
    scope.own(cache.onChange(({ object }) => {
      if (used.has(keyOf(object))) later();
    }));
  }
  compute();
  options.onFirstAnswer?.((key, status) => {
    const route = caches.routes.get(key);
    if (route) recorder.normal(route, 'FirstResponse', `The application answered through the route for the first time (status ${status})`);
  });

  async function writeStatus(key: string): Promise<void> {
    const route = caches.routes.get(key);
    const admission = admissions.get(key);
    if (!route || !admission) return;
    const ingress = ingressOf(route, admission, options.suffix, clock.now());
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
