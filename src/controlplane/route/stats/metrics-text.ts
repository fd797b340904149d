/** What the router counts, as Prometheus reads it: the names, labels and meanings of OpenShift's router (openshift/router, pkg/router/metrics/haproxy). Pure. */
import type { RouterMetrics, RouterRouteMetrics } from '../../../protocol/router.ts';

type Labels = Record<string, string>;

interface Family {
  name: string;
  type: 'counter' | 'gauge';
  help: string;
  samples: [labels: Labels, value: number][];
}

const backendNames = { none: 'http', edge: 'https-edge', reencrypt: 'https', passthrough: 'tcp' } as const;
const classes = ['', '1xx', '2xx', '3xx', '4xx', '5xx'];

export function metricsText(metrics: RouterMetrics | undefined, routes: readonly RouterRouteMetrics[]): string {
  const families: Family[] = [family('haproxy_up', 'gauge', 'Was the last scrape of the router successful.', [[{}, metrics ? 1 : 0]])];
  if (metrics) families.push(...frontend(metrics));
  families.push(...backends(routes), ...servers(routes));
  return families.filter(({ samples }) => samples.length > 0).map(format).join('');
}

function frontend({ connections, requests, responses, retries, connectFailures, tunnels, routes, endpoints }: RouterMetrics): Family[] {
  const at = { frontend: 'public' };
  return [
    family('haproxy_frontend_current_sessions', 'gauge', 'Current number of active sessions.', [[at, connections]]),
    family('haproxy_frontend_http_requests_total', 'counter', 'Total HTTP requests.', [[at, requests]]),
    family('haproxy_frontend_http_responses_total', 'counter', 'Total of HTTP responses.', byClass(at, responses)),
    family('slipway_router_retries_total', 'counter', 'Requests that were offered to another endpoint.', [[{}, retries]]),
    family('slipway_router_connect_failures_total', 'counter', 'Connections that an endpoint did not take.', [[{}, connectFailures]]),
    family('slipway_router_tunnels', 'gauge', 'Open WebSockets and passed-through connections.', [[{}, tunnels]]),
    family('slipway_router_routes', 'gauge', 'Routes that are served.', [[{}, routes]]),
    family('slipway_router_endpoints', 'gauge', 'Endpoints that requests are sent to.', [[{}, endpoints]]),
  ];
}

function backends(routes: readonly RouterRouteMetrics[]): Family[] {
  const each = (value: (route: RouterRouteMetrics) => number): Family['samples'] => routes.map((route) => [labelsOf(route), value(route)]);
  return [
    family('haproxy_backend_up', 'gauge', 'Current health status of the backend (1 = UP, 0 = DOWN).', each(({ endpoints }) => Number(endpoints.some(({ up }) => up)))),
    family('haproxy_backend_current_sessions', 'gauge', 'Current number of active sessions.', each(({ inFlight }) => inFlight)),
    family('haproxy_backend_connections_total', 'counter', 'Total number of connections.', each(({ requests }) => requests)),
    family('haproxy_backend_http_responses_total', 'counter', 'Total of HTTP responses.', routes.flatMap((route) => byClass(labelsOf(route), route.responses))),
    family('haproxy_backend_bytes_in_total', 'counter', 'Current total of incoming bytes.', each(({ bytesIn }) => bytesIn)),
    family('haproxy_backend_bytes_out_total', 'counter', 'Current total of outgoing bytes.', each(({ bytesOut }) => bytesOut)),
    family('haproxy_backend_retry_warnings_total', 'counter', 'Total of retry warnings.', each(({ retries }) => retries)),
    family('haproxy_backend_connection_errors_total', 'counter', 'Total of connection errors.', each(({ connectFailures }) => connectFailures)),
  ];
}

function servers(routes: readonly RouterRouteMetrics[]): Family[] {
  const all = routes.flatMap((route) => route.endpoints.map((endpoint) => ({
    endpoint, labels: { ...labelsOf(route), pod: endpoint.pod ?? '', server: endpoint.address, service: endpoint.service.slice(endpoint.service.indexOf('/') + 1) },
  })));
  const each = (value: (endpoint: RouterRouteMetrics['endpoints'][number]) => number): Family['samples'] => all.map(({ endpoint, labels }) => [labels, value(endpoint)]);
  return [
    family('haproxy_server_up', 'gauge', 'Current health status of the server (1 = UP, 0 = DOWN).', each(({ up }) => Number(up))),
    family('haproxy_server_current_sessions', 'gauge', 'Current number of active sessions.', each(({ inFlight }) => inFlight)),
    family('haproxy_server_connections_total', 'counter', 'Total number of connections.', each(({ requests }) => requests)),
  ];
}

function labelsOf({ key, termination }: RouterRouteMetrics): Labels {
  const slash = key.indexOf('/');
  return { backend: backendNames[termination ?? 'none'], namespace: key.slice(0, slash), route: key.slice(slash + 1) };
}

function byClass(labels: Labels, responses: readonly number[]): Family['samples'] {
  return responses.flatMap((count, at): Family['samples'] => (classes[at] ? [[{ ...labels, code: classes[at] }, count]] : []));
}

const family = (name: string, type: Family['type'], help: string, samples: Family['samples']): Family => ({ name, type, help, samples });

function format({ name, type, help, samples }: Family): string {
  const lines = samples.map(([labels, value]) => {
    const text = Object.entries(labels).map(([key, label]) => `${key}="${label.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`).join(',');
    return `${name}${text ? `{${text}}` : ''} ${value}`;
  });
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('\n')}\n`;
}
