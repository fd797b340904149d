/** What listens on this machine's loopback, so that `host.slipway.internal` leads there from inside an engine. */
import { readFile } from 'node:fs/promises';
import { relayedHostPorts } from '../../network/names.ts';

/** Most ports that are told. */
const mostPorts = 1024;
const listening = '0A';

/** On Linux every port that listens now; elsewhere the usual ones of databases and brokers. */
export async function hostPorts(): Promise<number[]> {
  const tables = await Promise.all(['tcp', 'tcp6'].map((name) => readFile(`/proc/net/${name}`, 'utf8').catch(() => undefined)));
  if (tables.every((text) => text === undefined)) return [...relayedHostPorts];
  return loopbackPorts(tables.map((text) => text ?? '').join('\n'));
}

/** Lines of proc_net_tcp(5): addresses are words of four bytes in the machine's order. Pure. */
export function loopbackPorts(table: string): number[] {
  const ports = new Set<number>();
  for (const line of table.split('\n')) {
    const [, local = '', , state] = line.trim().split(/\s+/);
    const [address = '', port = ''] = local.split(':');
    if (state === listening && isLoopback(address)) ports.add(Number.parseInt(port, 16));
  }
  return [...ports].filter((port) => port > 0).sort((a, b) => a - b).slice(0, mostPorts);
}

/** 127.0.0.0/8, ::1, the same in ::ffff:0:0/96, and any address. */
function isLoopback(address: string): boolean {
  return /^0+$/.test(address) || /^(?:0{16}FFFF0000)?[0-9A-F]{6}7F$/.test(address) || address === '00000000000000000000000001000000';
}
