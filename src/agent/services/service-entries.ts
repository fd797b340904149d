/** Services with their endpoints as the node's proxy and name server need them, pure. */
import type { EndpointSlice } from '../../api/kinds/cluster.ts';
import type { Service } from '../../api/kinds/core.ts';
import { idledAtAnnotation } from '../../api/well-known.ts';
import type { ServiceEndpoint, ServiceEntry, ServicePort } from '../network/service-table.ts';

const defaultAffinitySeconds = 10_800;

/** `slices`: all that name the service in their label, whoever wrote them. */
export function serviceEntry(service: Service, slices: readonly EndpointSlice[]): ServiceEntry {
  const { metadata, spec } = service;
  const addresses = (spec.clusterIPs?.length ? spec.clusterIPs : [spec.clusterIP ?? '']).filter((ip) => ip !== '' && ip !== 'None');
  return {
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    clusterIPs: spec.type === 'ExternalName' ? [] : addresses,
    ...(spec.externalIPs?.length && { externalIPs: spec.externalIPs }),
    ...(spec.type === 'ExternalName' && spec.externalName !== undefined && { externalName: spec.externalName }),
    ...(spec.sessionAffinity === 'ClientIP' && { affinitySeconds: spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? defaultAffinitySeconds }),
    publishNotReady: spec.publishNotReadyAddresses === true,
    ...(spec.internalTrafficPolicy === 'Local' && { internalLocal: true }),
    ...(spec.externalTrafficPolicy === 'Local' && { externalLocal: true }),
    ...(spec.healthCheckNodePort && { healthPort: spec.healthCheckNodePort }),
    ...(metadata.annotations?.[idledAtAnnotation] !== undefined && { idle: true }),
    ports: portsOf(service, slices),
  };
}

function portsOf({ spec }: Service, slices: readonly EndpointSlice[]): ServicePort[] {
  const ports = (spec.ports ?? []).flatMap((port): ServicePort[] => {
    const protocol = port.protocol ?? 'TCP';
    if (protocol !== 'TCP' && protocol !== 'UDP') return [];
    return [{ name: port.name ?? '', protocol, port: port.port, ...(port.nodePort && { nodePort: port.nodePort }), endpoints: endpointsOf(slices, port.name ?? '', protocol) }];
  });
  // A headless service may name no port at all; its name still stands for its pods.
  if (ports.length > 0 || spec.clusterIP !== 'None') return ports;
  return [{ name: '', protocol: 'TCP', port: 0, endpoints: endpointsOf(slices, '', 'TCP') }];
}

/** An address that stands in several slices (its port moved from one to another) counts once. */
function endpointsOf(slices: readonly EndpointSlice[], name: string, protocol: string): ServiceEndpoint[] {
  const found = new Map<string, ServiceEndpoint>();
  for (const { addressType, endpoints = [], ports = [] } of slices) {
    if (addressType !== 'IPv4') continue;
    const port = ports.length === 0 ? { port: 0 } : ports.find((one) => (one.name ?? '') === name && (one.protocol ?? 'TCP') === protocol);
    if (port?.port === undefined) continue;
    for (const { addresses, conditions = {}, hostname, nodeName } of endpoints) {
      const [ip = ''] = addresses;
      const ready = conditions.ready !== false;
      const serving = conditions.serving ?? ready;
      const terminating = conditions.terminating === true;
      const endpoint: ServiceEndpoint = { ip, port: port.port, ready, ...(serving !== ready && { serving }), ...(terminating && { terminating }), ...(hostname && { hostname }), ...(nodeName && { node: nodeName }) };
      const key = `${ip}:${port.port}`;
      if (!found.get(key)?.ready) found.set(key, endpoint);
    }
  }
  return [...found.values()].sort((a, b) => (a.ip < b.ip ? -1 : a.ip > b.ip ? 1 : a.port - b.port));
}
