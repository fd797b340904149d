import type { Endpoints, Service } from '../../../api/kinds/core.ts';
import type { Ingress } from '../../../api/kinds/ingress.ts';
import type { Route } from '../../../api/kinds/route.ts';
import { routeUrl, type RouterPorts } from '../../../client/apps/route-url.ts';
import { tooltipOf, type Presentation, type Translate } from '../node.ts';

export function presentService(service: Service, endpoints: Endpoints | undefined, t: Translate): Presentation {
  const ports = (service.spec.ports ?? []).map((port) => `${port.port}/${port.protocol ?? 'TCP'}`).join(', ');
  const ready = (endpoints?.subsets ?? []).reduce((sum, subset) => sum + (subset.addresses?.length ?? 0), 0);
  const address = service.spec.type === 'ExternalName' ? service.spec.externalName : service.spec.clusterIP;
  return {
    label: service.metadata.name,
    description: [address, ports].filter(Boolean).join(' · '),
    icon: 'plug',
    tooltip: tooltipOf(service.metadata.name, [
      [t('Type'), service.spec.type ?? 'ClusterIP'], ['IP', address], [t('Ports'), ports], [t('Endpoints'), endpoints ? ready : undefined], ['DNS', `${service.metadata.name}.${service.metadata.namespace}.svc`],
    ]),
    contextValue: 'service',
    accessibility: t('Service {0}, {1}', service.metadata.name, ports),
  };
}

export function presentRoute(route: Route, ports: RouterPorts, t: Translate): Presentation {
  const url = routeUrl(route, ports);
  const refused = route.status?.ingress?.flatMap((ingress) => ingress.conditions ?? []).find((condition) => condition.type === 'Admitted' && condition.status === 'False');
  return {
    label: route.metadata.name,
    description: refused ? (refused.reason ?? t('not admitted')) : (url?.replace(/^https?:\/\//, '').replace(/\/$/, '') ?? t('waiting for a router')),
    icon: refused ? 'error' : 'globe',
    colour: refused ? 'testing.iconFailed' : url ? 'testing.iconPassed' : 'disabledForeground',
    tooltip: tooltipOf(route.metadata.name, [
      ['URL', url], [t('Service'), route.spec.to.name], [t('Path'), route.spec.path], ['TLS', route.spec.tls?.termination], [t('Reason'), refused?.message],
    ]),
    contextValue: url ? 'route.url' : 'route',
    accessibility: t('Route {0}, {1}', route.metadata.name, url ?? t('waiting for a router')),
    ...(url && { url }),
  };
}

/** Shown where a cluster has no routes: OpenShift makes routes of them. */
export function presentIngress({ metadata: { name }, spec, status }: Ingress, t: Translate): Presentation {
  const urls = (spec.rules ?? []).flatMap(({ host, http }) => (host && !host.startsWith('*') ? (http?.paths ?? []).map(({ path }) => `${isSecure(spec, host) ? 'https' : 'http'}://${host}${path ?? '/'}`) : []));
  const [url] = urls;
  const services = (spec.rules ?? []).flatMap(({ http }) => http?.paths ?? []).map(({ backend }) => backend.service?.name).concat(spec.defaultBackend?.service?.name).filter(Boolean);
  const addresses = (status?.loadBalancer?.ingress ?? []).map(({ hostname, ip }) => hostname ?? ip).filter(Boolean);
  return {
    label: name,
    description: url?.replace(/^https?:\/\//, '').replace(/\/$/, '') ?? t('any host'),
    icon: 'globe',
    colour: addresses.length > 0 ? 'testing.iconPassed' : 'disabledForeground',
    tooltip: tooltipOf(name, [...urls.map((one): [string, string] => ['URL', one]), [t('Service'), [...new Set(services)].join(', ')], [t('Class'), spec.ingressClassName], [t('Address'), addresses.join(', ')]]),
    contextValue: url ? 'ingress.url' : 'ingress',
    accessibility: t('Ingress {0}, {1}', name, url ?? t('any host')),
    ...(url && { url }),
  };
}

function isSecure({ tls }: Ingress['spec'], host: string): boolean {
  return tls?.some(({ hosts }) => hosts?.includes(host)) ?? false;
}
