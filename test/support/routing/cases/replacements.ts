import { expect } from 'vitest';
import { authority } from '../../certificates.ts';
import { eventually } from '../../eventually.ts';
import type { Bed } from '../bed.ts';
import type { Material, RouteCase, RouteDocument } from '../contract.ts';
import type { EchoApplication } from '../echo.ts';
import { answersMore, load, openCall, openSocket, type Lasting, type Way } from '../load.ts';

type Termination = 'edge' | 'reencrypt' | 'passthrough';
const ways: Way[] = ['kept', 'fresh', 'http2'];
const annotations = { balance: 'roundrobin' };

function tlsOf(termination: Termination, { own: { certificate, key }, authority: ca }: Material): NonNullable<NonNullable<RouteDocument['spec']>['tls']> {
  if (termination === 'passthrough') return { termination };
  return { termination, certificate, key, ...(termination === 'reencrypt' && { destinationCACertificate: ca }) };
}

const routesOf = (termination: Termination, material: Material): RouteDocument[] => ['web', 'rpc'].map((name) => ({
  name, annotations, spec: { host: `${name}.own.test`, to: { kind: 'Service', name }, tls: tlsOf(termination, material) },
}));

/** Until each endpoint of a service has some. */
async function openAtBoth(open: () => Promise<Lasting>): Promise<Lasting[]> {
  const all: Lasting[] = [];
  while (all.length < 4 || new Set(all.map(({ endpoint }) => endpoint)).size < 2) {
    if (all.length === 20) throw new Error('all of them are at one endpoint');
    all.push(await open());
  }
  return all;
}

const allAnswer = async (lasting: readonly Lasting[]) => {
  for (const answer of await Promise.all(lasting.map((one) => one.ping()))) expect(answer).toMatch(/ping$/);
};

const replaced = (termination: Termination): RouteCase => ({
  name: `through ${termination} under load of HTTP/1.1 and HTTP/2 fail no request; WebSockets and gRPC streams end with their pod, no earlier`,
  apps: { web: { endpoints: 2, speaks: termination === 'edge' ? 'http' : 'h2' }, rpc: { endpoints: 2, speaks: termination === 'edge' ? 'grpc' : 'grpcs' } },
  routes: (material) => routesOf(termination, material),
  async run(bed) {
    const under = ways.map((way) => load(bed, 'https://web.own.test/', 3, way, termination === 'passthrough'));
    const lasting: Record<string, Lasting[]> = { web: await openAtBoth(() => openSocket(bed, 'web.own.test', true)), rpc: await openAtBoth(() => openCall(bed, 'rpc.own.test')) };
    const everyOne = () => Object.values(lasting).flat();
    for (const service of ['web', 'rpc']) {
      const oldest = (bed.apps.get(service) ?? [])[0] as EchoApplication;
      await bed.startEndpoint(service);
      await bed.serve();
      // A pod is told to end once routers let go of it; where they speak to it themselves they also bear to learn of it later.
      await bed.endEndpoint(service, oldest, termination === 'passthrough' ? 'leave' : 'drain');
      await bed.serve();
      oldest.drain();
      await Promise.all(under.map((one) => answersMore(one, 30)));
      await allAnswer(everyOne());
      await oldest.close();
      const [gone, stay] = [true, false].map((at) => (lasting[service] ?? []).filter(({ endpoint }) => (endpoint === oldest.number) === at));
      expect(gone?.length).toBeGreaterThan(0);
      await eventually(() => gone?.every((one) => one.ended())).toBe(true);
      lasting[service] = stay ?? [];
      await allAnswer(everyOne());
    }
    await Promise.all(under.map((one) => answersMore(one, 30)));
    expect((await Promise.all(under.map((one) => one.stop()))).flat()).toEqual([]);
    for (const one of everyOne()) one.close();
  },
});

/** Fifty routes that come and go, and what a route's owner may change of it. */
async function changed(bed: Bed): Promise<void> {
  const [web, rpc] = routesOf('edge', bed.material) as [RouteDocument, RouteDocument];
  const others = Array.from({ length: 50 }, (_, at): RouteDocument => ({ name: `other${at}`, ...(at % 2 === 0 && { spec: { to: { kind: 'Service', name: 'web' }, tls: { termination: 'edge' } } }) }));
  const renewed = await (await authority()).sign('CN=renewed', ['*.own.test']);
  const more = (spec: object, wish: Record<string, string> = {}): RouteDocument => ({ ...web, annotations: { ...annotations, ...wish }, spec: { ...web.spec, ...spec } });
  const steps: RouteDocument[][] = [
    [web, rpc, ...others], [web, rpc, ...others.slice(10)], [web, rpc], [more({}, { timeout: '7s' }), rpc], [more({ alternateBackends: [{ kind: 'Service', name: 'next', weight: 50 }], to: { kind: 'Service', name: 'web', weight: 50 } }), rpc],
    [more({ tls: { termination: 'edge', certificate: renewed.certificate, key: renewed.key } }), rpc, { name: 'path', spec: { host: 'web.own.test', path: '/elsewhere', to: { kind: 'Service', name: 'next' }, tls: { termination: 'edge' } } }],
    [more({ tls: { termination: 'edge', certificate: renewed.certificate, key: renewed.key, insecureEdgeTerminationPolicy: 'Allow' } }), rpc, { name: 'moved', spec: { host: 'moved.test', to: { kind: 'Service', name: 'next' } } }],
  ];
  const under = ways.map((way) => load(bed, 'https://web.own.test/', 2, way));
  const lasting = [await openSocket(bed, 'web.own.test', true), await openCall(bed, 'rpc.own.test')];
  for (const step of steps) {
    await bed.serve(step);
    await Promise.all(under.map((one) => answersMore(one, 15)));
    await allAnswer(lasting);
  }
  expect(await bed.appAt('http://moved.test/')).toBe('next');
  expect((await bed.ask('https://web.own.test/')).certificate).toBe('renewed');
  expect((await Promise.all(under.map((one) => one.stop()))).flat()).toEqual([]);
  for (const one of lasting) one.close();
}

export const replacements: RouteCase[] = [
  ...(['edge', 'reencrypt', 'passthrough'] as const).map(replaced),
  {
    name: 'of routes: fifty others that come and go, changes of its own, cut nothing over TLS',
    apps: { web: {}, next: {}, rpc: { speaks: 'grpc' } },
    routes: (material) => routesOf('edge', material),
    run: changed,
  },
];
