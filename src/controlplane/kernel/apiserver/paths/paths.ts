/** Everything that is no resource. */
import type { Answer } from '../answer.ts';
import type { KindTable } from '../kind-table.ts';
import type { PathHandler } from '../pipeline.ts';
import { discovery } from './discovery.ts';
import { health, type HealthCheck } from './health.ts';
import type { Metrics } from './metrics.ts';
import { openApi } from './openapi.ts';
import { versionInfo, type VersionInfo } from './version.ts';

export interface PathOptions {
  kinds: KindTable;
  metrics: Metrics;
  checks: Readonly<Record<string, HealthCheck>>;
  version: Partial<VersionInfo>;
}

export function pathHandler({ kinds, metrics, checks, version }: PathOptions): PathHandler {
  const discover = discovery(kinds);
  const describe = openApi(kinds);
  const versionDocument: Answer = { type: 'document', code: 200, contentType: 'application/json', body: `${JSON.stringify({ ...versionInfo(), ...version }, undefined, 2)}\n` };
  return (request, path) => {
    if (request.method !== 'GET' && request.method !== 'HEAD') return undefined;
    if (path.startsWith('/api')) return discover(request, path);
    if (path.startsWith('/openapi/')) return describe(request, path);
    if (path === '/version' || path === '/version/') return versionDocument;
    if (path === '/metrics') return { type: 'document', code: 200, contentType: 'text/plain; version=0.0.4; charset=utf-8', body: metrics.text() };
    if (path === '/') return { type: 'document', code: 200, contentType: 'application/json', body: `${JSON.stringify({ paths: rootPaths(kinds) }, undefined, 2)}\n` };
    return health(checks, path, request.query);
  };
}

function rootPaths(kinds: KindTable): string[] {
  const versions = new Set(kinds.all.map((served) => served.apiVersion));
  const groups = [...versions].filter((one) => one.includes('/')).flatMap((one) => [`/apis/${one.slice(0, one.indexOf('/'))}`, `/apis/${one}`]);
  return [...new Set(['/api', '/api/v1', '/apis', ...groups, '/healthz', '/livez', '/metrics', '/openapi/v2', '/openapi/v3', '/readyz', '/version'])].sort();
}
