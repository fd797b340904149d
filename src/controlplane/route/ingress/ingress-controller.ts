/** Keeps the routes of every Ingress, and says in its status where it is served. */
import { copyJson, equalJson } from '../../../api/json.ts';
import { secrets, services } from '../../../api/kinds/core.ts';
import { ingressClasses, ingresses, type Ingress, type IngressClass } from '../../../api/kinds/ingress.ts';
import { routes, type Route } from '../../../api/kinds/route.ts';
import { keyOf } from '../../../api/meta.ts';
import { isStatusError } from '../../../api/status.ts';
import { eventRecorder } from '../../../client/event-recorder.ts';
import { ifFound } from '../../../client/if-found.ts';
import type { ModuleContext } from '../../kernel/boot/module.ts';
import { controller } from '../../kernel/reconcile/controller.ts';
import { defaultClassAnnotation } from './ingress.ts';
import { destinationCaAnnotation, ingressToRoute, planIngress } from './ingress-plan.ts';

/** As OpenShift's ingress operator makes it. */
const defaultClass = 'openshift-default';

const ownerOf = ({ metadata: { ownerReferences = [], namespace } }: Route) => ownerReferences.filter(({ kind, controller: of }) => kind === 'Ingress' && of === true).map(({ name }) => `${namespace}/${name}`);
const serviceKeys = ({ spec, metadata: { namespace } }: Ingress) => (spec.rules ?? []).flatMap(({ http }) => (http?.paths ?? []).flatMap(({ backend }) => (backend.service ? [`${namespace}/${backend.service.name}`] : [])));
const secretKeys = ({ spec, metadata: { namespace, annotations } }: Ingress) => [...(spec.tls ?? []).map(({ secretName }) => secretName), annotations?.[destinationCaAnnotation]].filter(Boolean).map((name) => `${namespace}/${name}`);

export async function startIngressController({ client, informers, clock, log, scope }: ModuleContext): Promise<void> {
  const recorder = scope.own(eventRecorder(client, 'ingress-to-route-controller', clock));
  const caches = {
    ingresses: informers.for(ingresses, { service: serviceKeys, secret: secretKeys }),
    classes: informers.for(ingressClasses),
    routes: informers.for(routes, { ingress: ownerOf }),
    services: informers.for(services),
    secrets: informers.for(secrets),
  };
  await Promise.all(Object.values(caches).map(({ synced }) => synced));
  await ensureClass();
  /** What was told last of an Ingress, so that it is told once. */
  const told = new Map<string, string>();
  const loop = scope.own(controller({ name: 'ingress-to-route', clock, log, reconcile }));
  scope.own(caches.ingresses.onChange(({ type, object }) => {
    if (type === 'deleted') told.delete(keyOf(object));
    else loop.enqueue(keyOf(object));
  }));
  scope.own(caches.routes.onChange(({ object }) => ownerOf(object).forEach((key) => loop.enqueue(key))));
  scope.own(caches.classes.onChange(() => caches.ingresses.list().forEach((ingress) => loop.enqueue(keyOf(ingress)))));
  for (const [cache, index] of [[caches.services, 'service'], [caches.secrets, 'secret']] as const) {
    scope.own(cache.onChange(({ object }) => caches.ingresses.byIndex(index, keyOf(object)).forEach((ingress) => loop.enqueue(keyOf(ingress)))));
  }

  async function ensureClass(): Promise<void> {
    if (caches.classes.get(defaultClass)) return;
    const isDefault = caches.classes.list().every(({ metadata }) => metadata.annotations?.[defaultClassAnnotation] !== 'true');
    try {
      const made: IngressClass = {
        apiVersion: 'networking.k8s.io/v1', kind: 'IngressClass', metadata: { name: defaultClass, ...(isDefault && { annotations: { [defaultClassAnnotation]: 'true' } }) },
        spec: { controller: ingressToRoute },
      };
      await client.create(ingressClasses, made);
    } catch (error) {
      if (!isStatusError(error, 'AlreadyExists')) throw error;
    }
  }

  async function reconcile(key: string): Promise<void> {
    const ingress = caches.ingresses.get(key);
    if (!ingress || ingress.metadata.deletionTimestamp) return;
    const { namespace } = ingress.metadata;
    const plan = planIngress(ingress, caches.routes.byIndex('ingress', key), {
      class: (name) => caches.classes.get(name), service: (name) => caches.services.get(`${namespace}/${name}`), secret: (name) => caches.secrets.get(`${namespace}/${name}`),
    });
    if (!plan) return;
    try {
      for (const route of plan.create) await createOnce(route);
      for (const route of plan.update) await client.update(routes, copyJson(route));
      for (const { metadata } of plan.remove) await ifFound(client.delete(routes, { name: metadata.name, namespace: metadata.namespace }));
    } catch (error) {
      if (!isStatusError(error, 'Conflict')) recorder.warning(ingress, 'FailedIngressToRouteConversion', `Error in converting Ingress to Route: ${(error as Error).message}`);
      throw error;
    }
    await writeStatus(ingress, plan.hostnames);
    const incomplete = plan.incomplete.join('; ');
    if (incomplete !== '' && told.get(key) !== incomplete) recorder.normal(ingress, 'IncompleteIngressToRouteRules', `Incomplete ingress to route rules detected: ${incomplete}`);
    told.set(key, incomplete);
  }

  /** A route of that name is this one, seen before the cache has it; somebody else's is an error. */
  async function createOnce(route: Route): Promise<void> {
    try {
      await client.create(routes, route);
    } catch (error) {
      const there = isStatusError(error, 'AlreadyExists') ? await ifFound(client.get(routes, { name: route.metadata.name, namespace: route.metadata.namespace })) : undefined;
      if (!there || !equalJson(ownerOf(there), ownerOf(route))) throw error;
    }
  }

  async function writeStatus(ingress: Ingress, hostnames: readonly string[]): Promise<void> {
    const next = hostnames.map((hostname) => ({ hostname }));
    if (equalJson(ingress.status?.loadBalancer?.ingress ?? [], next)) return;
    const { name, namespace } = ingress.metadata;
    await ifFound(client.update(ingresses, { ...copyJson(ingress), status: { loadBalancer: { ingress: next } } } as Ingress, { name, namespace, subresource: 'status' }));
  }
}
