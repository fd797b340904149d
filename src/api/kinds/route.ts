/** route.openshift.io/v1 (openshift/api route/v1). */
import type { Condition, KubeObject, Time } from '../meta.ts';
import { resource } from '../resource.ts';

export interface RouteTarget {
  kind: 'Service';
  name: string;
  /** 0 to 256; 100 unless named. */
  weight?: number | null;
}
export interface RouteTls {
  termination: 'edge' | 'passthrough' | 'reencrypt';
  certificate?: string;
  key?: string;
  caCertificate?: string;
  destinationCACertificate?: string;
  insecureEdgeTerminationPolicy?: 'None' | 'Allow' | 'Redirect' | '';
  externalCertificate?: { name: string };
}
export interface RouteHttpHeader {
  name: string;
  action: { type: 'Set' | 'Delete'; set?: { value: string } };
}
export interface RouteSpec {
  host?: string;
  subdomain?: string;
  path?: string;
  to: RouteTarget;
  alternateBackends?: RouteTarget[];
  port?: { targetPort: number | string };
  tls?: RouteTls;
  wildcardPolicy?: 'None' | 'Subdomain';
  /** At most 20 of each. */
  httpHeaders?: { actions?: { request?: RouteHttpHeader[]; response?: RouteHttpHeader[] } };
}
export interface RouteIngress {
  host?: string;
  routerName?: string;
  routerCanonicalHostname?: string;
  wildcardPolicy?: string;
  conditions?: (Condition & { lastTransitionTime?: Time })[];
}
export interface Route extends KubeObject {
  spec: RouteSpec;
  status?: { ingress?: RouteIngress[] };
}

export const routes = resource<Route>('route.openshift.io/v1', { kind: 'Route', plural: 'routes', namespaced: true, categories: ['all'] });
