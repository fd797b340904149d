import { expect, test } from 'vitest';
import type { Endpoints, Service } from '../../../src/api/kinds/core.ts';
import type { Route } from '../../../src/api/kinds/route.ts';
import { trafficServices } from '../../../src/extension/traffic/traffic-services.ts';

const route = (targetPort?: string | number) => ({ spec: { to: { kind: 'Service', name: 'web' }, ...(targetPort !== undefined && { port: { targetPort } }) } }) as Route;
const service = (name: string, port: object, namespace = 'shop') => ({ metadata: { name, namespace }, spec: { ports: [port] } }) as unknown as Service;
const endpoints = (name: string, ready: number, port: object) => ({ metadata: { name }, subsets: [{ addresses: Array.from({ length: ready }, () => ({ ip: '10.128.0.1' })), ports: [port] }] }) as unknown as Endpoints;

test('services that could answer are offered first; one without the route\'s port is told', () => {
  const services = [service('asleep', { name: 'http', port: 80, targetPort: 8080 }), service('other', { port: 80, targetPort: 9090 }), service('web', { name: 'http', port: 80, targetPort: 8080 }), service('router', { port: 80 }, 'default')];
  const ready = [endpoints('web', 2, { name: 'http', port: 8080 }), endpoints('other', 1, { port: 9090 })];
  expect(trafficServices(route('http'), services, ready)).toEqual([{ name: 'web', ready: 2, lacksPort: false }, { name: 'asleep', ready: 0, lacksPort: false }, { name: 'other', ready: 1, lacksPort: true }]);
  expect(trafficServices(route(9090), services, ready).map(({ name, lacksPort }) => [name, lacksPort])).toEqual([['other', false], ['asleep', true], ['web', true]]);
  expect(trafficServices(route(), services, ready).every(({ lacksPort }) => !lacksPort)).toBe(true);
});
