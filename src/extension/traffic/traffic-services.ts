/** Services that a route could share its requests among: pure. */
import type { Endpoints, Service } from '../../api/kinds/core.ts';
import type { Route } from '../../api/kinds/route.ts';
import type { TrafficService } from '../../protocol/traffic-panel.ts';
import { isBuiltIn } from '../explorer/project-content.ts';

/** Those that could answer first. A route that names a port leads to the pods' ports of that name or number, in every service alike. */
export function trafficServices(route: Route | undefined, services: readonly Service[], endpoints: readonly Endpoints[]): TrafficService[] {
  const target = route?.spec.port?.targetPort;
  const found = services.filter((service) => !isBuiltIn(service)).map(({ metadata: { name }, spec }): TrafficService => {
    const subsets = endpoints.find(({ metadata }) => metadata.name === name)?.subsets ?? [];
    const ports = [...(spec.ports ?? []).flatMap((port) => [port.name, port.targetPort ?? port.port]), ...subsets.flatMap((subset) => subset.ports ?? []).flatMap((port) => [port.name, port.port])];
    return { name, ready: subsets.reduce((sum, subset) => sum + (subset.addresses?.length ?? 0), 0), lacksPort: target !== undefined && !ports.some((port) => port !== undefined && String(port) === String(target)) };
  });
  const answers = ({ ready, lacksPort }: TrafficService) => Number(ready > 0 && !lacksPort);
  return found.sort((a, b) => answers(b) - answers(a) || a.name.localeCompare(b.name));
}
