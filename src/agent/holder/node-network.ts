/** The network of the machine holder as lines for `ip -batch`; pure. */
import type { NodeRecord } from './holder-state.ts';

const machineBridge = 'slipway0';
export const podBridge = 'pods0';
export const machineGateway = '100.64.0.1';
/** Every node answers this address itself and relays a few ports of it to this machine's loopback (`host.slipway.internal`). */
export const hostAddress = '100.64.255.254';
/** Nodes on the machine's bridge, a /24. */
const maxNodes = 252;
/** All that nodes may have, as nft writes a range. */
export const nodeAddresses = '100.64.0.2-100.64.0.253';

export function nodeAddress(index: number): string {
  if (!Number.isInteger(index) || index < 1 || index > maxNodes) throw new RangeError(`node index ${index} is not in 1..${maxNodes}`);
  return `100.64.0.${index + 1}`;
}

export interface Cidr {
  /** As a 32-bit number. */
  base: number;
  prefix: number;
}

export function parseCidr(text: string): Cidr {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/.exec(text);
  const parts = match?.slice(1).map(Number);
  if (!parts || parts.slice(0, 4).some((part) => part > 255) || parts[4]! > 32) throw new RangeError(`"${text}" is not an IPv4 range like 10.128.0.0/23`);
  const prefix = parts[4]!;
  const address = ((parts[0]! << 24) | (parts[1]! << 16) | (parts[2]! << 8) | parts[3]!) >>> 0;
  return { base: (prefix === 0 ? 0 : (address & (0xffffffff << (32 - prefix))) >>> 0), prefix };
}

export function formatAddress(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join('.');
}

/** Address `offset` of the range. */
export function addressIn(cidr: string, offset: number): string {
  return formatAddress(parseCidr(cidr).base + offset);
}

/** A fixed hardware address for an IP, so that a reused IP never meets a stale neighbour entry. */
export function hardwareAddress(ip: string): string {
  return ['0a', '58', ...ip.split('.').map((part) => Number(part).toString(16).padStart(2, '0'))].join(':');
}

/** Once, in the holder's own namespace. A bridge without an address of its own changes it with its ports, which breaks neighbours' caches. */
export const machineLines = [
  'link set lo up',
  `link add ${machineBridge} address ${hardwareAddress(machineGateway)} type bridge`,
  `addr add ${machineGateway}/24 dev ${machineBridge}`,
  `link set ${machineBridge} up`,
];

export interface NodeLines {
  /** In the holder's namespace. */
  machine: string[];
  /** In the node's. */
  node: string[];
}

export function nodeLines(node: NodeRecord, serviceCidr: string): NodeLines {
  const { prefix } = parseCidr(node.podCidr);
  const port = `n${node.index}`;
  return {
    machine: [
      `link add ${port} type veth peer name eth0 address ${hardwareAddress(node.ip)} netns ${node.netns}`,
      `link set ${port} master ${machineBridge} up`,
      `route replace ${node.podCidr} via ${node.ip}`,
      // The router's way to service addresses: any node knows them all.
      ...(node.index === 1 ? [`route replace ${serviceCidr} via ${node.ip}`] : []),
    ],
    node: [
      'link set lo up',
      `addr add ${node.ip}/24 dev eth0`,
      'link set eth0 up',
      `route add default via ${machineGateway}`,
      `link add ${podBridge} address ${hardwareAddress(addressIn(node.podCidr, 1))} type bridge`,
      `addr add ${addressIn(node.podCidr, 1)}/${prefix} dev ${podBridge}`,
      `link set ${podBridge} up`,
      `addr add ${hostAddress}/32 dev lo`,
      `route add local ${serviceCidr} dev lo`,
    ],
  };
}
