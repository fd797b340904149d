/** All that a sandbox node listens on for its pods: service addresses, names, the way out. */
import { Scope, type Disposable } from '../../../src/base/disposable.ts';
import type { Log } from '../../../src/base/log.ts';
import type { AgentConfig } from '../../../src/protocol/agent.ts';
import { dnsServer } from '../../../src/agent/network/dns-server.ts';
import { startEgress } from '../../../src/agent/network/egress.ts';
import { openProxy } from '../../../src/agent/network/open-proxy.ts';
import type { ServiceTable } from '../../../src/agent/network/service-table.ts';
import { UpstreamDns } from '../../../src/agent/network/upstream-dns.ts';

export interface ClusterNetwork extends Disposable {
  /** The whole table, each time something changed. */
  update(table: ServiceTable): Promise<void>;
}

/** `namespaceOf` tells the project of a pod of this node by its address. */
export async function startClusterNetwork(config: AgentConfig, log: Log, namespaceOf: (ip: string) => string | undefined): Promise<ClusterNetwork> {
  const { network } = config;
  const scope = new Scope();
  let services: ServiceTable = [];
  try {
    const opened = await openProxy(config, {}, log);
    const proxy = scope.own(opened.proxy);
    const upstream = new UpstreamDns(config.egressSocket);
    scope.defer(() => upstream.close());
    const dns = scope.own(await dnsServer({ address: network.clusterDns, domain: network.clusterDomain, upstream: (query) => upstream.ask(query) }));
    scope.own(await startEgress({ network, egressSocket: config.egressSocket, services: () => services, namespaceOf, log }));
    return {
      async update(table) {
        services = table;
        dns.update(table);
        await proxy.update(table);
      },
      dispose: () => scope.dispose(),
    };
  } catch (error) {
    await scope.dispose();
    throw error;
  }
}
