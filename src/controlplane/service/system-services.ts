/** The services that lead to the platform itself: made at start, kept as they are. */
import { endpoints, services, type Endpoints, type Service } from '../../api/kinds/core.ts';
import { copyJson, equalJson } from '../../api/json.ts';
import { systemProject, systemServices } from '../../api/well-known.ts';
import type { Client } from '../../client/client.ts';
import { ifFound } from '../../client/if-found.ts';

type ServicePort = NonNullable<Service['spec']['ports']>[number];

/** Where something that is no pod listens, as far as it has an address: shown in Endpoints. */
export interface SystemEndpoint {
  ip: string;
  port: number;
}

export interface SystemEndpoints {
  api?: SystemEndpoint | undefined;
  registry?: SystemEndpoint | undefined;
}

interface Wanted {
  service: Service;
  endpoints?: Endpoints;
}

function systemServiceObjects(at: SystemEndpoints): Wanted[] {
  const { api, registry, router } = systemServices;
  return [
    wanted(api.name, api.address, [{ name: 'https', port: api.port }], { component: 'apiserver', provider: 'kubernetes' }, at.api),
    wanted(registry.name, registry.address, [{ name: 'registry', port: registry.port }], { 'docker-registry': 'default' }, at.registry),
    wanted(router.name, router.address, [{ name: 'http', port: router.ports.http }, { name: 'https', port: router.ports.https }], { router: 'router' }, undefined),
  ];
}

function wanted(name: string, clusterIP: string, ports: { name: string; port: number }[], labels: Record<string, string>, endpoint: SystemEndpoint | undefined): Wanted {
  const metadata = { name, namespace: systemProject, labels };
  const first = ports[0];
  return {
    service: {
      apiVersion: 'v1',
      kind: 'Service',
      metadata,
      spec: { type: 'ClusterIP', clusterIP, ports: ports.map((port): ServicePort => ({ ...port, protocol: 'TCP', targetPort: port.port })), sessionAffinity: 'None' },
    },
    ...(endpoint && first && {
      endpoints: {
        apiVersion: 'v1',
        kind: 'Endpoints',
        metadata,
        subsets: [{ addresses: [{ ip: endpoint.ip }], ports: [{ name: first.name, port: endpoint.port, protocol: 'TCP' as const }] }],
      },
    }),
  };
}

export async function ensureSystemServices(client: Client, at: SystemEndpoints): Promise<void> {
  for (const { service, endpoints: wantedEndpoints } of systemServiceObjects(at)) {
    await ensureService(client, service);
    if (wantedEndpoints) await ensureEndpoints(client, wantedEndpoints);
  }
}

async function ensureService(client: Client, service: Service): Promise<void> {
  const { name, namespace } = service.metadata;
  const stored = await ifFound(client.get(services, { name, namespace }));
  if (!stored) {
    await client.create(services, service);
    return;
  }
  const ports = (one: Service) => (one.spec.ports ?? []).map(({ name: portName, port }) => `${portName}:${port}`);
  if (stored.spec.clusterIP === service.spec.clusterIP && equalJson(ports(stored), ports(service))) return;
  if (stored.spec.clusterIP !== service.spec.clusterIP) {
    // An address may not change: somebody made a service of that name by hand.
    await client.delete(services, { name, namespace });
    await client.create(services, service);
    return;
  }
  const changed = copyJson(stored);
  changed.spec.ports = copyJson(service.spec.ports ?? []);
  await client.update(services, changed);
}

async function ensureEndpoints(client: Client, wantedEndpoints: Endpoints): Promise<void> {
  const { name, namespace } = wantedEndpoints.metadata;
  const stored = await ifFound(client.get(endpoints, { name, namespace }));
  if (!stored) await client.create(endpoints, wantedEndpoints);
  else if (!equalJson(stored.subsets, wantedEndpoints.subsets)) await client.update(endpoints, { ...copyJson(stored), subsets: wantedEndpoints.subsets } as Endpoints);
}
