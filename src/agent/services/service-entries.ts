/** Services with their endpoints as the node's proxy and name server need them, pure. */
import type { Endpoints, Service } from '../../api/kinds/core.ts';
import type { ServiceEndpoint, ServiceEntry, ServicePort } from '../network/service-table.ts';

const defaultAffinitySeconds = 10_800;

export function serviceEntry(service: Service, endpoints: Endpoints | undefined): ServiceEntry {
  const { metadata, spec } = service;
  const addresses = (spec.clusterIPs?.length ? spec.clusterIPs : [spec.clusterIP ?? '']).filter((ip) => ip !== '' && ip !== 'None');
  return {
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    clusterIPs: spec.type === 'ExternalName' ? [] : addresses,
    ...(spec.type === 'ExternalName' && spec.externalName !== undefined && { externalName: spec.externalName }),
    ...(spec.sessionAffinity === 'ClientIP' && { affinitySeconds: spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? defaultAffinitySeconds }),
    publishNotReady: spec.publishNotReadyAddresses === true,
    ports: portsOf(service, endpoints),
  };
}

function portsOf({ spec }: Service, endpoints: Endpoints | undefined): ServicePort[] {
  const ports = (spec.ports ?? []).flatMap((port): ServicePort[] => {
    const protocol = port.protocol ?? 'TCP';
    if (protocol !== 'TCP' && protocol !== 'UDP') return [];
    return [{ name: port.name ?? '', protocol, port: port.port, ...(port.nodePort && { nodePort: port.nodePort }), endpoints: endpointsOf(endpoints, port.name ?? '', protocol) }];
  });
  // A headless service may name no port at all; its name still stands for its pods.
  if (ports.length > 0 || spec.clusterIP !== 'None') return ports;
  return [{ name: '', protocol: 'TCP', port: 0, endpoints: endpointsOf(endpoints, '', 'TCP') }];
}

function endpointsOf(endpoints: Endpoints | undefined, name: string, protocol: string): ServiceEndpoint[] {
  return (endpoints?.subsets ?? []).flatMap(({ addresses = [], notReadyAddresses = [], ports = [] }) => {
    const port = ports.length === 0 ? { port: 0 } : ports.find((one) => (one.name ?? '') === name && (one.protocol ?? 'TCP') === protocol);
    if (!port) return [];
    const endpoint = (ready: boolean) => ({ ip, hostname }: { ip: string; hostname?: string }): ServiceEndpoint => ({ ip, port: port.port, ready, ...(hostname && { hostname }) });
    return [...addresses.map(endpoint(true)), ...notReadyAddresses.map(endpoint(false))];
  });
}
