/** Keeps Endpoints and EndpointSlices of every service true to its pods. */
import { endpointSlices, type EndpointSlice } from '../../api/kinds/cluster.ts';
import { endpoints, pods, services, type Endpoints, type Service } from '../../api/kinds/core.ts';
import { copyJson } from '../../api/json.ts';
import { keyOf, splitKey, type KubeObject } from '../../api/meta.ts';
import type { Resource } from '../../api/resource.ts';
import { matches, selectorOfMap } from '../../api/selector.ts';
import { isStatusError } from '../../api/status.ts';
import { serviceNameLabel } from '../../api/well-known.ts';
import type { Client } from '../../client/client.ts';
import { eventRecorder } from '../../client/event-recorder.ts';
import type { ModuleContext } from '../kernel/boot/module.ts';
import { controller } from '../kernel/reconcile/controller.ts';
import { formatEndpoints } from './endpoints.ts';
import { managedByLabel, mirrorController, planEndpoints, planMirror, sameContent, sliceController } from './endpoints-plan.ts';

const managedLabel = 'endpoints.kubernetes.io/managed-by';
const skipMirrorLabel = 'endpointslice.kubernetes.io/skip-mirror';

export async function startEndpointsController({ client, informers, clock, log, scope }: ModuleContext): Promise<void> {
  const recorder = scope.own(eventRecorder(client, 'endpoint-controller', clock));
  const byService = (slice: EndpointSlice) => {
    const name = slice.metadata.labels?.[serviceNameLabel];
    return name ? [`${slice.metadata.namespace}/${name}`] : [];
  };
  const caches = {
    services: informers.for(services),
    pods: informers.for(pods),
    endpoints: informers.for(endpoints),
    slices: informers.for(endpointSlices, { service: byService }),
  };
  await Promise.all(Object.values(caches).map(({ synced }) => synced));

  const loop = scope.own(controller({ name: 'endpoints', clock, log, reconcile }));
  scope.own(caches.services.onChange(({ object }) => loop.enqueue(keyOf(object))));
  scope.own(caches.endpoints.onChange(({ object }) => loop.enqueue(keyOf(object))));
  scope.own(caches.slices.onChange(({ object, previous }) => {
    for (const key of new Set([...byService(object), ...(previous ? byService(previous) : [])])) loop.enqueue(key);
  }));
  scope.own(caches.pods.onChange(({ object, previous }) => {
    for (const service of caches.services.list(object.metadata.namespace)) {
      if (!service.spec.selector) continue;
      const selector = selectorOfMap(service.spec.selector);
      if (matches(selector, object.metadata.labels) || (previous && matches(selector, previous.metadata.labels))) loop.enqueue(keyOf(service));
    }
  }));

  async function reconcile(key: string): Promise<void> {
    const service = caches.services.get(key);
    const stored = caches.endpoints.get(key);
    const slices = caches.slices.byIndex('service', key);
    const ours = (slice: EndpointSlice) => [sliceController, mirrorController].includes(slice.metadata.labels?.[managedByLabel] ?? '');
    if (!service || service.metadata.deletionTimestamp) {
      if (stored?.metadata.labels?.[managedLabel]) await remove(client, endpoints, stored);
      for (const slice of slices.filter(ours)) await remove(client, endpointSlices, slice);
      return;
    }
    const plan = planEndpoints(service, caches.pods.list(splitKey(key).namespace));
    const mirrored = !plan && stored && stored.metadata.labels?.[skipMirrorLabel] !== 'true' ? planMirror(service, stored) : [];
    const wanted = new Map((plan?.slices ?? mirrored).map((slice) => [slice.metadata.name, slice]));
    // Together: routers follow the one, nodes the other.
    await Promise.all([
      ...(plan ? [store(client, endpoints, stored, plan.endpoints)] : []),
      ...[...wanted.values()].map((slice) => store(client, endpointSlices, slices.find(({ metadata }) => metadata.name === slice.metadata.name), slice)),
    ]);
    if (plan) tellChange(service, stored, plan.endpoints);
    for (const slice of slices.filter(ours)) if (!wanted.has(slice.metadata.name)) await remove(client, endpointSlices, slice);
  }

  function tellChange(service: Service, before: Endpoints | undefined, now: Endpoints): void {
    const had = readyCount(before) > 0;
    const has = readyCount(now) > 0;
    if (has && !had) recorder.normal(service, 'EndpointsReady', `Service leads to ${formatEndpoints(now)}`);
    if (had && !has) recorder.warning(service, 'NoEndpoints', 'No pod behind the service is ready');
  }
}

const readyCount = (object: Endpoints | undefined) => (object?.subsets ?? []).reduce((sum, { addresses }) => sum + (addresses?.length ?? 0), 0);

async function store<T extends Endpoints | EndpointSlice>(client: Client, of: Resource<T>, stored: T | undefined, wanted: T): Promise<void> {
  if (!stored) {
    await client.create(of, wanted);
    return;
  }
  if (sameContent(stored, wanted)) return;
  const { subsets: _, ...rest } = copyJson(stored) as T & { subsets?: unknown };
  const merged = { ...rest, ...wanted, metadata: { ...stored.metadata, labels: { ...stored.metadata.labels, ...wanted.metadata.labels } } };
  await client.update(of, merged);
}

async function remove<T extends KubeObject>(client: Client, of: Resource<T>, object: T): Promise<void> {
  const { name, namespace, uid } = object.metadata;
  try {
    await client.delete(of, { name, namespace }, uid ? { preconditions: { uid } } : {});
  } catch (error) {
    if (!isStatusError(error, 'NotFound', 'Conflict')) throw error;
  }
}
