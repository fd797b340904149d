/** Services and their endpoints as the node's proxy and name server need them; pure. Fed by the kubelet from its informers. */

export interface ServiceEndpoint {
  ip: string;
  port: number;
  ready: boolean;
  /** Name of the endpoint in a headless service. */
  hostname?: string;
}

export interface ServicePort {
  name: string;
  protocol: 'TCP' | 'UDP';
  port: number;
  nodePort?: number;
  endpoints: ServiceEndpoint[];
}

export interface ServiceEntry {
  namespace: string;
  name: string;
  /** Empty for headless services and external names. */
  clusterIPs: string[];
  externalName?: string;
  /** Seconds that a client stays with one endpoint (`sessionAffinity: ClientIP`). */
  affinitySeconds?: number;
  /** Names are published for endpoints that are not ready, too. */
  publishNotReady: boolean;
  ports: ServicePort[];
}

export type ServiceTable = readonly ServiceEntry[];

export interface Target {
  ip: string;
  port: number;
}

export interface Listener {
  protocol: 'TCP' | 'UDP';
  host: string;
  port: number;
  targets: Target[];
  affinitySeconds?: number;
}

/** Key of a listener, e.g. `TCP 172.30.0.1:443`. */
export function listenerKey({ protocol, host, port }: Pick<Listener, 'protocol' | 'host' | 'port'>): string {
  return `${protocol} ${host}:${port}`;
}

/**
 * What a node listens on. On cluster addresses a service without ready endpoints has no listener: its connections are refused, as kube-proxy does.
 * A loopback port is told to processes when they start, so it is there as long as the service, and node ports mean nothing there.
 */
export function listenersFor(table: ServiceTable, mode: 'cluster' | 'loopback' = 'cluster'): Map<string, Listener> {
  const listeners = new Map<string, Listener>();
  for (const service of table) {
    for (const { protocol, port, nodePort, endpoints } of service.ports) {
      const targets = endpoints.filter(({ ready }) => ready).map(({ ip, port: target }) => ({ ip, port: target }));
      if (targets.length === 0 && mode === 'cluster') continue;
      const common = { protocol, targets, ...(service.affinitySeconds !== undefined && { affinitySeconds: service.affinitySeconds }) };
      for (const host of service.clusterIPs) add({ ...common, host, port });
      if (nodePort !== undefined && mode === 'cluster') add({ ...common, host: '0.0.0.0', port: nodePort });
    }
  }
  return listeners;

  function add(listener: Listener): void {
    const key = listenerKey(listener);
    // Addresses are unique; should two claim one, the first keeps it.
    if (!listeners.has(key)) listeners.set(key, listener);
  }
}

/** Address of a service by the name that a pod of `namespace` may use: short, with project, `.svc`, or complete. */
export function findService(table: ServiceTable, host: string, namespace: string | undefined, domain: string): ServiceEntry | undefined {
  const labels = host.toLowerCase().replace(/\.$/, '').split('.');
  const suffix = domain.split('.');
  const complete = labels.length > suffix.length && labels.slice(-suffix.length).join('.') === domain;
  const rest = complete ? labels.slice(0, -suffix.length) : labels;
  if (complete && rest.at(-1) !== 'svc') return undefined;
  if (rest.length === 3 && rest[2] !== 'svc') return undefined;
  if (rest.length > 3) return undefined;
  const [name, project = namespace] = rest;
  return project === undefined ? undefined : table.find((service) => service.name === name && service.namespace === project);
}
