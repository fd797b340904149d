/** Settings of a node's own network namespace. */
import { existsSync, writeFileSync } from 'node:fs';
import type { Log } from '../../../base/log.ts';
import { podBridge } from '../../holder/node-network.ts';

const settings: Readonly<Record<string, string>> = {
  'ipv4/ip_forward': '1',
  // Pods of one node are not neighbours, though they share a bridge: telling them a shorter way would end the one that works.
  'ipv4/conf/all/send_redirects': '0',
  [`ipv4/conf/${podBridge}/send_redirects`]: '0',
  // What is routed passes the rules once; not a second time as frames of the bridge.
  'bridge/bridge-nf-call-iptables': '0',
};

export function applySettings(log: Log): void {
  for (const [name, value] of Object.entries(settings)) {
    const file = `/proc/sys/net/${name}`;
    if (!existsSync(file)) continue;
    try {
      writeFileSync(file, value);
    } catch (error) {
      log.warn('a setting of the node\'s network cannot be made', { name, value, error });
    }
  }
}
