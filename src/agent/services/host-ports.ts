/** Host ports of the pods of a node: every address of the node leads to the pod, as the port mapping of a network plug-in does it. */
import type { Pod } from '../../api/kinds/core.ts';
import { keyOf } from '../../api/meta.ts';
import { hostPortsOf } from '../../api/pod.ts';
import type { Disposable } from '../../base/disposable.ts';
import type { Informer } from '../../client/informer.ts';
import type { ServiceEntry } from '../network/service-table.ts';

/** The pod as a service of node ports only, without a name; undefined if it asks for none or has no address. */
export function hostPortEntry(pod: Pod): ServiceEntry | undefined {
  const ip = pod.status?.podIP;
  const ports = ip ? hostPortsOf(pod).filter(({ hostIP }) => !hostIP?.startsWith('127.')) : [];
  if (!ip || ports.length === 0) return undefined;
  return {
    namespace: pod.metadata.namespace ?? '', name: `pod/${pod.metadata.name}`, clusterIPs: [], publishNotReady: false,
    ports: ports.map(({ protocol, hostPort, containerPort }) => ({ name: String(hostPort), protocol, port: 0, nodePort: hostPort, endpoints: [{ ip, port: containerPort, ready: true }] })),
  };
}

export interface HostPorts extends Disposable {
  readonly entries: readonly ServiceEntry[];
}

/** `own`: the pods of this node. */
export function hostPorts(own: Informer<Pod>, onChange: () => void): HostPorts {
  const entries = new Map<string, ServiceEntry>();
  const listening = own.onChange(({ type, object }) => {
    const key = keyOf(object);
    const entry = type === 'deleted' ? undefined : hostPortEntry(object);
    if (!entry && !entries.has(key)) return;
    if (JSON.stringify(entry) === JSON.stringify(entries.get(key))) return;
    if (entry) entries.set(key, entry);
    else entries.delete(key);
    onChange();
  });
  return {
    get entries() {
      return [...entries.values()];
    },
    dispose: () => listening.dispose(),
  };
}
