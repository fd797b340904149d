import { expect, test } from 'vitest';
import type { EndpointSlice } from '../../../../src/api/kinds/cluster.ts';
import type { Service } from '../../../../src/api/kinds/core.ts';
import { listenersFor, targetsOf, type ServiceEndpoint } from '../../../../src/agent/network/service-table.ts';
import { serviceEntry } from '../../../../src/agent/services/service-entries.ts';

const service = (spec: Partial<Service['spec']> = {}, annotations: Record<string, string> = {}): Service => ({
  apiVersion: 'v1', kind: 'Service', metadata: { name: 'web', namespace: 'demo', annotations }, spec: { clusterIP: '172.30.1.1', ports: [{ name: 'http', port: 80, protocol: 'TCP' }], ...spec },
});
type Conditions = NonNullable<EndpointSlice['endpoints'][number]['conditions']>;
const slice = (endpoints: [string, Conditions?, string?][], ports: EndpointSlice['ports'] = [{ name: 'http', port: 8080, protocol: 'TCP' }]): EndpointSlice => ({
  apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata: { name: 'x', namespace: 'demo' }, addressType: 'IPv4', ...(ports && { ports }),
  endpoints: endpoints.map(([ip, conditions, nodeName]) => ({ addresses: [ip], ...(conditions && { conditions }), ...(nodeName && { nodeName }) })),
});

test('endpoints of all slices, each address once, what is not said is ready', () => {
  const [port] = serviceEntry(service(), [
    slice([['10.0.0.2'], ['10.0.0.3', { ready: false, serving: true, terminating: true }, 'node-2']]),
    slice([['10.0.0.3', { ready: true }], ['10.0.0.1', { ready: false }]]),
    slice([['10.0.0.9']], [{ name: 'other', port: 1 }]),
  ]).ports;
  expect(port?.endpoints).toEqual([{ ip: '10.0.0.1', port: 8080, ready: false }, { ip: '10.0.0.2', port: 8080, ready: true }, { ip: '10.0.0.3', port: 8080, ready: true }]);
});

test('what a service asks for', () => {
  expect(serviceEntry(service({ internalTrafficPolicy: 'Local', externalTrafficPolicy: 'Local', externalIPs: ['192.0.2.1'], sessionAffinity: 'ClientIP' }, { 'idling.alpha.openshift.io/idled-at': 'x' }), [])).toMatchObject({
    clusterIPs: ['172.30.1.1'], internalLocal: true, externalLocal: true, externalIPs: ['192.0.2.1'], affinitySeconds: 10_800, idle: true,
  });
  expect(serviceEntry(service({ clusterIP: 'None', ports: [] }), [slice([['10.0.0.2']], [])]).ports).toEqual([{ name: '', protocol: 'TCP', port: 0, endpoints: [{ ip: '10.0.0.2', port: 0, ready: true }] }]);
});

const endpoint = (ip: string, more: Partial<ServiceEndpoint> = {}): ServiceEndpoint => ({ ip, port: 80, ready: true, ...more });
test.each<[string, ServiceEndpoint[], string | undefined, string[]]>([
  ['ready ones', [endpoint('a'), endpoint('b', { ready: false })], undefined, ['a']],
  ['those that still serve on their way out, if nobody else is ready', [endpoint('a', { ready: false, serving: true, terminating: true }), endpoint('b', { ready: false, terminating: true })], undefined, ['a']],
  ['none on their way out while others are ready', [endpoint('a', { ready: false, serving: true, terminating: true }), endpoint('b')], undefined, ['b']],
  ['those of the node', [endpoint('a', { node: 'node-1' }), endpoint('b', { node: 'node-2' })], 'node-2', ['b']],
  ['none if the node has none', [endpoint('a', { node: 'node-1' })], 'node-2', []],
])('connections go to %s', (_, endpoints, node, ips) => {
  expect(targetsOf(endpoints, node).map(({ ip }) => ip)).toEqual(ips);
});

test('local policies concern their own addresses, an idle service is listened on', () => {
  const entry = { ...serviceEntry(service({ internalTrafficPolicy: 'Local', ports: [{ name: 'http', port: 80, nodePort: 30_080, protocol: 'TCP' }] }), [slice([['10.0.0.2', {}, 'node-1'], ['10.0.0.3', {}, 'node-2']])]), externalIPs: ['192.0.2.1'] };
  const shown = (table: typeof entry, node: string) => [...listenersFor([table], 'cluster', node)].map(([key, { targets, idle }]) => `${key} → ${idle ? 'wait' : targets.map(({ ip }) => ip).join()}`);
  expect(shown(entry, 'node-2')).toEqual(['TCP 172.30.1.1:80 → 10.0.0.3', 'TCP 192.0.2.1:80 → 10.0.0.2,10.0.0.3', 'TCP 0.0.0.0:30080 → 10.0.0.2,10.0.0.3']);
  expect(shown({ ...entry, externalLocal: true }, 'node-3')).toEqual([]);
  const idle = { ...serviceEntry(service({ ports: entry.ports.map(({ name, port }) => ({ name, port, nodePort: 30_080, protocol: 'TCP' as const })) }, { 'idling.alpha.openshift.io/idled-at': 'x' }), []) };
  expect(shown({ ...idle, externalIPs: [] }, 'node-1')).toEqual(['TCP 172.30.1.1:80 → wait', 'TCP 0.0.0.0:30080 → wait']);
});
