/** The services of a node, started: their addresses, the name server, the way out. */
import path from 'node:path';
import type { Clock } from '../../base/clock.ts';
import { Scope, type Disposable } from '../../base/disposable.ts';
import type { Log } from '../../base/log.ts';
import type { Client } from '../../client/client.ts';
import type { Informer } from '../../client/informer.ts';
import type { Pod, Service } from '../../api/kinds/core.ts';
import type { AgentConfig } from '../../protocol/agent.ts';
import type { AddressOf } from '../env/service-environment.ts';
import type { RuntimeNetwork } from '../runtime/runtime.ts';
import type { AddressRules } from '../network/address.ts';
import { dialServer } from '../network/dial-server.ts';
import { dnsServer } from '../network/dns-server.ts';
import { egressEnvironment, startEgress } from '../network/egress.ts';
import { permits } from '../network/policy/policy-plan.ts';
import { policyTable } from '../network/policy/policy-table.ts';
import { systemPeers } from '../network/policy/system-peers.ts';
import { rememberedPorts } from '../network/remembered-ports.ts';
import { openProxy } from '../network/open-proxy.ts';
import { serviceProxy } from '../network/service-proxy.ts';
import type { Target } from '../network/service-table.ts';
import { UpstreamDns } from '../network/upstream-dns.ts';
import type { Drain } from './drain.ts';
import { HealthPorts } from './health-ports.ts';
import { hostPorts, type HostPorts } from './host-ports.ts';
import { needPodsTeller } from './need-pods.ts';
import { policyFeed } from './policy-feed.ts';
import { PublishedPorts } from './published-ports.ts';
import { rulesTeller } from './rules-teller.ts';
import { serviceFeed } from './service-feed.ts';

export interface NodeNetwork extends Disposable {
  readonly services: Informer<Service>;
  addressOf: AddressOf;
  /** Proxy variables for containers. */
  egress(): Record<string, string>;
  /** Something of a pod is about to start at this address: resolves when network policies hold for it, rejects while they cannot be made to. */
  admit(pod: Pod, ip: string): Promise<void>;
  drain: Drain;
  /** The pods of this node, once there is somebody who follows them. */
  follow(this: void, own: Informer<Pod>): void;
}

export interface NodeNetworkParts {
  config: AgentConfig;
  client: Client;
  /** Of a runtime whose pods find services in a network of its own. */
  inside: RuntimeNetwork | undefined;
  namespaceOf(ip: string): string | undefined;
  clock: Clock;
  log: Log;
}

export async function startNodeNetwork({ config, client, inside, namespaceOf, clock, log }: NodeNetworkParts): Promise<NodeNetwork> {
  const scope = new Scope();
  if (inside) {
    const needs = scope.own(needPodsTeller(client, clock, config.nodeName));
    const published = scope.own(new PublishedPorts({ rules: { needPods: needs.tell }, dial: inside.connect && ((ip, port) => inside.connect!(ip, port)), log }));
    const { services, drain } = scope.own(serviceFeed(client, clock, log, (table) => {
      inside.updateServices(table);
      published.update(table);
    }));
    if (inside.connect && config.engine) scope.own(await dialServer(config.engine.dialSocket, inside.connect));
    const { admit } = scope.own(policyFeed({ client, clock, log, node: config.nodeName, system: [], enforce: 'its pods are containers of an engine' }));
    return { services, addressOf: (host, port) => ({ host, port }), egress: () => ({}), admit, drain, follow: () => undefined, dispose: () => scope.dispose() };
  }
  const { network } = config;
  const own = config.runtime === 'sandbox';
  const needPods = scope.own(needPodsTeller(client, clock, config.nodeName));
  const allowed = (from: string, to: Target, protocol: 'TCP' | 'UDP') => permits(policies.isolations, from, to, protocol);
  const rules: AddressRules = { needPods: needPods.tell, permits: allowed };
  const rulesOf = scope.own(rulesTeller(client, clock, config.nodeName));
  const opened = own ? await openProxy(config, rules, log, rulesOf.services) : undefined;
  const proxy = scope.own(opened?.proxy ?? serviceProxy({
    ...rules,
    mode: 'loopback',
    ports: rememberedPorts(path.join(config.directory, 'service-ports.json')),
    sockets: [
      { address: network.apiService, to: config.apiSocket },
      { address: network.registryService, to: config.registrySocket },
    ],
    log,
  }));
  const policies = scope.own(policyFeed({
    client, clock, log, node: config.nodeName, system: systemPeers(network.clusterDns),
    enforce: !opened ? 'its pods share the network of this machine' : 'why' in opened.kernel ? opened.kernel.why : policyTable(opened.kernel.program, network),
    tell: rulesOf.policies,
  }));
  const published = scope.own(new PublishedPorts({ rules, log }));
  const health = own ? scope.own(new HealthPorts(config.nodeName, log)) : undefined;
  const upstream = new UpstreamDns(config.egressSocket);
  const dns = own ? scope.own(await dnsServer({ address: network.clusterDns, domain: network.clusterDomain, hostAddress: network.hostAddress, upstream: (query) => upstream.ask(query) })) : undefined;
  const feed = scope.own(serviceFeed(client, clock, log, (table) => {
    dns?.update(table);
    published.update(table);
    health?.update(table);
    follow();
  }));
  let ports: HostPorts | undefined;
  const follow = () => void proxy.update([...feed.table, ...(ports?.entries ?? [])]).catch((error: unknown) => log.warn('cannot follow the services', { error }));
  // Pods without a network of their own go out as this machine does.
  if (own) scope.own(await startEgress({ network, egressSocket: config.egressSocket, services: () => feed.table, namespaceOf, isolations: () => policies.isolations, resolve: (name) => upstream.addresses(name), log }));
  const environment = own ? Object.fromEntries(egressEnvironment(network).map(({ name, value }) => [name, value])) : {};
  return {
    services: feed.services,
    addressOf: own ? (host, port) => ({ host, port }) : (host, port, protocol) => proxy.address(host, port, protocol),
    egress: () => environment,
    admit: (pod, ip) => policies.admit(pod, ip),
    drain: feed.drain,
    follow(pods) {
      // Where pods share this machine's network its other addresses are not the platform's.
      if (own) ports = scope.own(hostPorts(pods, follow));
    },
    dispose: () => scope.dispose(),
  };
}
