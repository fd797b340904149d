/** A case made real: applications that listen, the table that leads to them, and a router that serves it. */
import { expect } from 'vitest';
import type { Endpoints, Service } from '../../../src/api/kinds/core.ts';
import type { Route } from '../../../src/api/kinds/route.ts';
import type { RouterPorts } from '../../../src/controlplane/route/data-plane/data-plane.ts';
import { routerRoute } from '../../../src/controlplane/route/table-plan.ts';
import type { RouterRoute } from '../../../src/protocol/router.ts';
import { authority } from '../certificates.ts';
import { ask, type AskOptions, type Seen } from './ask.ts';
import type { Answer, ApplicationDocument, Material, Request, RouteCase, RouteDocument, RouterUnderTest } from './contract.ts';
import { startEcho, type Echo, type EchoApplication } from './echo.ts';

export interface Bed {
  readonly router: RouterUnderTest;
  readonly ports: RouterPorts;
  readonly material: Material;
  /** Running endpoints by service. */
  readonly apps: ReadonlyMap<string, EchoApplication[]>;
  /** The table that is applied. */
  readonly table: ReadonlyMap<string, RouterRoute>;
  ask(request: Request | string, options?: AskOptions): Promise<Seen>;
  /** Name of the service that answered. */
  appAt(url: string, options?: AskOptions): Promise<string>;
  /** `service/endpoint` that answered. */
  endpointAt(url: string, headers?: Record<string, string>): Promise<string>;
  /** One more endpoint for a service, or one that is back at its port; it is in no table until the next `serve`. */
  startEndpoint(service: string, port?: number): Promise<EchoApplication>;
  /** Ends one, after which it is in no table either; `leave`: it only goes from the table. */
  endEndpoint(service: string, endpoint: EchoApplication, how: 'drain' | 'close' | 'leave'): Promise<void>;
  /** Applies routes to the endpoints there are. */
  serve(routes?: RouteDocument[]): Promise<void>;
}

let made: Promise<{ material: Material; sign: Awaited<ReturnType<typeof authority>>['sign'] }> | undefined;
const materials = () => (made ??= makeMaterial());

async function makeMaterial() {
  const [root, stranger] = await Promise.all([authority(), authority()]);
  return { material: { authority: root.certificate, stranger: stranger.certificate, own: await root.sign('CN=own', ['own.test', '*.own.test']) }, sign: root.sign };
}

/** Runs one case against a router of its own. */
export async function runCase(one: RouteCase, start: () => Promise<RouterUnderTest>, within = 0): Promise<void> {
  const { material, sign } = await materials();
  const documents = one.apps ?? { web: {} };
  const apps = new Map<string, EchoApplication[]>();
  const everStarted: EchoApplication[] = [];
  const startOne = async (service: string, port?: number) => {
    const { speaks = 'http', certifiedFor } = documents[service] as ApplicationDocument;
    const list = apps.get(service) ?? [];
    const started = await startEcho(service, everStarted.length, speaks, await sign(`CN=${service}`, [certifiedFor ?? `${service}.demo.svc`]), port);
    everStarted.push(started);
    apps.set(service, [...list, started]);
    return started;
  };
  const router = await start();
  try {
    for (const [service, { endpoints = 1 }] of Object.entries(documents)) {
      apps.set(service, []);
      for (let at = 0; at < endpoints; at += 1) await startOne(service);
    }
    const ports = router.ports as RouterPorts;
    const first = typeof one.routes === 'function' ? one.routes(material) : one.routes;
    let routes = first;
    let table: ReadonlyMap<string, RouterRoute> = new Map();
    const bed: Bed = {
      router, ports, material, apps,
      get table() {
        return table;
      },
      ask: (request, options) => ask(ports, typeof request === 'string' ? { url: request } : request, options),
      appAt: async (url, options) => (JSON.parse((await bed.ask(url, options)).text) as Echo).app,
      async endpointAt(url, headers = {}) {
        const { app, endpoint } = JSON.parse((await bed.ask({ url, headers })).text) as Echo;
        return `${app}/${endpoint}`;
      },
      startEndpoint: startOne,
      async endEndpoint(service, endpoint, how) {
        apps.set(service, (apps.get(service) ?? []).filter((other) => other !== endpoint));
        if (how === 'close') await endpoint.close();
        else if (how === 'drain') endpoint.drain();
      },
      async serve(next = routes) {
        routes = next;
        table = new Map(routes.map((document) => tableEntry(document, documents, apps)).map((route) => [route.key, route]));
        await router.apply(table);
      },
    };
    await bed.serve();
    for (const { ask: asked, answer } of one.steps ?? []) await check(bed, asked, answer);
    if (one.spread) await checkSpread(bed, one.spread, within);
    await one.run?.(bed);
  } finally {
    await router.dispose();
    await Promise.all(everStarted.map((app) => app.close()));
  }
}

async function check(bed: Bed, request: Request, answer: Answer): Promise<void> {
  const what = `${request.method ?? 'GET'} ${request.url}`;
  if (answer.closed) return void (await expect(bed.ask(request), what).rejects.toThrow());
  const seen = await bed.ask(request);
  if (answer.status !== undefined) expect(seen.status, what).toBe(answer.status);
  if (answer.certificate !== undefined) expect(seen.certificate, what).toBe(answer.certificate);
  expectFields(seen.headers, answer.headers, `response to ${what}`);
  if (typeof answer.text === 'string') expect(seen.text, what).toBe(answer.text);
  else if (answer.text) expect(seen.text, what).toMatch(answer.text);
  if (answer.app === undefined && answer.path === undefined && answer.saw === undefined && answer.method === undefined && answer.version === undefined) return;
  expect(seen.headers['content-type'], `${what} reached an application (status ${seen.status})`).toBe('application/json');
  const echo = JSON.parse(seen.text) as Echo;
  for (const field of ['app', 'path', 'method', 'version'] as const) if (answer[field] !== undefined) expect(echo[field], `${field} of ${what}`).toBe(answer[field]);
  expectFields(echo.headers, answer.saw, `request ${what}`);
}

function expectFields(fields: Record<string, string>, wanted: Record<string, string | RegExp | undefined> | undefined, where: string): void {
  for (const [name, value] of Object.entries(wanted ?? {})) {
    const got = fields[name.toLowerCase()];
    if (value instanceof RegExp) expect(got, `${name} of the ${where}`).toMatch(value);
    else expect(got, `${name} of the ${where}`).toBe(value);
  }
}

async function checkSpread(bed: Bed, { ask: request, requests, answers }: NonNullable<RouteCase['spread']>, within: number): Promise<void> {
  const counted: Record<string, number> = Object.fromEntries(Object.keys(answers).map((app) => [app, 0]));
  for (let at = 0; at < requests; at += 1) {
    const { app } = JSON.parse((await bed.ask(request)).text) as Echo;
    counted[app] = (counted[app] ?? 0) + 1;
  }
  for (const [app, wanted] of Object.entries(answers)) expect(Math.abs((counted[app] ?? 0) - wanted), `${wanted} answers of ${app} in ${JSON.stringify(counted)}`).toBeLessThanOrEqual(wanted === 0 ? 0 : within);
  expect(Object.keys(counted)).toEqual(Object.keys(answers));
}

const routerPrefix = 'haproxy.router.openshift.io/';

function tableEntry({ name, annotations = {}, spec = {} }: RouteDocument, documents: Record<string, ApplicationDocument>, apps: ReadonlyMap<string, EchoApplication[]>): RouterRoute {
  const host = spec.host ?? `${name}.test`;
  const route: Route = {
    apiVersion: 'route.openshift.io/v1', kind: 'Route',
    metadata: { name, namespace: 'demo', uid: name, annotations: Object.fromEntries(Object.entries(annotations).map(([key, value]) => [key.includes('/') ? key : routerPrefix + key, value])) },
    spec: { to: { kind: 'Service', name: 'web' }, ...spec, host },
  };
  const nameOf = (key: string) => key.slice(key.indexOf('/') + 1);
  return routerRoute(route, host, {
    service: (key) => documents[nameOf(key)] && serviceOf(nameOf(key), documents[nameOf(key)] as ApplicationDocument, apps.get(nameOf(key)) ?? []),
    endpoints: (key) => documents[nameOf(key)] && endpointsOf(nameOf(key), documents[nameOf(key)] as ApplicationDocument, apps.get(nameOf(key)) ?? []),
  });
}

function serviceOf(name: string, { speaks, idled }: ApplicationDocument, [first]: readonly EchoApplication[]): Service {
  const annotations = idled && { 'idling.alpha.openshift.io/idled-at': '2026-01-01T00:00:00Z' };
  return {
    apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: 'demo', ...(annotations && { annotations }) },
    spec: { clusterIP: idled ? '127.0.0.1' : '172.30.0.9', ports: [{ name: speaks === 'grpc' ? 'grpc' : 'http', port: idled ? (first?.port ?? 1) : 80, targetPort: 8080, ...(speaks === 'h2c' && { appProtocol: 'h2c' }) }] },
  };
}

function endpointsOf(name: string, { idled, speaks }: ApplicationDocument, running: readonly EchoApplication[]): Endpoints {
  const subsets = running.map(({ port }, at) => ({ addresses: [{ ip: '127.0.0.1', targetRef: { kind: 'Pod', name: `${name}-${at}` } }], ports: [{ name: speaks === 'grpc' ? 'grpc' : 'http', port }] }));
  return { apiVersion: 'v1', kind: 'Endpoints', metadata: { name, namespace: 'demo' }, subsets: idled ? [] : subsets };
}
