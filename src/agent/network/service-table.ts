/** Services and their endpoints as the node's proxy and name server need them; pure. Fed by the kubelet from its informers. */

export interface ServiceEndpoint {
  ip: string;
  port: number;
  ready: boolean;
  /** Passes its readiness probe, perhaps on its way out: taken where nobody else is ready. Default: `ready`. */
  serving?: boolean;
  terminating?: boolean;
  /** Name of the endpoint in a headless service. */
  hostname?: string;
  /** Node it is on. */
  node?: string;
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
  /** Addresses of others that lead here too. */
  externalIPs?: string[];
  externalName?: string;
  /** Seconds that a client stays with one endpoint (`sessionAffinity: ClientIP`). */
  affinitySeconds?: number;
  /** Names are published for endpoints that are not ready, too. */
  publishNotReady: boolean;
  /** Connections from the cluster, or from outside, go to endpoints of the same node only. */
  internalLocal?: boolean;
  externalLocal?: boolean;
  /** Port of each node that tells whether the node has endpoints (`healthCheckNodePort`). */
  healthPort?: number;
  /** Its pods were scaled away until somebody connects. */
  idle?: boolean;
  ports: ServicePort[];
}

export type ServiceTable = readonly ServiceEntry[];

export interface Target {
  ip: string;
  port: number;
}

export interface Listener {
  /** `namespace/name` of the service. */
  service: string;
  /** Name of the port, empty if it has none. */
  portName: string;
  protocol: 'TCP' | 'UDP';
  host: string;
  port: number;
  targets: Target[];
  affinitySeconds?: number;
  /** Without targets: connections wait for pods that are being started for them. */
  idle?: boolean;
}

/** Key of a listener, e.g. `TCP 172.30.0.1:443`. */
export function listenerKey({ protocol, host, port }: Pick<Listener, 'protocol' | 'host' | 'port'>): string {
  return `${protocol} ${host}:${port}`;
}

/** Listened on for node ports: every address of the node. */
export const anyAddress = '0.0.0.0';

/**
 * What a node listens on. On cluster addresses a service without endpoints has no listener: its connections are refused, as kube-proxy does; unless it is idle.
 * A loopback port is told to processes when they start, so it is there as long as the service, and node ports mean nothing there.
 * `node`: whose endpoints are local.
 */
export function listenersFor(table: ServiceTable, mode: 'cluster' | 'loopback' = 'cluster', node?: string): Map<string, Listener> {
  const listeners = new Map<string, Listener>();
  for (const service of table) {
    for (const port of service.ports) {
      const inside = targetsOf(port.endpoints, service.internalLocal ? node : undefined);
      const outside = targetsOf(port.endpoints, service.externalLocal ? node : undefined);
      const idle = service.idle === true && targetsOf(port.endpoints).length === 0;
      const common = {
        service: `${service.namespace}/${service.name}`, portName: port.name, protocol: port.protocol, ...(service.affinitySeconds !== undefined && { affinitySeconds: service.affinitySeconds }), ...(idle && { idle }),
      };
      if (inside.length > 0 || idle || mode === 'loopback') for (const host of service.clusterIPs) add({ ...common, targets: inside, host, port: port.port });
      if (mode === 'loopback') continue;
      if (outside.length > 0) for (const host of service.externalIPs ?? []) add({ ...common, targets: outside, host, port: port.port });
      if (port.nodePort !== undefined && (outside.length > 0 || idle)) add({ ...common, targets: outside, host: anyAddress, port: port.nodePort });
    }
  }
  return listeners;

  function add(listener: Listener): void {
    const key = listenerKey(listener);
    // Addresses are unique; should two claim one, the first keeps it.
    if (!listeners.has(key)) listeners.set(key, listener);
  }
}

/**
 * The endpoints that connections may go to: those that are ready, or else those that still serve on their way out (kube-proxy's fallback, KEP-1669).
 * `node`: only of this one.
 */
export function targetsOf(endpoints: readonly ServiceEndpoint[], node?: string): Target[] {
  const here = node === undefined ? endpoints : endpoints.filter((one) => one.node === node);
  const ready = here.filter((one) => one.ready);
  const usable = ready.length > 0 ? ready : here.filter((one) => one.serving && one.terminating);
  return usable.map(({ ip, port }) => ({ ip, port }));
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
