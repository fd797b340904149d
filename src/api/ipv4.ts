/** IPv4 addresses as numbers. */

const form = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/;

export function parseIpv4(text: string): number | undefined {
  const match = form.exec(text);
  if (!match) return undefined;
  let value = 0;
  for (const part of match.slice(1)) {
    // A leading zero is octal to some and decimal to others: refused by the real server too.
    if (Number(part) > 255 || (part.length > 1 && part.startsWith('0'))) return undefined;
    value = value * 256 + Number(part);
  }
  return value;
}

export function formatIpv4(value: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.');
}

/** First and last usable address of `10.0.0.0/8`: without those of the network and broadcast. */
export function hostRange(cidr: string): { first: number; last: number } {
  const [address = '', bits = ''] = cidr.split('/');
  const base = parseIpv4(address);
  if (base === undefined || !/^\d+$/.test(bits) || Number(bits) > 30) throw new Error(`"${cidr}" is no IPv4 network`);
  const size = 2 ** (32 - Number(bits));
  const network = Math.floor(base / size) * size;
  return { first: network + 1, last: network + size - 2 };
}

export interface Ipv4Network {
  first: number;
  last: number;
  /** Without bits beyond its prefix. */
  cidr: string;
}

/** `10.0.0.7/8` as its whole range; undefined if it is none. */
export function parseIpv4Network(text: string): Ipv4Network | undefined {
  const [address = '', bits = '', more] = text.split('/');
  const base = parseIpv4(address);
  if (base === undefined || more !== undefined || !/^\d{1,2}$/.test(bits) || Number(bits) > 32) return undefined;
  const size = 2 ** (32 - Number(bits));
  const first = Math.floor(base / size) * size;
  return { first, last: first + size - 1, cidr: `${formatIpv4(first)}/${Number(bits)}` };
}
