import { describe, expect, test } from 'vitest';
import type { Endpoints, Service } from '../../../src/api/kinds/core.ts';
import type { Route } from '../../../src/api/kinds/route.ts';
import { sharesOf, type Share } from '../../../src/api/traffic-split.ts';
import { KeptDraft } from '../../../src/extension/traffic/kept-draft.ts';
import { trafficServices } from '../../../src/extension/traffic/traffic-services.ts';
import { Draft } from '../../../src/webviews/traffic/draft.ts';

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

describe('a split that is being made', () => {
  const split = (web: number): Share[] => [{ service: 'web', percent: web }, { service: 'next', percent: 100 - web }];
  const written = (version: string, web: number) => ({ metadata: { name: 'web', resourceVersion: version }, spec: { to: { kind: 'Service', name: 'web', weight: web }, alternateBackends: [{ kind: 'Service', name: 'next', weight: 100 - web }] } }) as unknown as Route;

  test('is not taken back by an answer to an earlier step of the slider', () => {
    const [page, host] = [new Draft(), new KeptDraft()];
    host.change(split(90), page.change(split(90)));
    const answer = { shares: host.shares ?? [], edit: host.edit };
    const edit = page.change(split(70));
    page.hear(answer.shares, answer.edit);
    expect(page.shares).toEqual(split(70));
    host.change(split(70), edit);
    page.hear(host.shares ?? [], host.edit);
    expect(page.shares).toEqual(split(70));
  });

  test('is there again when its page is shown again', () => {
    const host = new KeptDraft();
    host.change(split(60), 7);
    const page = new Draft();
    page.hear(host.shares ?? [], host.edit);
    expect([page.shares, page.change(split(50))]).toEqual([split(60), 8]);
  });

  test('goes on while what it was is written, and the old shares do not come back before the watch tells the new ones', () => {
    const [before, after] = [written('1', 100), written('2', 70)];
    const host = new KeptDraft();
    host.change(split(70), 1);
    const sent = host.shares ?? [];
    host.change(split(40), 2);
    host.written(sent, '1', after);
    expect([host.shares, host.newest(before)]).toEqual([split(40), after]);
    expect(sharesOf(host.newest(written('3', 55)) ?? before)).toEqual(split(55));
    // From then on the watch alone is asked.
    expect(host.newest(before)).toBe(before);
    host.settle(split(40));
    expect(host.shares).toBeUndefined();
  });

  test('ends with its route', () => {
    const host = new KeptDraft();
    host.change(split(70), 1);
    host.written(host.shares ?? [], '1', written('2', 70));
    expect([host.shares, host.newest(undefined)]).toEqual([undefined, undefined]);
  });
});
