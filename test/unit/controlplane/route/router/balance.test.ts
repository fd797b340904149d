import { describe, expect, test } from 'vitest';
import { defaultRouterLimits } from '../../../../../src/protocol/router.ts';
import { endpointWeights } from '../../../../../src/controlplane/route/data-plane/endpoint-weights.ts';
import { pick, type Server } from '../../../../../src/controlplane/route/router/balance.ts';
import { Endpoint } from '../../../../../src/controlplane/route/router/endpoint.ts';

const endpoint = (name: string) => new Endpoint(name, `127.0.0.1:${name.length}`, {}, defaultRouterLimits);
const servers = (...weights: number[]): Server[] => weights.map((weight, at) => ({ id: `e${at}`, endpoint: endpoint(`e${at}`), service: 'demo/web', pod: undefined, wakes: false, cookie: undefined, weight, current: 0, requests: 0 }));
const backend = (weight: number, endpoints: number) => ({ weight, endpoints: Array.from({ length: endpoints }) });

describe('weights of endpoints', () => {
  test.each([
    [[backend(100, 3)], [1]],
    [[backend(0, 3)], [0]],
    [[backend(100, 1), backend(100, 2)], [256, 128]],
    [[backend(3, 1), backend(1, 1), backend(0, 5)], [256, 85, 0]],
    [[backend(256, 1), backend(1, 100)], [256, 1]],
    [[backend(10, 0), backend(20, 2)], [0, 1]],
  ])('%j', (backends, weights) => expect(endpointWeights(backends)).toEqual(weights));
});

describe('choice', () => {
  test('round robin spreads evenly in proportion', () => {
    const list = servers(2, 1);
    const names = Array.from({ length: 6 }, () => pick(list, 'roundrobin', '', [])?.id);
    expect(names).toEqual(['e0', 'e1', 'e0', 'e0', 'e1', 'e0']);
  });

  test('least connections takes the idlest, source the same for one client', () => {
    const list = servers(1, 1, 1);
    for (const [at, count] of [3, 1, 2].entries()) (list[at] as Server).endpoint.inFlight = count;
    expect(pick(list, 'leastconn', '', [])?.id).toBe('e1');
    const first = pick(list, 'source', '10.0.0.7', [])?.id;
    expect(pick(list, 'source', '10.0.0.7', [])?.id).toBe(first);
  });

  test('what was tried is not tried again, what refused is tried last', () => {
    const list = servers(1, 1);
    const [a, b] = list.map((server) => server.endpoint) as [Endpoint, Endpoint];
    expect(pick(list, 'roundrobin', '', [a])?.id).toBe('e1');
    expect(pick(list, 'roundrobin', '', [a, b])).toBeUndefined();
    a.refused();
    for (let at = 0; at < 4; at += 1) expect(pick(list, 'random', '', [])?.id).toBe('e1');
    b.refused();
    expect(pick(list, 'random', '', [])).toBeDefined();
    b.answered();
    expect(pick(list, 'random', '', [])?.id).toBe('e1');
  });

  test('one endpoint alone is tried once, even if it refused before', () => {
    const [only] = servers(1) as [Server];
    only.endpoint.refused();
    expect(pick([only], 'random', '', [])).toBe(only);
    expect(pick([only], 'random', '', [only.endpoint])).toBeUndefined();
    expect(pick([only], 'random', '', [endpoint('another')])).toBe(only);
  });
});
