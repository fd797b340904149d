/** Hosts of routes. Pure. */
import type { Route } from '../../api/kinds/route.ts';

export const generatedAnnotation = 'openshift.io/host.generated';

/** `<route>-<project>.<suffix>`; dots would make further labels. */
export function generatedHost(route: Route, suffix: string): string {
  return `${route.metadata.name.replaceAll('.', '-')}-${route.metadata.namespace}.${suffix}`;
}

/** The host a route answers to; empty if it has none. */
export function hostOf(route: Route, suffix: string): string {
  const { host, subdomain } = route.spec;
  return (host || (subdomain ? `${subdomain}.${suffix}` : '')).toLowerCase();
}

/** What is wrong with a host name, undefined if nothing. */
export function hostProblem(host: string): string | undefined {
  if (host.length > 253) return 'host must be no more than 253 characters';
  for (const label of host.split('.')) {
    if (label.length > 63) return `host must conform to DNS naming conventions: the label "${label}" must be no more than 63 characters`;
    if (!/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(label)) return 'host must conform to DNS 952 subdomain conventions';
  }
  return undefined;
}
