import { expect, test } from 'vitest';
import type { Pod, Service } from '../../../../src/api/kinds/core.ts';
import { balancerStatus, hostPorts, planPublished } from '../../../../src/controlplane/service/published-plan.ts';

const service = (name: string, spec: Partial<Service['spec']>, second = 0): Service => ({
  apiVersion: 'v1', kind: 'Service', metadata: { name, namespace: 'demo', uid: name, creationTimestamp: `2026-01-01T00:00:0${second}Z` }, spec: { ports: [{ name: 'http', port: 80, protocol: 'TCP' }], ...spec },
});
const balancer = (name: string, port: number, second = 0, more: Partial<Service['spec']> = {}) => service(name, { type: 'LoadBalancer', ports: [{ name: 'http', port, protocol: 'TCP' }], ...more }, second);
const shown = (...services: Service[]) => {
  const { ports, conflicts } = planPublished(services);
  return [...[...ports.values()].map(({ key, owner: of, why }) => `${key} ${of} ${why}`), ...conflicts.map(({ wanted, holder }) => `${wanted.owner} has to leave ${wanted.key} to ${holder}`)];
};

test.each<[string, Service[], string[]]>([
  ['none for a service inside', [service('a', { type: 'ClusterIP' })], []],
  ['a node port', [service('a', { type: 'NodePort', ports: [{ port: 80, nodePort: 30_080, protocol: 'TCP' }, { port: 53, nodePort: 30_053, protocol: 'UDP' }] })], ['TCP 127.0.0.1:30080 service demo/a NodePort', 'UDP 127.0.0.1:30053 service demo/a NodePort']],
  ['a load balancer, with its node port', [balancer('a', 8_000, 0, { ports: [{ port: 8_000, nodePort: 30_080, protocol: 'TCP' }] })], ['TCP 127.0.0.1:30080 service demo/a NodePort', 'TCP 127.0.0.1:8000 service demo/a LoadBalancer']],
  ['an address of the loopback that is asked for', [balancer('a', 8_000, 0, { loadBalancerIP: '127.0.0.9' }), balancer('b', 8_000, 1, { loadBalancerIP: '10.0.0.1' })], ['TCP 127.0.0.9:8000 service demo/a LoadBalancer', 'TCP 127.0.0.1:8000 service demo/b LoadBalancer']],
  ['the oldest first', [balancer('b', 8_000, 2), balancer('a', 8_000, 1)], ['TCP 127.0.0.1:8000 service demo/a LoadBalancer', 'service demo/b has to leave TCP 127.0.0.1:8000 to service demo/a']],
  ['not those of another class', [balancer('a', 8_000, 0, { loadBalancerClass: 'example.com/other' })], []],
  ['external addresses of the loopback', [service('a', { externalIPs: ['127.0.0.7', '192.0.2.1'] })], ['TCP 127.0.0.7:80 service demo/a ExternalIP']],
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
  for (const holder of ['service demo/a', 'service demo/b']) expect(planPublished([a, b], [], new Map([['TCP 127.0.0.1:80', holder]])).ports.get('TCP 127.0.0.1:80')?.owner).toBe(holder);
});

const pod = (name: string, ports: object[], { second = 0, ip = '10.128.0.2', spec = {}, annotations = {}, phase = 'Running' }: { second?: number; ip?: string; spec?: object; annotations?: Record<string, string>; phase?: string } = {}) => ({
  apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'demo', uid: name, creationTimestamp: `2026-01-01T00:00:0${second}Z`, annotations }, spec: { containers: [{ name: 'main', image: 'x', ports }], ...spec }, status: { phase, ...(ip && { podIP: ip }) },
}) as Pod;
const web = { containerPort: 8_080, hostPort: 80 };

test.each<[string, Pod, string[]]>([
  ['over TCP and UDP', pod('a', [web, { containerPort: 5_300, hostPort: 53, protocol: 'UDP' }, { containerPort: 9_000 }]), ['TCP 127.0.0.1:80 → 10.128.0.2:8080', 'UDP 127.0.0.1:53 → 10.128.0.2:5300']],
  ['at the address that is asked for', pod('a', [{ ...web, hostIP: '127.0.0.5' }, { ...web, hostIP: '0.0.0.0' }, { ...web, hostIP: '192.0.2.1' }]), ['TCP 127.0.0.5:80 → 10.128.0.2:8080', 'TCP 127.0.0.1:80 → 10.128.0.2:8080']],
  ['of sidecars, too', pod('a', [], { spec: { initContainers: [{ name: 'side', image: 'x', restartPolicy: 'Always', ports: [web] }] } }), ['TCP 127.0.0.1:80 → 10.128.0.2:8080']],
  ['none in the network of the node', pod('a', [web], { spec: { hostNetwork: true } }), []],
  ['none before it has an address', pod('a', [web], { ip: '' }), []],
  ['none after its end', pod('a', [web], { phase: 'Succeeded' }), []],
  ['where its port is another one', pod('a', [web, { containerPort: 1, hostPort: 2 }], { ip: '127.0.0.1', annotations: { 'slipway.dev/port-map': '{"8080":40001}' } }), ['TCP 127.0.0.1:80 → 127.0.0.1:40001']],
  ['not where it listens itself', pod('a', [{ containerPort: 8_080, hostPort: 40_001 }], { ip: '127.0.0.1', annotations: { 'slipway.dev/port-map': '{"8080":40001}' } }), []],
])('host ports: %s', (_, one, expected) => {
  expect(hostPorts(one).map(({ key, to }) => `${key} → ${'ip' in to ? `${to.ip}:${to.port}` : ''}`)).toEqual(expected);
});

test('a host port that is somebody else\'s already', () => {
  const plan = planPublished([balancer('b', 80, 1)], [pod('late', [web], { second: 2 }), pod('early', [web])]);
  expect([...plan.ports.values()].map(({ owner }) => owner)).toEqual(['pod demo/early']);
  expect(plan.conflicts.map(({ wanted, holder }) => `${wanted.owner} ${holder}`)).toEqual(['service demo/b pod demo/early', 'pod demo/late pod demo/early']);
});
