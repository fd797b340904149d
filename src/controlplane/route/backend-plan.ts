/** Services and their endpoints as the router is told of them. Pure. */
import { createHash } from 'node:crypto';
import type { Endpoints, Service } from '../../api/kinds/core.ts';
import type { Route, RouteTarget } from '../../api/kinds/route.ts';
import { idledAtAnnotation } from '../../api/well-known.ts';
import type { RouterBackend, RouterEndpoint } from '../../protocol/router.ts';

export interface Lookup {
  service(key: string): Service | undefined;
  endpoints(key: string): Endpoints | undefined;
  /** Where an idle service is woken, by its key and the name of its port. Absent: at its own address. */
  wakingAddress?(key: string, portName: string): string | undefined;
}

type ServicePort = NonNullable<NonNullable<Service['spec']>['ports']>[number];

export function backendOf(route: Route, target: RouteTarget, lookup: Lookup): RouterBackend {
  const key = `${route.metadata.namespace}/${target.name}`;
  const service = lookup.service(key);
  const endpoints = lookup.endpoints(key);
  const port = portOf(route.spec.port?.targetPort, service);
  const ready = service && endpoints ? addresses(route.spec.port?.targetPort, key, port, endpoints) : [];
  const waking = ready.length === 0 && service ? wakingAddress(key, port, service, endpoints, lookup) : [];
  return { service: key, weight: target.weight ?? 1, endpoints: ready.length > 0 ? ready : waking, ...(speaksHttp2(port) && { h2c: true }) };
}

/** By the service port's name, its target, or its number; the service's first port otherwise. */
function portOf(wanted: number | string | undefined, service: Service | undefined): ServicePort | undefined {
  const ports = (service?.spec?.ports ?? []).filter(({ protocol }) => (protocol ?? 'TCP') === 'TCP');
  if (wanted === undefined) return ports[0];
  return ports.find(({ name }) => name === wanted) ?? ports.find(({ targetPort }) => targetPort === wanted) ?? ports.find(({ port }) => port === wanted);
}

function addresses(wanted: number | string | undefined, key: string, chosen: ServicePort | undefined, endpoints: Endpoints): RouterEndpoint[] {
  const found = new Map<string, RouterEndpoint>();
  for (const subset of endpoints.subsets ?? []) {
    // Without a service port of that kind the endpoints' own numbers count, as for endpoints written by hand.
    const port = (subset.ports ?? []).find((one) => (chosen ? (one.name ?? '') === (chosen.name ?? '') : one.port === wanted || one.name === wanted));
    if (port?.port === undefined) continue;
    for (const { ip, targetRef } of subset.addresses ?? []) {
      const address = `${ip}:${port.port}`;
      found.set(address, endpointAt(key, address, targetRef?.kind === 'Pod' ? targetRef.name : undefined));
    }
  }
  return [...found.values()].sort((a, b) => (a.address < b.address ? -1 : 1));
}

/** An idled service is woken by whoever connects to its own address, or to the one it has for that; the connection is held there until a pod is ready. */
function wakingAddress(key: string, port: ServicePort | undefined, service: Service, endpoints: Endpoints | undefined, lookup: Lookup): RouterEndpoint[] {
  const idled = service.metadata.annotations?.[idledAtAnnotation] ?? endpoints?.metadata.annotations?.[idledAtAnnotation];
  const ip = service.spec?.clusterIP;
  if (idled === undefined || !port || !ip || ip === 'None') return [];
  const address = lookup.wakingAddress ? lookup.wakingAddress(key, port.name ?? '') : `${ip}:${port.port}`;
  return address === undefined ? [] : [{ ...endpointAt(key, address), wakes: true }];
}

function endpointAt(service: string, address: string, pod?: string): RouterEndpoint {
  return { address, id: createHash('sha256').update(`${service}:${address}`).digest('hex').slice(0, 32), ...(pod !== undefined && { pod }) };
}

/** Names of protocols (KEP-3726), of gRPC users, and of ports as they are named after those. */
function speaksHttp2(port: ServicePort | undefined): boolean {
  if (port?.appProtocol !== undefined) return ['h2c', 'kubernetes.io/h2c', 'grpc'].includes(port.appProtocol);
  return /^(h2c|grpc)(-|$)/.test(port?.name ?? '');
}
