/** Ports of this machine's loopback that lead to services: node ports, ports of load balancers, external addresses that are loopback ones. Pure. */
import type { Service } from '../../api/kinds/core.ts';
import { keyOf } from '../../api/meta.ts';
import type { PublishedPort } from '../../protocol/agent.ts';

export type PublishedFor = 'NodePort' | 'LoadBalancer' | 'ExternalIP';

export interface WantedPort extends PublishedPort {
  why: PublishedFor;
  /** The service's own. */
  servicePort: number;
}

export interface PublishedPlan {
  /** By key. */
  ports: Map<string, WantedPort>;
  /** Somebody else's already, who asked first. */
  conflicts: { wanted: WantedPort; holder: string }[];
}

export const loopback = '127.0.0.1';
const isLoopback = (ip: string | undefined): ip is string => ip?.startsWith('127.') ?? false;

/** The oldest service gets a port that several want; of those made in the same second the one that has it (`holders`: by key). */
export function planPublished(services: readonly Service[], holders: ReadonlyMap<string, string> = new Map()): PublishedPlan {
  const plan: PublishedPlan = { ports: new Map(), conflicts: [] };
  const wanted = services.flatMap((service) => wantedOf(service).map((port) => ({ port, age: [service.metadata.creationTimestamp ?? '', holders.get(port.key) === port.service ? 0 : 1, service.metadata.uid ?? ''].join(' ') })));
  for (const { port } of wanted.sort((a, b) => (a.age < b.age ? -1 : a.age > b.age ? 1 : 0))) {
    const holder = plan.ports.get(port.key);
    if (holder) plan.conflicts.push({ wanted: port, holder: holder.service });
    else plan.ports.set(port.key, port);
  }
  return plan;
}

function wantedOf(service: Service): WantedPort[] {
  const { spec } = service;
  if (service.metadata.deletionTimestamp) return [];
  return (spec.ports ?? []).flatMap((port) => {
    const protocol = port.protocol ?? 'TCP';
    if (protocol !== 'TCP' && protocol !== 'UDP') return [];
    const at = (host: string, number: number, why: PublishedFor): WantedPort => ({
      key: `${protocol} ${host}:${number}`, protocol, host, port: number, service: keyOf(service), portName: port.name ?? '', why, servicePort: port.port,
      ...(why === 'LoadBalancer' && spec.loadBalancerSourceRanges?.length && { sourceRanges: spec.loadBalancerSourceRanges }),
    });
    return [
      ...(port.nodePort ? [at(loopback, port.nodePort, 'NodePort')] : []),
      ...(balanced(service) ? [at(balancerAddress(service), port.port, 'LoadBalancer')] : []),
      ...(spec.externalIPs ?? []).filter(isLoopback).map((ip) => at(ip, port.port, 'ExternalIP')),
    ];
  });
}

/** A class names somebody else's load balancer. */
export function balanced({ spec }: Service): boolean {
  return spec.type === 'LoadBalancer' && !spec.loadBalancerClass;
}

export function balancerAddress({ spec }: Service): string {
  return isLoopback(spec.loadBalancerIP) ? spec.loadBalancerIP : loopback;
}

export type BalancerStatus = NonNullable<NonNullable<Service['status']>['loadBalancer']>;

/** What the status of a service says: its address once one of its ports answers there, and of each port that does not why. */
export function balancerStatus(service: Service, failed: ReadonlyMap<string, string>): BalancerStatus {
  if (!balanced(service)) return {};
  const ports = wantedOf(service).filter(({ why }) => why === 'LoadBalancer');
  if (ports.every(({ key }) => failed.has(key))) return {};
  return { ingress: [{ ip: balancerAddress(service), ipMode: 'VIP', ports: ports.map(({ key, port, protocol }) => ({ port, protocol, ...(failed.has(key) && { error: 'slipway.dev/PortUnavailable' }) })) }] };
}
