/** Names in HAProxy's configuration, as OpenShift's router gives them (openshift/router, haproxy-config.template). */
import type { RouterEndpoint, RouterRoute } from '../../../protocol/router.ts';

const prefixes = { none: 'be_http', edge: 'be_edge_http', reencrypt: 'be_secure', passthrough: 'be_tcp' } as const;

/** `be_edge_http:<namespace>:<route>`. */
export function backendName({ key, tls }: RouterRoute): string {
  return `${prefixes[tls?.termination ?? 'none']}:${key.replace('/', ':')}`;
}

/** Key of the route a backend serves; undefined for one of the router's own. */
export function routeKey(backend: string): string | undefined {
  const [prefix = '', namespace, name] = backend.split(':');
  return namespace !== undefined && name !== undefined && (Object.values(prefixes) as string[]).includes(prefix) ? `${namespace}/${name}` : undefined;
}

/** `pod:<pod>:<service>:<ip>:<port>`. */
export function serverName(service: string, { address, pod }: RouterEndpoint): string {
  return `pod:${pod ?? ''}:${service.slice(service.indexOf('/') + 1)}:${address}`;
}

/** What `serverName` was made of; the service without its namespace. */
export function serverParts(name: string): { pod?: string; service: string; address: string } | undefined {
  const match = /^pod:([^:]*):([^:]*):(.+)$/.exec(name);
  if (!match) return undefined;
  const [, pod = '', service = '', address = ''] = match;
  return { ...(pod !== '' && { pod }), service, address };
}
