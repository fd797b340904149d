/**
 * Network policies as rules of the kernel; pure. What is routed passes them after service addresses were translated, so both ends are pods; what a pod sends to its node
 * itself (names, the API, the registry) passes its own side's rules. What runs on a node may reach its pods: probes, and relays that ask `permits` themselves.
 */
import { createHash } from 'node:crypto';
import type { NftSet, NftTable } from '../kernel/nft-table.ts';
import type { Allowance, Isolations, Peers, PortRange } from './policy-plan.ts';

export interface PolicyRulesOptions {
  /** Addresses of nodes, as nft writes a list. */
  nodes: string;
  /** Addresses of this node that everybody may reach. */
  own: readonly string[];
  serviceCidr: string;
  /** Service addresses that the node itself answers and that policies can forbid. */
  served: readonly string[];
  /** Whether a pod is on this node. */
  local(ip: string): boolean;
}

export function policyRules(isolations: Isolations, { nodes, own, serviceCidr, served, local }: PolicyRulesOptions): NftTable {
  const sets = new Map<string, NftSet>();
  const chains = new Map<string, readonly string[]>([['refuse', ['meta l4proto tcp reject with tcp reset', 'reject with icmp type admin-prohibited']]]);
  const directions = { ingress: new Map<string, string>(), egress: new Map<string, string>() };
  const selves = new Map<string, string>();
  for (const [ip, isolation] of isolations) {
    if (!local(ip)) continue;
    selves.set(`${ip} . ${ip}`, '');
    for (const direction of ['ingress', 'egress'] as const) {
      const list = isolation[direction];
      if (!list) continue;
      const side = direction === 'ingress' ? 'saddr' : 'daddr';
      const lines = [...new Set(list.flatMap((allowance) => linesOf(allowance, side, sets))), 'jump refuse'];
      const name = `r-${shortHash(lines.join('\n'))}`;
      chains.set(name, lines);
      directions[direction].set(ip, `jump ${name}`);
    }
  }
  sets.set('ingress', { kind: 'map', body: 'type ipv4_addr : verdict ;', elements: directions.ingress });
  sets.set('egress', { kind: 'map', body: 'type ipv4_addr : verdict ;', elements: directions.egress });
  sets.set('selves', { kind: 'set', body: 'type ipv4_addr . ipv4_addr ;', elements: selves });
  // What was begun may go on, whatever the policies say now.
  const begun = 'ct state established,related accept';
  return {
    sets, chains,
    hooks: new Map([
      ['routed', ['type filter hook forward priority 0', begun, `ip saddr { ${nodes} } accept`, 'ip saddr . ip daddr @selves accept', 'ip saddr vmap @egress', 'ip daddr vmap @ingress'].join('\n')],
      ['to-node', ['type filter hook input priority 0', begun, `ip daddr { ${own.join(', ')} } accept`, `ip daddr ${serviceCidr} ip daddr != { ${served.join(', ')} } accept`, 'ip saddr vmap @egress'].join('\n')],
    ]),
  };
}

function linesOf({ peers, ports }: Allowance, side: 'saddr' | 'daddr', sets: Map<string, NftSet>): string[] {
  const from = peersText(peers, side, sets);
  if (from === undefined || ports?.length === 0) return [];
  const prefix = from === '' ? '' : `${from} `;
  if (!ports) return [`${prefix}return`];
  return (['TCP', 'UDP'] as const).flatMap((protocol) => {
    const text = rangesText(ports.filter((one) => one.protocol === protocol));
    return text === '' ? [] : [`${prefix}${protocol.toLowerCase()} dport { ${text} } return`];
  });
}

/** Undefined: nobody. */
function peersText(peers: Peers, side: 'saddr' | 'daddr', sets: Map<string, NftSet>): string | undefined {
  if (peers.kind === 'any') return '';
  if (peers.kind === 'block') return `ip ${side} ${peers.network.cidr}${peers.except.length > 0 ? ` ip ${side} != { ${rangesOfNetworks(peers.except)} }` : ''}`;
  if (peers.ips.length === 0) return undefined;
  const name = `p-${shortHash(peers.ips.join(' '))}`;
  if (!sets.has(name)) sets.set(name, { kind: 'set', body: 'type ipv4_addr ;', elements: new Map(peers.ips.map((ip) => [ip, ''])) });
  return `ip ${side} @${name}`;
}

/** Of a set no two elements may overlap. */
function rangesText(ranges: readonly PortRange[]): string {
  const merged: { first: number; last: number }[] = [];
  for (const { first, last } of [...ranges].sort((a, b) => a.first - b.first)) {
    const before = merged.at(-1);
    if (before && first <= before.last + 1) before.last = Math.max(before.last, last);
    else merged.push({ first, last });
  }
  return merged.map(({ first, last }) => (first === last ? String(first) : `${first}-${last}`)).join(', ');
}

function rangesOfNetworks(networks: readonly { cidr: string; first: number; last: number }[]): string {
  const outer = networks.filter((one, at) => !networks.some((other, index) => index !== at && other.first <= one.first && one.last <= other.last && (other.last - other.first > one.last - one.first || index < at)));
  return outer.map(({ cidr }) => cidr).join(', ');
}

function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
