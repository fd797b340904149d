/**
 * Ports of this machine's loopback that lead to pods: node ports, ports of load balancers, external addresses that are loopback ones, host ports of pods with a network of
 * their own. Pure.
 */
import type { Pod, Service } from '../../api/kinds/core.ts';
import { keyOf } from '../../api/meta.ts';
import { hostPortsOf } from '../../api/pod.ts';
import { portMapOf, type PublishedPort } from '../../protocol/agent.ts';

export type PublishedFor = 'NodePort' | 'LoadBalancer' | 'ExternalIP' | 'HealthCheck' | 'HostPort';

export interface WantedPort extends PublishedPort {
  why: PublishedFor;
  /** `service demo/web`, `pod demo/web-1`. */
  owner: string;
}

export interface PublishedPlan {
  /** By key. */
  ports: Map<string, WantedPort>;
  /** Somebody else's already, who asked first. */
  conflicts: { wanted: WantedPort; holder: string }[];
}

export const loopback = '127.0.0.1';
const isLoopback = (ip: string | undefined): ip is string => ip?.startsWith('127.') ?? false;

/** The oldest gets a port that several want; of those made in the same second the one that has it (`holders`: owners by key). */
export function planPublished(services: readonly Service[], pods: readonly Pod[] = [], holders: ReadonlyMap<string, string> = new Map()): PublishedPlan {
  const plan: PublishedPlan = { ports: new Map(), conflicts: [] };
  const wanted = [...services.map((service) => ({ of: service.metadata, ports: servicePorts(service) })), ...pods.map((pod) => ({ of: pod.metadata, ports: hostPorts(pod) }))]
    .flatMap(({ of, ports }) => ports.map((port) => ({ port, age: [of.creationTimestamp ?? '', holders.get(port.key) === port.owner ? 0 : 1, of.uid ?? ''].join(' ') })));
  for (const { port } of wanted.sort((a, b) => (a.age < b.age ? -1 : a.age > b.age ? 1 : 0))) {
    const holder = plan.ports.get(port.key);
    if (holder) plan.conflicts.push({ wanted: port, holder: holder.owner });
    else plan.ports.set(port.key, port);
  }
  return plan;
}

export function servicePorts(service: Service): WantedPort[] {
  const { spec } = service;
  if (service.metadata.deletionTimestamp) return [];
  const health = spec.healthCheckNodePort;
  const owner = `service ${keyOf(service)}`;
  const healthPorts: WantedPort[] = health ? [{ key: `TCP ${loopback}:${health}`, protocol: 'TCP', host: loopback, port: health, to: { healthOf: keyOf(service) }, why: 'HealthCheck', owner }] : [];
  return (spec.ports ?? []).flatMap((port) => {
    const protocol = port.protocol ?? 'TCP';
    if (protocol !== 'TCP' && protocol !== 'UDP') return [];
    const at = (host: string, number: number, why: PublishedFor): WantedPort => ({
      key: `${protocol} ${host}:${number}`, protocol, host, port: number, to: { service: keyOf(service), portName: port.name ?? '' }, why, owner,
      ...(why === 'LoadBalancer' && spec.loadBalancerSourceRanges?.length && { sourceRanges: spec.loadBalancerSourceRanges }),
    });
    return [
      ...(port.nodePort ? [at(loopback, port.nodePort, 'NodePort')] : []),
      ...(balanced(service) ? [at(balancerAddress(service), port.port, 'LoadBalancer')] : []),
      ...(spec.externalIPs ?? []).filter(isLoopback).map((ip) => at(ip, port.port, 'ExternalIP')),
    ];
  }).concat(healthPorts);
}

/** As long as the pod has its address. One that is asked for at an address which is not the loopback's is reached inside only. */
export function hostPorts(pod: Pod): WantedPort[] {
  const ip = pod.status?.podIP;
  if (!ip) return [];
  const map = portMapOf(pod);
  return hostPortsOf(pod).flatMap(({ protocol, hostPort, hostIP, containerPort }): WantedPort[] => {
    const host = hostIP === undefined ? loopback : hostIP;
    const port = map ? map[String(containerPort)] : containerPort;
    // Where pods share this machine's network the application may listen there itself.
    if (!isLoopback(host) || port === undefined || (isLoopback(ip) && port === hostPort)) return [];
    return [{ key: `${protocol} ${host}:${hostPort}`, protocol, host, port: hostPort, to: { ip, port }, why: 'HostPort', owner: `pod ${keyOf(pod)}` }];
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
  const ports = servicePorts(service).filter(({ why }) => why === 'LoadBalancer');
  if (ports.every(({ key }) => failed.has(key))) return {};
  return { ingress: [{ ip: balancerAddress(service), ipMode: 'VIP', ports: ports.map(({ key, port, protocol }) => ({ port, protocol, ...(failed.has(key) && { error: 'slipway.dev/PortUnavailable' }) })) }] };
}
