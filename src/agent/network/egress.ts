/** The inside half of egress: where pods send what leaves the machine, and the variables that tell them. */
import type { Server } from 'node:http';
import { connect, isIP, BlockList, type Socket } from 'node:net';
import { Scope, toDisposable, type Disposable } from '../../base/disposable.ts';
import type { Log } from '../../base/log.ts';
import { dialThroughProxy } from '../../oci/registry-connection.ts';
import type { AgentConfig } from '../../protocol/agent.ts';
import { hostAddress } from '../holder/node-network.ts';
import { closeProxy, httpProxy, type Asked, type Way } from './http-proxy.ts';
import { hostName, relayedHostPorts } from './names.ts';
import { permits, type Isolations } from './policy/policy-plan.ts';
import { findService, targetsOf, type ServiceTable, type Target } from './service-table.ts';
import { join, tcpListener } from './tcp-relay.ts';

/** All pods and services of the platform, whatever node they are on. */
const podRange = '10.128.0.0/14';

/** Proxy variables for containers; none where pods have real egress. Both spellings: programs differ. */
export function egressEnvironment(network: AgentConfig['network']): { name: string; value: string }[] {
  if (network.egressProxy === '') return [];
  const proxy = `http://${network.egressProxy}`;
  const direct = ['localhost', '127.0.0.1', '::1', '.svc', `.${network.clusterDomain}`, podRange, network.serviceCidr, '100.64.0.0/16'].join(',');
  return [
    ...['HTTP_PROXY', 'HTTPS_PROXY', 'http_proxy', 'https_proxy'].map((name) => ({ name, value: proxy })),
    ...['NO_PROXY', 'no_proxy'].map((name) => ({ name, value: direct })),
    // Node's own client heeds the variables only if asked to (24 and later).
    { name: 'NODE_USE_ENV_PROXY', value: '1' },
  ];
}

export interface EgressOptions {
  network: Pick<AgentConfig['network'], 'egressProxy' | 'serviceCidr' | 'clusterDomain'>;
  egressSocket: string;
  /** Present table; asked for each request. */
  services(): ServiceTable;
  /** Project of the pod with this address. */
  namespaceOf(ip: string): string | undefined;
  /** Network policies: what goes through here leaves for the pods' rules as something of the node. Default: none. */
  isolations?(): Isolations;
  /** Addresses of a name outside. */
  resolve?(name: string): Promise<string[]>;
  log: Log;
}

/**
 * Listens where the proxy variables point to. A name of a service reaches it even through the proxy: many programs send everything there that
 * is not excluded by name, and a pod says just `backend`. `host.slipway.internal` answers on a few ports without any proxy.
 */
export async function startEgress(options: EgressOptions): Promise<Disposable> {
  const scope = new Scope();
  const { network, egressSocket, log } = options;
  if (network.egressProxy !== '') scope.own(await listen(network.egressProxy, httpProxy((asked) => guarded(asked, options))));
  const toHost = dialThroughProxy({ socketPath: egressSocket });
  for (const port of relayedHostPorts) {
    const take = (client: Socket) =>
      void toHost({ host: hostName, port }).then(
        (far) => (client.destroyed ? far.destroy() : join(client, far)),
        () => client.resetAndDestroy(),
      );
    try {
      const server = await tcpListener(hostAddress, port, take);
      scope.defer(() => void server.close());
    } catch (error) {
      log.warn('a port of this machine is not relayed', { port, error });
    }
  }
  return scope;
}

/** The way of a pod that may not go everywhere is looked at for where it ends. */
async function guarded(asked: Asked, options: EgressOptions): Promise<Way> {
  const way = route(asked, options);
  const isolations = options.isolations?.();
  const client = asked.client?.replace(/^::ffff:/, '') ?? '';
  if (!isolations || isolations.size === 0 || way.kind === 'refused' || way.kind === 'served') return way;
  const refused: Way = { kind: 'refused', why: `network policies of this project do not let the pod reach ${asked.host}:${asked.port}` };
  const may = (ip: string) => permits(isolations, client, { ip, port: asked.port }, 'TCP');
  if (way.kind === 'direct') return way.to && !way.to.some(({ ip, port }) => permits(isolations, client, { ip, port }, 'TCP')) ? refused : way;
  if (!isolations.get(client)?.egress) return way;
  if (asked.host === hostName) return may(hostAddress) ? way : refused;
  const addresses = isIP(asked.host) !== 0 ? [asked.host] : ((await options.resolve?.(asked.host)) ?? []);
  const allowed = addresses.find(may);
  // By the address that was looked at: its name may mean another one a moment later.
  return allowed === undefined ? refused : { ...way, host: allowed };
}

function route(asked: Asked, options: EgressOptions): Way {
  const { host, port } = asked;
  const clusterRanges = ranges(podRange, options.network.serviceCidr);
  if (isIP(host) === 4 && clusterRanges.check(host)) return { kind: 'direct', to: targetsBehind(options.services(), host, port), dial: () => connect({ host, port }) };
  if (isIP(host) !== 0) return { kind: 'proxy', address: { path: options.egressSocket } };
  const from = asked.client && options.namespaceOf(asked.client.replace(/^::ffff:/, ''));
  const find = (name: string) => findService(options.services(), name, from, options.network.clusterDomain);
  const service = find(host);
  // A pod by its own name, as those of stateful sets have one.
  const [label, rest] = splitFirst(host.toLowerCase());
  const endpoint = service ? undefined : find(rest)?.ports.flatMap(({ endpoints }) => endpoints).find(({ hostname }) => hostname === label);
  if (endpoint) return { kind: 'direct', to: [{ ip: endpoint.ip, port }], dial: () => connect({ host: endpoint.ip, port }) };
  if (!service) return { kind: 'proxy', address: { path: options.egressSocket } };
  const headless = service.ports.flatMap(({ endpoints }) => endpoints).find(({ ready }) => ready)?.ip;
  const address = service.clusterIPs[0] ?? headless;
  if (service.externalName !== undefined || address === undefined) return { kind: 'refused', why: `service ${service.namespace}/${service.name} has no address that answers` };
  return { kind: 'direct', to: targetsBehind(options.services(), address, port), dial: () => connect({ host: address, port }) };
}

/** Pods that a connection to this address may end at: those of the service, or the address itself. */
function targetsBehind(table: ServiceTable, host: string, port: number): Target[] {
  const service = table.find(({ clusterIPs }) => clusterIPs.includes(host));
  return service ? service.ports.filter((one) => one.port === port).flatMap(({ endpoints }) => targetsOf(endpoints)) : [{ ip: host, port }];
}

function splitFirst(name: string): [string, string] {
  const dot = name.indexOf('.');
  return dot < 0 ? [name, ''] : [name.slice(0, dot), name.slice(dot + 1)];
}

function ranges(...cidrs: string[]): BlockList {
  const list = new BlockList();
  for (const cidr of cidrs) {
    const [base = '', prefix] = cidr.split('/');
    list.addSubnet(base, Number(prefix), 'ipv4');
  }
  return list;
}

async function listen(address: string, server: Server): Promise<Disposable> {
  const colon = address.lastIndexOf(':');
  const open = new Set<Socket>();
  server.on('connection', (socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(Number(address.slice(colon + 1)), address.slice(0, colon), resolve));
  return toDisposable(() => closeProxy(server, open));
}
