/**
 * Which connections network policies leave to pods; pure. From policies, pods and namespaces to what each isolated pod allows, by address.
 * Rules of the documentation ("Network Policies"): a pod that a policy selects is isolated in the directions the policy names, and all policies together say what is
 * still allowed. A connection needs both ends' permission. Nobody can be kept from himself, nor a node from its pods.
 */
import type { NetworkPolicy, PolicyPeer, PolicyPort } from '../../../api/kinds/network-policy.ts';
import { parseIpv4, parseIpv4Network, type Ipv4Network } from '../../../api/ipv4.ts';
import type { LabelSelector } from '../../../api/meta.ts';
import { matches, matchesLabelSelector, selectorOf } from '../../../api/selector.ts';

/** How a peer appears to selectors. */
export interface View {
  namespace: string;
  labels: Readonly<Record<string, string>>;
  /** In place of those that the namespace has. */
  namespaceLabels?: Readonly<Record<string, string>>;
}

export interface PolicyPod extends View {
  ip: string;
  ports: readonly { name: string; port: number; protocol: string }[];
}

/** A part of the platform that policies name as on a real cluster: no policy selects it, but peers do. */
export interface SystemPeer {
  ip: string;
  views: readonly View[];
  /** Ports by which manifests of real clusters call it, and its own. */
  aliases?: ReadonlyMap<number, number>;
}

export interface PolicyWorld {
  policies: readonly NetworkPolicy[];
  /** With an address of their own: not those of the node's network, not finished ones. */
  pods: readonly PolicyPod[];
  namespaces: ReadonlyMap<string, Readonly<Record<string, string>>>;
  system: readonly SystemPeer[];
}

export type Peers = { kind: 'any' } | { kind: 'ips'; ips: readonly string[] } | { kind: 'block'; network: Ipv4Network; except: readonly Ipv4Network[] };

export interface PortRange {
  protocol: 'TCP' | 'UDP';
  first: number;
  last: number;
}

export interface Allowance {
  peers: Peers;
  /** Absent: every port, of every protocol. */
  ports?: readonly PortRange[];
}

/** Absent direction: not isolated in it. */
export interface Isolation {
  ingress?: readonly Allowance[];
  egress?: readonly Allowance[];
}

/** Isolated pods by address. */
export type Isolations = ReadonlyMap<string, Isolation>;

export function planPolicies(world: PolicyWorld): Isolations {
  const resolver = new PeerResolver(world);
  const found = new Map<string, { ingress?: Allowance[]; egress?: Allowance[] }>();
  for (const policy of world.policies) {
    const { namespace = '' } = policy.metadata;
    const spec = policy.spec;
    const selector = selectorOf(spec?.podSelector as LabelSelector | undefined) ?? [];
    const types = spec?.policyTypes ?? ['Ingress'];
    for (const pod of world.pods) {
      if (pod.namespace !== namespace || !matches(selector, pod.labels)) continue;
      const isolation = found.get(pod.ip) ?? {};
      found.set(pod.ip, isolation);
      if (types.includes('Ingress')) {
        const list = (isolation.ingress ??= []);
        for (const { from, ports } of spec?.ingress ?? []) {
          const ranges = portsOf(ports, (name, protocol) => pod.ports.filter((one) => one.name === name && one.protocol === protocol).map(({ port }) => port));
          for (const peers of resolver.peers(from, namespace)) list.push({ peers, ...(ranges && { ports: ranges }) });
        }
      }
      if (types.includes('Egress')) {
        const list = (isolation.egress ??= []);
        for (const { to, ports } of spec?.egress ?? []) for (const peers of resolver.peers(to, namespace)) list.push(...resolver.egress(peers, ports));
      }
    }
  }
  return found;
}

/** Undefined: all ports. A name that nobody has allows nothing. */
function portsOf(ports: readonly PolicyPort[] | undefined, named: (name: string, protocol: string) => number[]): PortRange[] | undefined {
  if (!ports?.length) return undefined;
  return ports.flatMap(({ protocol = 'TCP', port, endPort }): PortRange[] => {
    if (protocol !== 'TCP' && protocol !== 'UDP') return [];
    if (port === undefined) return [{ protocol, first: 1, last: 65_535 }];
    if (typeof port === 'string') return named(port, protocol).map((number) => ({ protocol, first: number, last: number }));
    return [{ protocol, first: port, last: endPort ?? port }];
  });
}

class PeerResolver {
  readonly #world: PolicyWorld;
  /** One list a selector: pods of a deployment share it. */
  readonly #selected = new Map<string, Peers>();

  constructor(world: PolicyWorld) {
    this.#world = world;
  }

  /** An empty list of peers means everybody. */
  peers(list: readonly PolicyPeer[] | undefined, namespace: string): Peers[] {
    if (!list?.length) return [{ kind: 'any' }];
    return list.flatMap((peer): Peers[] => {
      if (!peer.ipBlock) return [this.#select(peer, namespace)];
      const network = parseIpv4Network(peer.ipBlock.cidr);
      return network ? [{ kind: 'block', network, except: (peer.ipBlock.except ?? []).flatMap((text) => parseIpv4Network(text) ?? []) }] : [];
    });
  }

  /** Named ports are each peer's own, and the platform's parts listen on other ports than those of a real cluster. */
  egress(peers: Peers, ports: readonly PolicyPort[] | undefined): Allowance[] {
    const plain = portsOf(ports, () => []);
    if (!plain) return [{ peers }];
    const result: Allowance[] = plain.length > 0 ? [{ peers, ports: plain }] : [];
    const within = (ip: string) => reaches(peers, ip);
    for (const { ip, aliases } of this.#world.system) {
      const more = [...(aliases ?? [])].flatMap(([alias, own]) => plain.filter(({ first, last }) => first <= alias && alias <= last).map(({ protocol }): PortRange => ({ protocol, first: own, last: own })));
      if (more.length > 0 && within(ip)) result.push({ peers: { kind: 'ips', ips: [ip] }, ports: more });
    }
    const byPort = new Map<string, { range: PortRange; ips: string[] }>();
    for (const { port: name, protocol = 'TCP' } of ports ?? []) {
      if (typeof name !== 'string' || (protocol !== 'TCP' && protocol !== 'UDP')) continue;
      for (const pod of this.#world.pods) {
        for (const one of pod.ports) {
          if (one.name !== name || one.protocol !== protocol || !within(pod.ip)) continue;
          const key = `${protocol} ${one.port}`;
          const entry = byPort.get(key) ?? { range: { protocol, first: one.port, last: one.port }, ips: [] };
          byPort.set(key, entry);
          entry.ips.push(pod.ip);
        }
      }
    }
    for (const { range, ips } of byPort.values()) result.push({ peers: { kind: 'ips', ips }, ports: [range] });
    return result;
  }

  #select({ podSelector, namespaceSelector }: PolicyPeer, namespace: string): Peers {
    const key = JSON.stringify([namespaceSelector ? '' : namespace, namespaceSelector, podSelector]);
    const known = this.#selected.get(key);
    if (known) return known;
    const pods = podSelector && (selectorOf(podSelector as LabelSelector) ?? []);
    const chosen = (view: View) => {
      const labels = view.namespaceLabels ?? this.#world.namespaces.get(view.namespace) ?? {};
      if (namespaceSelector ? !matchesLabelSelector(namespaceSelector as LabelSelector, labels) : view.namespace !== namespace) return false;
      return !pods || matches(pods, view.labels);
    };
    const ips = [...this.#world.pods.filter(chosen).map(({ ip }) => ip), ...this.#world.system.filter(({ views }) => views.some(chosen)).map(({ ip }) => ip)];
    const peers: Peers = { kind: 'ips', ips: [...new Set(ips)].sort() };
    this.#selected.set(key, peers);
    return peers;
  }
}

export function reaches(peers: Peers, ip: string): boolean {
  if (peers.kind === 'any') return true;
  if (peers.kind === 'ips') return peers.ips.includes(ip);
  const address = parseIpv4(ip);
  const holds = ({ first, last }: Ipv4Network) => address !== undefined && first <= address && address <= last;
  return holds(peers.network) && !peers.except.some(holds);
}

/** Whether a connection is allowed by both its ends. */
export function permits(isolations: Isolations, from: string, to: { ip: string; port: number }, protocol: 'TCP' | 'UDP'): boolean {
  if (from === to.ip) return true;
  const allows = (list: readonly Allowance[] | undefined, peer: string) =>
    !list || list.some(({ peers, ports }) => (!ports || ports.some((one) => one.protocol === protocol && one.first <= to.port && to.port <= one.last)) && reaches(peers, peer));
  return allows(isolations.get(from)?.egress, to.ip) && allows(isolations.get(to.ip)?.ingress, from);
}
