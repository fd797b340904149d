import { expect, test } from 'vitest';
import type { Service } from '../../../../src/api/kinds/core.ts';
import { balancerStatus, planPublished } from '../../../../src/controlplane/service/published-plan.ts';

const service = (name: string, spec: Partial<Service['spec']>, second = 0): Service => ({
  apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: 'demo', uid: name, creationTimestamp: `2026-01-01T00:00:0${second}Z` }, spec: { ports: [{ name: 'http', port: 80, protocol: 'TCP' }], ...spec },
});
const balancer = (name: string, port: number, second = 0, more: Partial<Service['spec']> = {}) => service(name, { type: 'LoadBalancer', ports: [{ name: 'http', port, protocol: 'TCP' }], ...more }, second);
const shown = (...services: Service[]) => {
  const { ports, conflicts } = planPublished(services);
  return [...[...ports.values()].map(({ key, service: of, why }) => `${key} ${of} ${why}`), ...conflicts.map(({ wanted, holder }) => `${wanted.service} has to leave ${wanted.key} to ${holder}`)];
};

test.each<[string, Service[], string[]]>([
  ['none for a service inside', [service('a', { type: 'ClusterIP' })], []],
  ['a node port', [service('a', { type: 'NodePort', ports: [{ port: 80, nodePort: 30_080, protocol: 'TCP' }, { port: 53, nodePort: 30_053, protocol: 'UDP' }] })], ['TCP 127.0.0.1:30080 demo/a NodePort', 'UDP 127.0.0.1:30053 demo/a NodePort']],
  ['a load balancer, with its node port', [balancer('a', 8_000, 0, { ports: [{ port: 8_000, nodePort: 30_080, protocol: 'TCP' }] })], ['TCP 127.0.0.1:30080 demo/a NodePort', 'TCP 127.0.0.1:8000 demo/a LoadBalancer']],
  ['an address of the loopback that is asked for', [balancer('a', 8_000, 0, { loadBalancerIP: '127.0.0.9' }), balancer('b', 8_000, 1, { loadBalancerIP: '10.0.0.1' })], ['TCP 127.0.0.9:8000 demo/a LoadBalancer', 'TCP 127.0.0.1:8000 demo/b LoadBalancer']],
  ['the oldest first', [balancer('b', 8_000, 2), balancer('a', 8_000, 1)], ['TCP 127.0.0.1:8000 demo/a LoadBalancer', 'demo/b has to leave TCP 127.0.0.1:8000 to demo/a']],
  ['not those of another class', [balancer('a', 8_000, 0, { loadBalancerClass: 'example.com/other' })], []],
  ['external addresses of the loopback', [service('a', { externalIPs: ['127.0.0.7', '192.0.2.1'] })], ['TCP 127.0.0.7:80 demo/a ExternalIP']],
])('ports of this machine: %s', (_, services, expected) => {
  expect(shown(...services)).toEqual(expected);
});

test('the status names the address once a port answers, and the ports that do not', () => {
  const two = balancer('a', 80, 0, { ports: [{ name: 'http', port: 80, protocol: 'TCP' }, { name: 'dns', port: 5_300, protocol: 'UDP' }] });
  expect(balancerStatus(two, new Map())).toEqual({ ingress: [{ ip: '127.0.0.1', ipMode: 'VIP', ports: [{ port: 80, protocol: 'TCP' }, { port: 5_300, protocol: 'UDP' }] }] });
  expect(balancerStatus(two, new Map([['TCP 127.0.0.1:80', 'taken']])).ingress?.[0]?.ports).toEqual([{ port: 80, protocol: 'TCP', error: 'slipway.dev/PortUnavailable' }, { port: 5_300, protocol: 'UDP' }]);
  expect(balancerStatus(balancer('a', 80), new Map([['TCP 127.0.0.1:80', 'taken']]))).toEqual({});
  expect(balancerStatus(service('a', { type: 'NodePort' }), new Map())).toEqual({});
});

test('of two made in the same second the one that has the port keeps it', () => {
  const [a, b] = [balancer('a', 80), balancer('b', 80)];
  for (const holder of ['demo/a', 'demo/b']) expect(planPublished([a, b], new Map([['TCP 127.0.0.1:80', holder]])).ports.get('TCP 127.0.0.1:80')?.service).toBe(holder);
});
