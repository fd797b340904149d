/** The variables every pod gets for the services of its project (Kubernetes docs, "Discovering services"). */
import type { Service } from '../../api/kinds/core.ts';

const variable = (name: string) => name.toUpperCase().replaceAll('-', '_');

/** `services` of the pod's namespace (none unless `enableServiceLinks`) and always the API's own. */
export function serviceEnvironment(services: readonly Service[]): Record<string, string> {
  const env: Record<string, string> = {};
  for (const service of [...services].sort((a, b) => a.metadata.name.localeCompare(b.metadata.name))) {
    const host = service.spec.clusterIP;
    const ports = service.spec.ports ?? [];
    const [first] = ports;
    if (!host || host === 'None' || !first) continue;
    const prefix = variable(service.metadata.name);
    env[`${prefix}_SERVICE_HOST`] = host;
    env[`${prefix}_SERVICE_PORT`] = String(first.port);
    for (const port of ports) if (port.name) env[`${prefix}_SERVICE_PORT_${variable(port.name)}`] = String(port.port);
    const url = (port: typeof first) => `${(port.protocol ?? 'TCP').toLowerCase()}://${host}:${port.port}`;
    env[`${prefix}_PORT`] = url(first);
    for (const port of ports) {
      const protocol = port.protocol ?? 'TCP';
      const base = `${prefix}_PORT_${port.port}_${protocol}`;
      env[base] = url(port);
      env[`${base}_PROTO`] = protocol.toLowerCase();
      env[`${base}_PORT`] = String(port.port);
      env[`${base}_ADDR`] = host;
    }
  }
  return env;
}
