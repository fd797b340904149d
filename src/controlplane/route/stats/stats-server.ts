/**
 * What the router tells of itself, on port 1936 of the user's loopback as OpenShift's: `/healthz` and `/healthz/ready` to everybody; `/metrics` (Prometheus) and `/stats` (JSON) to who
 * knows the password in the secret `router-stats-default`, or has a token that may `get` `routers/metrics`.
 */
import { timingSafeEqual, createHash } from 'node:crypto';
import http from 'node:http';
import type { UserInfo } from '../../kernel/apiserver/kind.ts';
import type { Authorizer } from '../../kernel/apiserver/ports.ts';
import type { DataPlane } from '../data-plane/data-plane.ts';
import { metricsText } from './metrics-text.ts';

export const statsPort = 1_936;

export interface StatsOptions {
  router: Pick<DataPlane, 'metrics' | 'routeMetrics'>;
  credentials: { username: string; password: string };
  /** Whose token it is; undefined for nobody's. */
  userOf(token: string): Promise<UserInfo | undefined>;
  authorize: Authorizer;
  /** The first table is in force. */
  ready(): boolean;
}

export function statsServer(options: StatsOptions): http.Server {
  const server = http.createServer((request, response) => {
    answer(options, request).then(
      ({ status, type = 'text/plain; charset=utf-8', body }) => {
        response.writeHead(status, { 'Content-Type': type, 'Cache-Control': 'no-store', ...(status === 401 && { 'WWW-Authenticate': 'Basic realm="router statistics"' }) });
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

async function answer({ router, ready, ...access }: StatsOptions, request: http.IncomingMessage): Promise<Answer> {
  if (request.method !== 'GET' && request.method !== 'HEAD') return { status: 405, body: 'only GET is answered here\n' };
  const path = (request.url ?? '').split('?')[0];
  if (path === '/healthz') return { status: 200, body: 'ok\n' };
  if (path === '/healthz/ready') {
    const well = ready() && (await router.metrics()) !== undefined;
    return { status: well ? 200 : 500, body: well ? 'ok\n' : 'the router does not serve yet\n' };
  }
  if (path !== '/metrics' && path !== '/stats') return { status: 404, body: 'here are /metrics, /stats, /healthz and /healthz/ready\n' };
  const allowed = await mayRead(access, request.headers.authorization);
  if (allowed !== 'yes') return allowed === 'unknown' ? { status: 401, body: 'name and password are in the secret router-stats-default of project default\n' } : { status: 403, body: 'the token may not get routers/metrics\n' };
  const [metrics, routes = []] = await Promise.all([router.metrics(), router.routeMetrics()]);
  if (path === '/metrics') return { status: 200, type: 'text/plain; version=0.0.4; charset=utf-8', body: metricsText(metrics, routes) };
  return { status: 200, type: 'application/json', body: `${JSON.stringify({ router: metrics ?? null, routes })}\n` };
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
