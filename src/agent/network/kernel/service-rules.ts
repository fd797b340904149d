/**
 * Service addresses as rules of the kernel: who connects to one is sent to an endpoint by destination NAT and seen there with its own address. Pure.
 *
 *   packet ─▶ raw: zone of a UDP address ─▶ nat prerouting, output: dispatch ─▶ map of addresses ─▶ chain of the service ─▶ dnat
 *                                            nat postrouting: masquerade where the answer would not come back by itself
 *
 * A UDP flow that was translated keeps its endpoint for as long as packets come, even if that is gone. There is no way to drop such a flow without `conntrack`;
 * so each address has a zone of its own, another one whenever it loses an endpoint: in another zone its flows are new ones.
 */
import { createHash } from 'node:crypto';
import { anyAddress, listenerKey, type Listener, type Target } from '../service-table.ts';
import type { NftSet, NftTable } from './nft-table.ts';

export interface ServiceRulesOptions {
  serviceCidr: string;
  /** Of this node. */
  podCidr: string;
}

const mostClients = 65_535;

export function serviceRules(listeners: Iterable<Listener>, zones: UdpZones, { serviceCidr, podCidr }: ServiceRulesOptions): NftTable {
  const chains = new Map<string, string[]>();
  const affinity = new Map<string, NftSet>();
  const cluster = new Map<string, string>();
  const nodePorts = new Map<string, string>();
  const udp = new Map<string, string>();
  const nodeUdp = new Map<string, string>();
  const hairpins = new Map<string, string>();
  const seen = new Set<string>();
  for (const listener of listeners) {
    if (listener.targets.length === 0) continue;
    const { host, port, protocol, targets } = listener;
    const proto = protocol.toLowerCase();
    const chain = `s-${shortHash(`${listener.service} ${listener.portName} ${protocol} ${host === anyAddress}`)}`;
    if (!chains.has(chain)) serviceChains(chain, listener, chains, affinity);
    for (const { ip } of targets) hairpins.set(`${ip} . ${ip}`, '');
    if (host === anyAddress) nodePorts.set(`${proto} . ${port}`, `goto ${chain}`);
    else cluster.set(`${host} . ${proto} . ${port}`, `goto ${chain}`);
    if (protocol !== 'UDP') continue;
    const key = listenerKey(listener);
    seen.add(key);
    const zone = String(zones.of(key, targets));
    if (host === anyAddress) nodeUdp.set(String(port), zone);
    else udp.set(`${host} . ${port}`, zone);
  }
  zones.keep(seen);
  const outside = `ip daddr != { 127.0.0.0/8, ${serviceCidr} } fib daddr type local`;
  return {
    sets: new Map<string, NftSet>([
      ['addresses', { kind: 'map', body: 'type ipv4_addr . inet_proto . inet_service : verdict ;', elements: cluster }],
      ['node-ports', { kind: 'map', body: 'type inet_proto . inet_service : verdict ;', elements: nodePorts }],
      ['zones', { kind: 'map', body: 'typeof ip daddr . udp dport : ct zone ;', elements: udp }],
      ['node-zones', { kind: 'map', body: 'typeof udp dport : ct zone ;', elements: nodeUdp }],
      ['hairpins', { kind: 'set', body: 'type ipv4_addr . ipv4_addr ;', elements: hairpins }],
      ...affinity,
    ]),
    chains: new Map<string, readonly string[]>([
      ...chains,
      ['dispatch', ['ip daddr . meta l4proto . th dport vmap @addresses', `${outside} meta l4proto . th dport vmap @node-ports`]],
      ['zoning', ['ct original zone set ip daddr . udp dport map @zones', `${outside} ct original zone set udp dport map @node-zones`]],
    ]),
    hooks: new Map([
      ['raw-in', 'type filter hook prerouting priority -300\nmeta l4proto udp jump zoning'],
      ['raw-out', 'type filter hook output priority -300\nmeta l4proto udp jump zoning'],
      ['nat-in', 'type nat hook prerouting priority -100\njump dispatch'],
      ['nat-out', 'type nat hook output priority -100\njump dispatch'],
      ['nat-source', [
        'type nat hook postrouting priority 100',
        // A pod that is its own endpoint would answer itself past us.
        'ct status dnat ip saddr . ip daddr @hairpins masquerade',
        // What this node itself sends to a service address has that address as its source.
        `ct status dnat ip saddr ${serviceCidr} masquerade`,
        // From elsewhere to another node: the answer has to come back through here.
        `ct status dnat ip saddr != ${podCidr} ip daddr != ${podCidr} masquerade`,
      ].join('\n')],
    ]),
  };
}

/** One rule that takes endpoints in turn; with affinity a chain and a set of clients an endpoint. */
function serviceChains(chain: string, { protocol, targets, affinitySeconds }: Listener, chains: Map<string, string[]>, sets: Map<string, NftSet>): void {
  const proto = protocol.toLowerCase();
  if (affinitySeconds === undefined) {
    const way = targets.length === 1 ? `${targets[0]!.ip}:${targets[0]!.port}` : `numgen inc mod ${targets.length} map { ${targets.map(({ ip, port }, at) => `${at} : ${ip} . ${port}`).join(', ')} }`;
    chains.set(chain, [`meta l4proto ${proto} dnat ip to ${way}`]);
    return;
  }
  const ways = targets.map(({ ip, port }) => {
    const name = shortHash(`${chain} ${ip} ${port} ${affinitySeconds}`);
    sets.set(`a-${name}`, { kind: 'set', body: `type ipv4_addr ; flags dynamic,timeout ; timeout ${affinitySeconds}s ; size ${mostClients} ;`, elements: new Map(), filledByKernel: true });
    chains.set(`e-${name}`, [`update @a-${name} { ip saddr }`, `meta l4proto ${proto} dnat to ${ip}:${port}`]);
    return name;
  });
  chains.set(chain, [...ways.map((name) => `ip saddr @a-${name} goto e-${name}`), `numgen inc mod ${ways.length} vmap { ${ways.map((name, at) => `${at} : goto e-${name}`).join(', ')} }`]);
}

function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

const lastZone = 65_000;

/** Numbers of connection tracking zones for UDP addresses. */
export class UdpZones {
  readonly #known = new Map<string, { zone: number; targets: ReadonlySet<string> }>();
  #next: number;

  /** `first`: not the same after each start, since flows of before are still there. */
  constructor(first = 1 + Math.floor(Math.random() * lastZone)) {
    this.#next = first;
  }

  of(key: string, targets: readonly Target[]): number {
    const now = new Set(targets.map(({ ip, port }) => `${ip}:${port}`));
    const before = this.#known.get(key);
    const zone = before && [...before.targets].every((one) => now.has(one)) ? before.zone : this.#take();
    this.#known.set(key, { zone, targets: now });
    return zone;
  }

  /** Forgets all others. */
  keep(keys: ReadonlySet<string>): void {
    for (const key of this.#known.keys()) if (!keys.has(key)) this.#known.delete(key);
  }

  #take(): number {
    const zone = this.#next;
    this.#next = (zone % lastZone) + 1;
    return zone;
  }
}
