/** What the router counts as HAProxy's statistics in CSV (management guide, 9.1), for programs that read those; names as OpenShift's router gives them. Pure. */
import type { RouterMetrics, RouterRouteMetrics } from '../../../protocol/router.ts';

/** In HAProxy's order; readers go by name, and by place only for those up to `type`. */
const columns = [
  'pxname', 'svname', 'qcur', 'qmax', 'scur', 'smax', 'slim', 'stot', 'bin', 'bout', 'dreq', 'dresp', 'ereq', 'econ', 'eresp', 'wretr', 'wredis', 'status', 'weight', 'act', 'bck', 'chkfail', 'chkdown', 'lastchg', 'downtime',
  'qlimit', 'pid', 'iid', 'sid', 'throttle', 'lbtot', 'tracked', 'type', 'rate', 'rate_lim', 'rate_max', 'check_status', 'check_code', 'check_duration', 'hrsp_1xx', 'hrsp_2xx', 'hrsp_3xx', 'hrsp_4xx', 'hrsp_5xx', 'hrsp_other',
  'hanafail', 'req_rate', 'req_rate_max', 'req_tot',
] as const;
type Row = Partial<Record<(typeof columns)[number], string | number>>;

const kinds = { frontend: 0, backend: 1, server: 2 } as const;
const prefixes = { none: 'be_http', edge: 'be_edge_http', reencrypt: 'be_secure', passthrough: 'be_tcp' } as const;

/** `rates`: requests a second, by route. */
export function statsCsv(metrics: RouterMetrics | undefined, routes: readonly RouterRouteMetrics[], rates: ReadonlyMap<string, number>): string {
  const rows: Row[] = metrics ? [{ pxname: 'public', svname: 'FRONTEND', scur: metrics.connections, status: 'OPEN', type: kinds.frontend, ...byClass(metrics.responses), req_tot: metrics.requests }] : [];
  for (const { key, termination = 'none', ...route } of routes) {
    const pxname = `${prefixes[termination]}:${key.replace('/', ':')}`;
    const up = route.endpoints.filter((endpoint) => endpoint.up).length;
    for (const { pod = '', service, address, inFlight, requests, up: serves } of route.endpoints) {
      rows.push({ pxname, svname: `pod:${pod}:${service.slice(service.indexOf('/') + 1)}::${address}`, scur: inFlight, stot: requests, lbtot: requests, status: serves ? 'UP' : 'DOWN', act: 1, bck: 0, type: kinds.server });
    }
    const rate = Math.round(rates.get(key) ?? 0);
    rows.push({
      pxname, svname: 'BACKEND', scur: route.inFlight, stot: route.requests, bin: route.bytesIn, bout: route.bytesOut, econ: route.connectFailures, wretr: route.retries, status: up > 0 ? 'UP' : 'DOWN', act: up, bck: 0, lbtot: route.requests,
      type: kinds.backend, rate, ...byClass(route.responses), req_rate: rate, req_tot: route.requests,
    });
  }
  return [`# ${columns.join(',')},`, ...rows.map((row) => `${columns.map((column) => row[column] ?? '').join(',')},`), ''].join('\n');
}

const byClass = (responses: readonly number[]): Row => ({ hrsp_1xx: responses[1] ?? 0, hrsp_2xx: responses[2] ?? 0, hrsp_3xx: responses[3] ?? 0, hrsp_4xx: responses[4] ?? 0, hrsp_5xx: responses[5] ?? 0 });
