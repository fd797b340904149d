/** Where a route is reached from this machine. */
import { services } from '../../api/kinds/core.ts';
import type { Route } from '../../api/kinds/route.ts';
import type { Client } from '../client.ts';

export interface RouterPorts {
  http: number;
  https: number;
}

/** On the Service `router` of project `default`: the ports its listeners have on the user's loopback. */
export const routerPortAnnotations = { http: 'slipway.dev/http-port', https: 'slipway.dev/https-port' } as const;

/** There too: the port of its statistics. */
export const routerStatsAnnotation = 'slipway.dev/router-stats-port';

/** The router's ports; those of the web unless the cluster says otherwise. */
export async function routerPorts(client: Client): Promise<RouterPorts> {
  try {
    const { annotations } = (await client.get(services, { namespace: 'default', name: 'router' })).metadata;
    return { http: Number(annotations?.[routerPortAnnotations.http]) || 80, https: Number(annotations?.[routerPortAnnotations.https]) || 443 };
  } catch {
    // Another cluster's router, or one we may not look at: it listens where the web expects it.
    return { http: 80, https: 443 };
  }
}

/** `undefined` until a router has admitted the route. */
export function routeUrl(route: Route, ports: RouterPorts): string | undefined {
  const ingress = route.status?.ingress?.find((one) => one.conditions?.some((condition) => condition.type === 'Admitted' && condition.status === 'True'));
  const host = ingress?.host ?? route.spec.host;
  if (!ingress || !host) return undefined;
  const secure = route.spec.tls !== undefined && route.spec.tls.insecureEdgeTerminationPolicy !== 'Allow';
  const port = secure ? ports.https : ports.http;
  const usual = secure ? 443 : 80;
  return `${secure ? 'https' : 'http'}://${host}${port === usual ? '' : `:${port}`}${route.spec.path ?? '/'}`;
}
