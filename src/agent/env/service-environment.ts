/** The variables every pod gets for the services of its project (Kubernetes docs, "Discovering services"). */
import type { Service } from '../../api/kinds/core.ts';

const variable = (name: string) => name.toUpperCase().replaceAll('-', '_');

/** Where a service address is reached from a pod; nodes without cluster addresses have loopback ports instead. */
export type AddressOf = (clusterIp: string, port: number, protocol: 'TCP' | 'UDP') => { host: string; port: number } | undefined;

/** `services` of the pod's namespace (none unless `enableServiceLinks`) and always the API's own. */
export function serviceEnvironment(services: readonly Service[], addressOf: AddressOf = (host, port) => ({ host, port })): Record<string, string> {
  const env: Record<string, string> = {};
  for (const service of [...services].sort((a, b) => a.metadata.name.localeCompare(b.metadata.name))) {
    const address = service.spec.clusterIP;
    if (!address || address === 'None') continue;
    const ports = (service.spec.ports ?? []).flatMap((port) => {
      const reached = addressOf(address, port.port, port.protocol === 'UDP' ? 'UDP' : 'TCP');
      return reached ? [{ ...port, reached }] : [];
    });
    const [first] = ports;
    if (!first) continue;
    const prefix = variable(service.metadata.name);
    env[`${prefix}_SERVICE_HOST`] = first.reached.host;
    env[`${prefix}_SERVICE_PORT`] = String(first.reached.port);
    for (const port of ports) if (port.name) env[`${prefix}_SERVICE_PORT_${variable(port.name)}`] = String(port.reached.port);
    const url = ({ protocol = 'TCP', reached }: typeof first) => `${protocol.toLowerCase()}://${reached.host}:${reached.port}`;
    env[`${prefix}_PORT`] = url(first);
    for (const port of ports) {
      const protocol = port.protocol ?? 'TCP';
      const base = `${prefix}_PORT_${port.port}_${protocol}`;
      env[base] = url(port);
      env[`${base}_PROTO`] = protocol.toLowerCase();
      env[`${base}_PORT`] = String(port.reached.port);
      env[`${base}_ADDR`] = port.reached.host;
    }
  }
  return env;
}
