/**
 * What the router tells of itself, on port 1936 of the user's loopback as OpenShift's: `/healthz` and `/healthz/ready` to everybody; to who knows the password in the secret
 * `router-stats-default`, or has a token that may `get` `routers/metrics`: `/metrics` (Prometheus), `/stats` (JSON), and where HAProxy has its own, `/` or `/haproxy?stats`, a page for browsers.
 * As there, `;csv` asks for CSV and `;refresh=5` for a page that loads again.
 */
import { timingSafeEqual, createHash } from 'node:crypto';
import http from 'node:http';
import type { UserInfo } from '../../kernel/apiserver/kind.ts';
import type { Authorizer } from '../../kernel/apiserver/ports.ts';
import type { RouterMetrics, RouterRouteMetrics } from '../../../protocol/router.ts';
import type { DataPlane } from '../data-plane/data-plane.ts';
import { metricsText } from './metrics-text.ts';
import { RequestRates } from './request-rates.ts';
import { statsCsv } from './stats-csv.ts';
import { statsPage } from './stats-page.ts';

export const statsPort = 1_936;

export interface StatsOptions {
  router: Pick<DataPlane, 'metrics' | 'routeMetrics'>;
  credentials: { username: string; password: string };
  /** Whose token it is; undefined for nobody's. */
  userOf(token: string): Promise<UserInfo | undefined>;
  authorize: Authorizer;
  /** The first table is in force. */
  ready(): boolean;
  /** Milliseconds. */
  now?(): number;
}

/** Nothing of the page runs, and nothing else is loaded by it. */
const pageHeaders = { 'Content-Security-Policy': "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'", 'X-Content-Type-Options': 'nosniff', 'Referrer-Policy': 'no-referrer' };
const longestRefresh = 3_600;

export function statsServer(options: StatsOptions): http.Server {
  const rates = new RequestRates(options.now ?? Date.now);
  const server = http.createServer((request, response) => {
    answer(options, rates, request).then(
      ({ status, type = 'text/plain; charset=utf-8', body }) => {
        response.writeHead(status, { 'Content-Type': type, 'Cache-Control': 'no-store', ...pageHeaders, ...(status === 401 && { 'WWW-Authenticate': 'Basic realm="router statistics"' }) });
        response.end(body);
      },
      () => response.writeHead(500).end(),
    );
  });
  server.requestTimeout = 10_000;
  return server;
}

interface Answer {
  status: number;
  type?: string;
  body: string;
}

async function answer({ router, ready, ...access }: StatsOptions, rates: RequestRates, request: http.IncomingMessage): Promise<Answer> {
  if (request.method !== 'GET' && request.method !== 'HEAD') return { status: 405, body: 'only GET is answered here\n' };
  const [path = '', ...asked] = (request.url ?? '').split(/[?;&]/);
  if (path === '/healthz') return { status: 200, body: 'ok\n' };
  if (path === '/healthz/ready') {
    const well = ready() && (await router.metrics()) !== undefined;
    return { status: well ? 200 : 500, body: well ? 'ok\n' : 'the router does not serve yet\n' };
  }
  if (!paths.includes(path)) return { status: 404, body: 'here are /, /metrics, /stats, /healthz and /healthz/ready\n' };
  const allowed = await mayRead(access, request.headers.authorization);
  if (allowed !== 'yes') return allowed === 'unknown' ? { status: 401, body: 'name and password are in the secret router-stats-default of project default\n' } : { status: 403, body: 'the token may not get routers/metrics\n' };
  const [metrics, routes = []] = await Promise.all([router.metrics(), router.routeMetrics()]);
  if (path === '/metrics') return { status: 200, type: 'text/plain; version=0.0.4; charset=utf-8', body: metricsText(metrics, routes) };
  if (path !== '/stats') return humanAnswer(asked, metrics, routes, rates.look(routes));
  return { status: 200, type: 'application/json', body: `${JSON.stringify({ router: metrics ?? null, routes })}\n` };
}

const paths = ['/', '/haproxy', '/metrics', '/stats'];

function humanAnswer(asked: readonly string[], metrics: RouterMetrics | undefined, routes: readonly RouterRouteMetrics[], rates: ReadonlyMap<string, number>): Answer {
  if (asked.includes('csv')) return { status: 200, type: 'text/plain; charset=utf-8', body: statsCsv(metrics, routes, rates) };
  const seconds = Number(asked.find((one) => /^refresh=\d+$/.test(one))?.slice('refresh='.length) ?? 0);
  return { status: 200, type: 'text/html; charset=utf-8', body: statsPage({ metrics, routes, rates, refresh: seconds > 0 ? Math.min(seconds, longestRefresh) : undefined }) };
}

async function mayRead({ credentials, userOf, authorize }: Pick<StatsOptions, 'credentials' | 'userOf' | 'authorize'>, authorization = ''): Promise<'yes' | 'no' | 'unknown'> {
  const [scheme = '', value = ''] = authorization.split(' ');
  if (/^basic$/i.test(scheme)) return same(Buffer.from(value, 'base64').toString(), `${credentials.username}:${credentials.password}`) ? 'yes' : 'unknown';
  const user = /^bearer$/i.test(scheme) ? await userOf(value) : undefined;
  if (!user) return 'unknown';
  return (await authorize(user, { verb: 'get', group: 'route.openshift.io', version: 'v1', resource: 'routers', subresource: 'metrics' })).allowed ? 'yes' : 'no';
}

/** Takes the same time wherever two texts differ. */
const same = (a: string, b: string) => timingSafeEqual(digest(a), digest(b));
const digest = (text: string) => createHash('sha256').update(text).digest();
