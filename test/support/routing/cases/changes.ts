import http from 'node:http';
import tls from 'node:tls';
import { once } from 'node:events';
import { expect } from 'vitest';
import { authority } from '../../certificates.ts';
import { openHttp2, askIn } from '../ask.ts';
import type { RouteCase, RouteDocument } from '../contract.ts';
import type { EchoApplication } from '../echo.ts';
import { answersMore, load, openSocket } from '../load.ts';

const others = (count: number): RouteDocument[] => Array.from({ length: count }, (_, at) => ({ name: `other${at}` }));

export const changes: RouteCase[] = [
  {
    name: 'routes that come, change and go under load drop no request and no WebSocket',
    routes: [{ name: 'web' }],
    async run(bed) {
      const under = load(bed, 'http://web.test/', 8);
      const socket = await openSocket(bed, 'web.test');
      for (let round = 0; round < 6; round += 1) {
        await answersMore(under, 40);
        await bed.serve([{ name: 'web', annotations: { timeout: `${round + 1}0s` } }, ...others(round % 3)]);
        expect(await bed.ask('http://other0.test/').then(({ status }) => status)).toBe(round % 3 === 0 ? 503 : 200);
        expect(await socket.ping()).toBe('ping');
      }
      expect(await under.stop()).toEqual([]);
      socket.close();
    },
  },
  {
    name: 'pods replaced one by one under load drop no request; a WebSocket stays with its pod',
    apps: { web: { endpoints: 2 } },
    routes: [{ name: 'web' }],
    async run(bed) {
      const under = load(bed, 'http://web.test/', 8);
      const socket = await openSocket(bed, 'web.test');
      for (let round = 0; round < 5; round += 1) {
        await answersMore(under, 40);
        await bed.startEndpoint('web');
        await bed.serve();
        const oldest = (bed.apps.get('web') ?? [])[0] as EchoApplication;
        await bed.endEndpoint('web', oldest, 'drain');
        await bed.serve();
        expect(await socket.ping()).toBe('ping');
      }
      expect(await under.stop()).toEqual([]);
      socket.close();
    },
  },
  {
    name: 'weights shifted step by step under load drop no request, and end where they lead',
    apps: { web: {}, next: {} },
    routes: [{ name: 'web' }],
    async run(bed) {
      const under = load(bed, 'http://web.test/', 4);
      for (const weight of [0, 50, 100]) {
        await bed.serve([{ name: 'web', spec: { to: { kind: 'Service', name: 'web', weight: 100 - weight }, alternateBackends: [{ kind: 'Service', name: 'next', weight }] } }]);
        await answersMore(under, 40);
      }
      expect(await under.stop()).toEqual([]);
      for (let at = 0; at < 5; at += 1) expect(await bed.appAt('http://web.test/')).toBe('next');
    },
  },
  {
    name: 'a new certificate is shown to new connections; those that are open go on',
    routes: ({ own }) => [{ name: 'own', spec: { tls: { termination: 'edge', certificate: own.certificate, key: own.key } } }],
    async run(bed) {
      const under = load(bed, 'https://own.test/', 4);
      await answersMore(under, 20);
      const before = await openHttp2(bed.ports, 'own.test');
      const url = new URL('https://own.test/');
      expect((await askIn(before, { url: '' }, url)).certificate).toBe('own');
      const renewed = await (await authority()).sign('CN=renewed', ['own.test']);
      await bed.serve([{ name: 'own', spec: { tls: { termination: 'edge', certificate: renewed.certificate, key: renewed.key } } }]);
      expect(await bed.ask('https://own.test/')).toMatchObject({ status: 200, certificate: 'renewed' });
      expect(await askIn(before, { url: '' }, url)).toMatchObject({ status: 200, certificate: 'own' });
      await answersMore(under, 20);
      expect(await under.stop()).toEqual([]);
      before.close();
      await bed.serve([{ name: 'own', spec: { tls: { termination: 'edge' } } }]);
      expect((await bed.ask('https://own.test/')).certificate).toBe('default');
    },
  },
  {
    name: 'a route that goes is gone for connections that are open',
    routes: [{ name: 'web' }, { name: 'other' }],
    async run(bed) {
      const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
      expect((await bed.ask('http://web.test/', { agent })).status).toBe(200);
      await bed.serve([{ name: 'other' }]);
      expect((await bed.ask('http://web.test/', { agent })).status).toBe(503);
      expect((await bed.ask('http://other.test/', { agent })).status).toBe(200);
      agent.destroy();
    },
  },
  {
    name: 'a host changes from edge to passthrough and back',
    apps: { web: {}, inner: { speaks: 'https' } },
    routes: [{ name: 'web', spec: { tls: { termination: 'edge' } } }],
    async run(bed) {
      expect((await bed.ask('https://web.test/')).certificate).toBe('default');
      await bed.serve([{ name: 'web', spec: { to: { kind: 'Service', name: 'inner' }, tls: { termination: 'passthrough' } } }]);
      expect((await bed.ask('https://web.test/')).certificate).toBe('inner');
      await bed.serve([{ name: 'web', spec: { tls: { termination: 'edge' } } }]);
      expect((await bed.ask('https://web.test/')).certificate).toBe('default');
    },
  },
  {
    name: 'what is counted for a route',
    routes: [{ name: 'web' }, { name: 'quiet' }],
    async run(bed) {
      for (const url of ['http://web.test/', 'http://web.test/?status=404', 'http://web.test/?size=1000']) await bed.ask(url);
      const counted = await bed.router.routeMetrics();
      const web = counted?.find(({ key }) => key === 'demo/web');
      expect(web).toMatchObject({ requests: 3, inFlight: 0, endpoints: [{ service: 'demo/web', pod: 'web-0', up: true, requests: 3 }] });
      expect(web?.responses[2]).toBe(2);
      expect(web?.responses[4]).toBe(1);
      expect(web?.bytesOut).toBeGreaterThan(1_000);
      expect(counted?.find(({ key }) => key === 'demo/quiet')).toMatchObject({ requests: 0 });
      expect(await bed.router.metrics()).toMatchObject({ routes: 2 });
    },
  },
  {
    name: 'a certificate with somebody else\'s key beside it, which routers read otherwise, keeps no other route from changing',
    routes: [{ name: 'web' }],
    async run(bed) {
      const stray = await (await authority()).sign('CN=stray', ['own.test']);
      const { certificate, key } = bed.material.own;
      const odd = { name: 'own', spec: { tls: { termination: 'edge' as const, certificate: `${certificate}\n${stray.key}`, key } } };
      await bed.serve([{ name: 'web' }, odd]);
      expect(await bed.ask('https://own.test/')).toMatchObject({ status: 200, certificate: expect.stringMatching(/^(own|default)$/) as string });
      await bed.serve([{ name: 'web' }, odd, { name: 'next' }]);
      expect((await bed.ask('http://next.test/')).status).toBe(200);
      await bed.serve([{ name: 'web' }, { name: 'own', spec: { tls: { termination: 'edge', certificate, key } } }]);
      expect((await bed.ask('https://own.test/')).certificate).toBe('own');
    },
  },
  {
    name: 'a certificate that cannot be used leaves the default one, and other routes alone',
    routes: ({ own, stranger }) => [
      { name: 'bad', spec: { tls: { termination: 'edge', certificate: 'rubbish', key: 'rubbish' } } },
      // Its key is that of a certificate behind the first.
      { name: 'mixed', spec: { tls: { termination: 'edge', certificate: `${stranger}\n${own.certificate}`, key: own.key } } },
      { name: 'own', spec: { tls: { termination: 'edge', certificate: own.certificate, key: own.key } } },
    ],
    async run(bed) {
      for (const name of ['bad', 'mixed']) expect((await bed.ask(`https://${name}.test/`)).certificate).toBe('default');
      expect((await bed.ask('https://own.test/')).certificate).toBe('own');
      const socket = tls.connect({ host: '127.0.0.1', port: bed.ports.https, rejectUnauthorized: false });
      await once(socket, 'secureConnect');
      expect(socket.getPeerCertificate().subject.CN, 'without a server name').toBe('default');
      socket.destroy();
    },
  },
];
