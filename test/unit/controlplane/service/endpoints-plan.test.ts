import { describe, expect, test } from 'vitest';
import type { Pod, Service } from '../../../../src/api/kinds/core.ts';
import { planEndpoints, planMirror } from '../../../../src/controlplane/service/endpoints-plan.ts';
import { formatEndpoints } from '../../../../src/controlplane/service/endpoints.ts';

const service = (spec: Partial<Service['spec']> = {}): Service => ({
  apiVersion: 'v1', kind: 'Service', metadata: { name: 'web', namespace: 'demo', uid: 's1', labels: { app: 'web' } },
  spec: { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 8080, protocol: 'TCP' }], ...spec },
});

interface PodShape { ip?: string; ready?: boolean; phase?: string; leaving?: boolean; labels?: Record<string, string>; portMap?: Record<string, number>; portName?: string; spec?: Partial<Pod['spec']> }
const pod = (name: string, { ip = '10.128.0.2', ready = true, phase = 'Running', leaving = false, labels = { app: 'web' }, portMap, portName = 'http', spec }: PodShape = {}): Pod => ({
  apiVersion: 'v1', kind: 'Pod',
  metadata: {
    name, namespace: 'demo', uid: `uid-${name}`, labels, ...(leaving && { deletionTimestamp: '2026-01-01T00:00:00Z' }),
    ...(portMap && { annotations: { 'slipway.dev/port-map': JSON.stringify(portMap) } }),
  },
  spec: { nodeName: 'node-1', containers: [{ name: 'c', ports: [{ name: portName, containerPort: 8080 }] }], ...spec },
  status: { phase: phase as 'Running', ...(ip && { podIP: ip }), conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
});
const subsets = (spec: Partial<Service['spec']>, ...pods: Pod[]) => planEndpoints(service(spec), pods)?.endpoints.subsets;
const conditions = (spec: Partial<Service['spec']>, ...pods: Pod[]) => planEndpoints(service(spec), pods)?.slices.flatMap(({ endpoints }) => endpoints.map((one) => [one.addresses[0], one.conditions]));

describe('endpoints of a service', () => {
  test('are its ready pods, the others beside them', () => {
    expect(subsets({}, pod('b', { ip: '10.128.0.3' }), pod('a'), pod('c', { ip: '10.128.0.4', ready: false }))).toEqual([
      {
        addresses: [
          { ip: '10.128.0.2', nodeName: 'node-1', targetRef: { kind: 'Pod', namespace: 'demo', name: 'a', uid: 'uid-a' } },
          { ip: '10.128.0.3', nodeName: 'node-1', targetRef: { kind: 'Pod', namespace: 'demo', name: 'b', uid: 'uid-b' } },
        ],
        notReadyAddresses: [{ ip: '10.128.0.4', nodeName: 'node-1', targetRef: { kind: 'Pod', namespace: 'demo', name: 'c', uid: 'uid-c' } }],
        ports: [{ port: 8080, protocol: 'TCP' }],
      },
    ]);
  });

  test('leave out pods without address, finished, leaving or of others', () => {
    expect(subsets({}, pod('a', { ip: '' }), pod('b', { phase: 'Succeeded' }), pod('c', { leaving: true }), pod('d', { labels: { app: 'other' } }))).toBeUndefined();
    expect(conditions({}, pod('c', { leaving: true }))).toEqual([['10.128.0.2', { ready: false, serving: true, terminating: true }]]);
  });

  test('publish what is not ready where asked', () => {
    expect(subsets({ publishNotReadyAddresses: true }, pod('a', { ready: false }))?.[0]?.addresses).toHaveLength(1);
    expect(conditions({ publishNotReadyAddresses: true }, pod('a', { ready: false }))).toEqual([['10.128.0.2', { ready: true, serving: false, terminating: false }]]);
  });

  test('find named ports, pod by pod', () => {
    const spec = { ports: [{ name: 'web', port: 80, targetPort: 'http', protocol: 'TCP' as const }] };
    const other = pod('b', { ip: '10.128.0.3', spec: { containers: [{ name: 'c', ports: [{ name: 'http', containerPort: 9090 }] }] } });
    expect(subsets(spec, pod('a'), other, pod('c', { ip: '10.128.0.4', portName: 'admin' }))?.map(({ addresses, ports }) => [addresses?.map(({ ip }) => ip), ports])).toEqual([
      [['10.128.0.2'], [{ name: 'web', port: 8080, protocol: 'TCP' }]], [['10.128.0.3'], [{ name: 'web', port: 9090, protocol: 'TCP' }]],
    ]);
  });

  test('follow the port map of pods without a network of their own: one subset a port', () => {
    const plan = planEndpoints(service(), [pod('a', { ip: '127.0.0.1', portMap: { 8080: 40_001 } }), pod('b', { ip: '127.0.0.1', portMap: { 8080: 40_002 } }), pod('c', { ip: '127.0.0.1', portMap: {} })]);
    expect(plan?.endpoints.subsets?.map(({ addresses, ports }) => [addresses?.map(({ ip }) => ip), ports?.[0]?.port])).toEqual([[['127.0.0.1'], 40_001], [['127.0.0.1'], 40_002]]);
    expect(formatEndpoints(plan?.endpoints as never)).toBe('127.0.0.1:40001,127.0.0.1:40002');
    expect(new Set(plan?.slices.map(({ metadata }) => metadata.name)).size).toBe(2);
  });

  test('of headless services carry host names, and need no ports', () => {
    const spec = { clusterIP: 'None', ports: undefined as never };
    expect(subsets(spec, pod('a', { spec: { hostname: 'a', subdomain: 'web' } }))).toEqual([{ addresses: [expect.objectContaining({ ip: '10.128.0.2', hostname: 'a' })] }]);
    expect(planEndpoints(service(spec), [pod('a')])?.slices[0]?.metadata.labels).toMatchObject({ 'service.kubernetes.io/headless': '', 'kubernetes.io/service-name': 'web', app: 'web' });
  });

  test('come in slices of a hundred that keep their names', () => {
    const pods = Array.from({ length: 101 }, (_, at) => pod(`p${at}`, { ip: `10.128.1.${at}` }));
    const before = planEndpoints(service(), pods)?.slices ?? [];
    expect(before.map(({ endpoints }) => endpoints.length)).toEqual([100, 1]);
    expect(planEndpoints(service(), pods.slice(1))?.slices.map(({ metadata }) => metadata.name)).toEqual([before[0]?.metadata.name]);
    expect(before[0]?.metadata.ownerReferences?.[0]).toMatchObject({ kind: 'Service', name: 'web', controller: true });
  });

  test('are nobody\'s without a selector, unless written by hand', () => {
    expect(planEndpoints(service({ selector: {} }), [pod('a')])).toBeUndefined();
    expect(planEndpoints(service({ type: 'ExternalName' }), [pod('a')])).toBeUndefined();
    const [slice] = planMirror(service({ selector: undefined as never }), { apiVersion: 'v1', kind: 'Endpoints', metadata: { name: 'web', namespace: 'demo' }, subsets: [{ addresses: [{ ip: '10.0.0.9' }], ports: [{ port: 5432 }] }] });
    expect(slice).toMatchObject({ endpoints: [{ addresses: ['10.0.0.9'], conditions: { ready: true } }], ports: [{ name: '', port: 5432, protocol: 'TCP' }] });
  });
});
