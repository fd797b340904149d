import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { endpoints, events, pods, services, type Service } from '../../../../src/api/kinds/core.ts';
import { endpointSlices } from '../../../../src/api/kinds/cluster.ts';
import { systemClock } from '../../../../src/base/clock.ts';
import { Allocator } from '../../../../src/controlplane/service/allocator.ts';
import { formatIpv4, hostRange, parseIpv4 } from '../../../../src/api/ipv4.ts';
import { eventually } from '../../../support/eventually.ts';
import { manualClock } from '../../../support/manual-clock.ts';
import { startWorkloads, template, type WorkloadPlatform } from '../../../support/workload-platform.ts';

describe('addresses', () => {
  test('are numbers', () => {
    expect(formatIpv4(parseIpv4('172.30.1.255') ?? 0)).toBe('172.30.1.255');
    for (const wrong of ['1.2.3', '1.2.3.256', '1.2.3.04', 'a.b.c.d', '']) expect(parseIpv4(wrong)).toBeUndefined();
    expect(hostRange('10.0.0.0/30')).toEqual({ first: parseIpv4('10.0.0.1'), last: parseIpv4('10.0.0.2') });
    expect(() => hostRange('10.0.0.0')).toThrow('is no IPv4 network');
  });

  test('are given to one owner each until the range is full', () => {
    const allocator = new Allocator({ first: 1, last: 3 }, systemClock);
    const given = ['a', 'b', 'c'].map((key) => allocator.take(key));
    expect([...given].sort()).toEqual([1, 2, 3]);
    expect(allocator.take('d')).toBeUndefined();
    expect(allocator.take('a')).toBe(given[0]);
    expect(allocator.reserve(given[0] ?? 0, 'd')).toBe(false);
  });

  test('come back when the service goes or never came, not when another has them', async () => {
    const clock = manualClock();
    const allocator = new Allocator({ first: 1, last: 1 }, clock);
    allocator.take('a');
    expect(allocator.take('b')).toBeUndefined();
    await clock.advance(61_000);
    expect(allocator.take('b')).toBe(1);
    allocator.confirm(1, 'b', 'uid-b');
    await clock.advance(61_000);
    expect(allocator.take('c')).toBeUndefined();
    allocator.release(1, 'b', 'another');
    expect(allocator.take('c')).toBeUndefined();
    allocator.release(1, 'b', 'uid-b');
    expect(allocator.take('c')).toBe(1);
  });
});

const namespace = 'demo';
let platform: WorkloadPlatform;
beforeEach(async () => {
  platform = await startWorkloads();
});
afterEach(() => platform.dispose());

const object = (name: string, spec: Partial<Service['spec']>): Service => ({ apiVersion: 'v1', kind: 'Service', metadata: { name, namespace }, spec: { ports: [{ port: 80 }], ...spec } });
const create = (name: string, spec: Partial<Service['spec']> = {}) => platform.client.create(services, object(name, spec));
const refused = async (spec: Partial<Service['spec']>) => create('bad', spec).then(() => '', (error: Error) => error.message);
const patch = (name: string, spec: object) => platform.client.patch(services, { name, namespace }, 'merge', { spec });

describe('a service', () => {
  test('gets what it leaves out', async () => {
    const { spec, status } = await create('web');
    expect(spec).toEqual({
      type: 'ClusterIP', clusterIP: spec.clusterIP, clusterIPs: [spec.clusterIP], ipFamilies: ['IPv4'], ipFamilyPolicy: 'SingleStack', internalTrafficPolicy: 'Cluster',
      sessionAffinity: 'None', ports: [{ port: 80, targetPort: 80, protocol: 'TCP' }],
    });
    expect(status).toEqual({ loadBalancer: {} });
    expect(spec.clusterIP).toMatch(/^172\.30\./);
  });

  test('has an address of its own, kept through changes, given back at its end', async () => {
    const made = await Promise.all(Array.from({ length: 50 }, (_, at) => create(`s${at}`)));
    const addresses = made.map(({ spec }) => spec.clusterIP);
    expect(new Set(addresses).size).toBe(50);
    await platform.client.update(services, object('s0', { ports: [{ port: 81 }] }));
    expect((await platform.client.get(services, { name: 's0', namespace })).spec.clusterIP).toBe(addresses[0]);
    await expect(patch('s0', { clusterIP: '172.30.9.9', clusterIPs: ['172.30.9.9'] })).rejects.toThrow('may not change once set');
    await platform.client.delete(services, { name: 's0', namespace });
    await eventually(() => create('again', { clusterIP: addresses[0] as string }).then(({ spec }) => spec.clusterIP, () => '')).toBe(addresses[0]);
  });

  test('may ask for an address that is free and in range', async () => {
    expect((await create('web', { clusterIP: '172.30.0.77' })).spec.clusterIP).toBe('172.30.0.77');
    expect(await refused({ clusterIP: '172.30.0.77' })).toContain('provided IP is already allocated');
    expect(await refused({ clusterIP: '172.30.0.1' })).toContain('provided IP is already allocated');
    expect(await refused({ clusterIP: '10.0.0.1' })).toContain('is not in the valid range');
    expect(await refused({ clusterIP: 'x' })).toContain('must be a valid IP address');
    expect((await create('headless', { clusterIP: 'None' })).spec.clusterIPs).toEqual(['None']);
  });

  test('of type NodePort and LoadBalancer has node ports, kept and given back', async () => {
    const made = await create('np', { type: 'NodePort', ports: [{ name: 'a', port: 80 }, { name: 'b', port: 81, nodePort: 30_080 }] });
    const [a, b] = made.spec.ports ?? [];
    expect(a?.nodePort).toBeGreaterThanOrEqual(30_000);
    expect(b?.nodePort).toBe(30_080);
    expect(made.spec.externalTrafficPolicy).toBe('Cluster');
    expect(await refused({ type: 'NodePort', ports: [{ port: 80, nodePort: 30_080 }] })).toContain('provided port is already allocated');
    expect(await refused({ type: 'NodePort', ports: [{ port: 80, nodePort: 80 }] })).toContain('The range of valid ports is 30000-32767');
    await platform.client.update(services, object('np', { type: 'NodePort', ports: [{ name: 'a', port: 80 }] }));
    expect((await platform.client.get(services, { name: 'np', namespace })).spec.ports?.[0]?.nodePort).toBe(a?.nodePort);
    await eventually(() => create('next', { type: 'LoadBalancer', ports: [{ port: 80, nodePort: 30_080 }] }).then(() => 'made', () => 'taken')).toBe('made');
    await patch('next', { type: 'ClusterIP' });
    expect((await platform.client.get(services, { name: 'next', namespace })).spec.ports?.[0]?.nodePort).toBeUndefined();
  });

  test('of type ExternalName has no address', async () => {
    const { spec } = await create('ext', { type: 'ExternalName', externalName: 'example.test', ports: undefined as never });
    expect(spec.clusterIP).toBeUndefined();
    expect(await refused({ type: 'ExternalName' })).toContain('spec.externalName: Required value');
  });

  test('is refused with the words of the real server', async () => {
    expect(await refused({ ports: [] })).toBe('Service "bad" is invalid: spec.ports: Required value');
    expect(await refused({ ports: [{ port: 80 }, { port: 80 }] })).toContain('spec.ports[0].name: Required value');
    expect(await refused({ ports: [{ name: 'a', port: 80 }, { name: 'a', port: 81 }] })).toContain('spec.ports[1].name: Duplicate value: "a"');
    expect(await refused({ ports: [{ name: 'a', port: 80 }, { name: 'b', port: 80 }] })).toContain('spec.ports[1]: Duplicate value');
    expect(await refused({ ports: [{ port: 99_999 }] })).toContain('must be between 1 and 65535, inclusive');
    expect(await refused({ ports: [{ port: 80, targetPort: 'not a name' }] })).toContain('must contain only alpha-numeric characters');
    await expect(platform.client.create(services, object('1web', {}))).rejects.toThrow('metadata.name');
  });

  test.each<[Partial<Service['spec']>, string]>([
    [{ type: 'Other' as never }, 'spec.type: Unsupported value: "Other": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"'],
    [{ sessionAffinity: 'Cookie' as never }, 'spec.sessionAffinity: Unsupported value: "Cookie"'],
    [{ sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: 86_401 } } }, 'must be greater than 0 and less than 86400'],
    [{ externalTrafficPolicy: 'Local' }, 'spec.externalTrafficPolicy: Invalid value: "Local": may only be set for externally-accessible services'],
    [{ internalTrafficPolicy: 'Near' as never }, 'spec.internalTrafficPolicy: Unsupported value'],
    [{ ipFamilyPolicy: 'RequireDualStack' }, 'this cluster is not configured for dual-stack services'],
    [{ ipFamilies: ['IPv6'] }, 'spec.ipFamilies[0]: Invalid value: "IPv6": not configured on this cluster'],
    [{ clusterIP: 'fd00::1' }, 'spec.clusterIPs[0]: Invalid value: ["fd00::1"]: may not use IPv6 on a cluster which is not configured for it'],
    [{ clusterIPs: ['172.30.9.9', 'fd00::1'], ipFamilyPolicy: 'PreferDualStack' }, 'spec.clusterIPs[1]: Invalid value: ["172.30.9.9","fd00::1"]: may not use IPv6 on a cluster which is not configured for it'],
    [{ externalIPs: ['fd00::1'] }, 'spec.externalIPs[0]: Invalid value: "fd00::1": may not use IPv6 on a cluster which is not configured for it'],
    [{ healthCheckNodePort: 30_100 }, "spec.healthCheckNodePort: Invalid value: 30100: may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"],
    [{ type: 'LoadBalancer', externalTrafficPolicy: 'Local', healthCheckNodePort: 80 }, 'spec.healthCheckNodePort: Invalid value: 80: provided port is not in the valid range. The range of valid ports is 30000-32767'],
    [{ ports: [{ port: 80, protocol: 'DCCP' as never }] }, 'spec.ports[0].protocol: Unsupported value: "DCCP": supported values: "SCTP", "TCP", "UDP"'],
    [{ externalIPs: ['169.254.1.1'] }, 'may not be in the link-local range'],
    [{ loadBalancerSourceRanges: ['10.0.0.0/8'] }, "may only be used when `type` is 'LoadBalancer'"],
    [{ type: 'LoadBalancer', loadBalancerSourceRanges: ['all'] }, 'spec.loadBalancerSourceRanges[0]: Invalid value: "all": must be a valid CIDR value'],
    [{ ports: [{ port: 80, appProtocol: 'not a name' }] }, 'spec.ports[0].appProtocol: Invalid value'],
  ])('with %j is refused', async (spec, text) => {
    expect(await refused(spec)).toContain(text);
  });

  test('of both families where there is one has that one; ports of SCTP are kept, and told to lead nowhere', async () => {
    const { spec } = await create('both', { ipFamilyPolicy: 'PreferDualStack', ports: [{ name: 'diameter', port: 3_868, protocol: 'SCTP' }, { name: 'web', port: 80 }] });
    expect(spec).toMatchObject({ ipFamilyPolicy: 'PreferDualStack', ipFamilies: ['IPv4'], clusterIPs: [spec.clusterIP], ports: [{ protocol: 'SCTP' }, { protocol: 'TCP' }] });
    const told = async () => (await platform.client.list(events, { namespace })).items.filter(({ involvedObject }) => involvedObject.name === 'both').map(({ reason, message }) => `${reason}: ${message}`);
    await eventually(told).toEqual(['UnsupportedProtocol: Port diameter leads nowhere: SCTP is not carried here, only TCP and UDP are']);
    expect((await create('sources', { type: 'LoadBalancer', loadBalancerSourceRanges: ['127.0.0.0/8', '::/0'] })).spec.loadBalancerSourceRanges).toHaveLength(2);
  });

  test('whose traffic stays on its node has a port for health checks, kept and given back', async () => {
    const { spec } = await create('local', { type: 'LoadBalancer', externalTrafficPolicy: 'Local', healthCheckNodePort: 30_110 });
    expect(spec.healthCheckNodePort).toBe(30_110);
    expect(await refused({ type: 'LoadBalancer', externalTrafficPolicy: 'Local', healthCheckNodePort: 30_110 })).toContain('spec.healthCheckNodePort: Invalid value: 30110: provided port is already allocated');
    await expect(patch('local', { healthCheckNodePort: 30_111 })).rejects.toThrow('field is immutable');
    await platform.client.update(services, object('local', { type: 'LoadBalancer', externalTrafficPolicy: 'Local' }));
    expect((await platform.client.get(services, { name: 'local', namespace })).spec.healthCheckNodePort).toBe(30_110);
    expect((await patch('local', { externalTrafficPolicy: 'Cluster' })).spec.healthCheckNodePort).toBeUndefined();
    await eventually(() => create('heir', { type: 'LoadBalancer', externalTrafficPolicy: 'Local', healthCheckNodePort: 30_110 }).then(() => 'free', () => 'held')).toBe('free');
    expect((await create('any', { type: 'LoadBalancer', externalTrafficPolicy: 'Local' })).spec.healthCheckNodePort).toBeGreaterThanOrEqual(30_000);
  });

  test('gives what its type had back when it changes, and takes what the new one needs', async () => {
    const { spec: first } = await create('web', { type: 'LoadBalancer', externalTrafficPolicy: 'Local', loadBalancerSourceRanges: ['127.0.0.0/8'], ports: [{ port: 80, nodePort: 30_090 }] });
    const { spec: inside } = await patch('web', { type: 'ClusterIP' });
    expect(inside).toEqual({ type: 'ClusterIP', clusterIP: first.clusterIP, clusterIPs: [first.clusterIP], ipFamilies: ['IPv4'], ipFamilyPolicy: 'SingleStack', internalTrafficPolicy: 'Cluster', sessionAffinity: 'None', ports: [{ port: 80, targetPort: 80, protocol: 'TCP' }] });
    await eventually(() => create('next', { type: 'NodePort', ports: [{ port: 80, nodePort: 30_090 }] }).then(() => 'free', () => 'held')).toBe('free');
    const { spec: outer } = await patch('web', { type: 'ExternalName', externalName: 'example.test' });
    expect([outer.clusterIP, outer.clusterIPs, outer.externalName]).toEqual([undefined, undefined, 'example.test']);
    await eventually(() => create('heir', { clusterIP: first.clusterIP! }).then(() => 'free', () => 'held')).toBe('free');
    const { spec: back } = await patch('web', { type: 'ClusterIP' });
    expect(back.externalName).toBeUndefined();
    expect(back.clusterIP).toMatch(/^172\.30\./);
  });

  test('prints as kubectl shows it', async () => {
    await create('np', { type: 'NodePort', clusterIP: '172.30.0.80', ports: [{ port: 80, nodePort: 30_080 }] });
    await create('lb', { type: 'LoadBalancer', clusterIP: '172.30.0.81', allocateLoadBalancerNodePorts: false });
    await create('ext', { type: 'ExternalName', externalName: 'example.test', ports: undefined as never });
    expect(await platform.table('/api/v1/namespaces/demo/services')).toEqual({
      columns: ['Name', 'Type', 'Cluster-IP', 'External-IP', 'Port(s)'],
      rows: [['ext', 'ExternalName', '<none>', 'example.test', '<none>'], ['lb', 'LoadBalancer', '172.30.0.81', '<pending>', '80/TCP'], ['np', 'NodePort', '172.30.0.80', '<none>', '80:30080/TCP']],
    });
  });
});

describe('the endpoints controller', () => {
  const pod = (name: string) => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace, labels: { app: 'web' } }, spec: template().spec });
  const addresses = async () => (await platform.client.get(endpoints, { name: 'web', namespace })).subsets?.flatMap((subset) => subset.addresses?.map(({ ip }) => ip) ?? []) ?? [];
  const slices = async () => (await platform.client.list(endpointSlices, { namespace, labelSelector: 'kubernetes.io/service-name=web' })).items;

  test('follows pods as they come, change and go', async () => {
    await create('web', { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 8080 }] });
    await eventually(addresses).toEqual([]);
    await platform.client.create(pods, pod('a') as never);
    await eventually(addresses).toEqual(['10.128.0.2']);
    await platform.client.create(pods, pod('b') as never);
    await eventually(addresses).toEqual(['10.128.0.2', '10.128.0.3']);
    await eventually(async () => (await slices()).map((slice) => slice.endpoints.length)).toEqual([2]);
    await platform.client.patch(pods, { name: 'a', namespace }, 'merge', { metadata: { labels: { app: 'other' } } });
    await eventually(addresses).toEqual(['10.128.0.3']);
    await platform.client.delete(pods, { name: 'b', namespace });
    await eventually(addresses).toEqual([]);
    await eventually(() => platform.story('web')).toEqual(['EndpointsReady', 'NoEndpoints']);
    await platform.client.delete(services, { name: 'web', namespace });
    await eventually(slices).toEqual([]);
    await eventually(() => addresses().then(() => 'there', () => 'gone')).toBe('gone');
  });

  test('repairs what somebody else changed', async () => {
    await create('web', { selector: { app: 'web' }, ports: [{ port: 80, targetPort: 8080 }] });
    await platform.client.create(pods, pod('a') as never);
    await eventually(addresses).toEqual(['10.128.0.2']);
    await platform.client.patch(endpoints, { name: 'web', namespace }, 'merge', { subsets: null });
    await eventually(addresses).toEqual(['10.128.0.2']);
    for (const { metadata } of await slices()) await platform.client.delete(endpointSlices, { name: metadata.name, namespace });
    await eventually(async () => (await slices()).length).toBe(1);
  });

  test('mirrors endpoints written by hand', async () => {
    await create('web', { ports: [{ port: 5432 }] });
    await platform.client.create(endpoints, { apiVersion: 'v1', kind: 'Endpoints', metadata: { name: 'web', namespace }, subsets: [{ addresses: [{ ip: '10.0.0.9' }], ports: [{ port: 5432 }] }] } as never);
    await eventually(async () => (await slices()).flatMap((slice) => slice.endpoints.flatMap((one) => one.addresses))).toEqual(['10.0.0.9']);
  });

  test('the platform\'s own services are there', async () => {
    const { items } = await platform.client.list(services, { namespace: 'default' });
    expect(items.map(({ metadata, spec }) => [metadata.name, spec.clusterIP, spec.ports?.map(({ port }) => port)])).toEqual([
      ['docker-registry', '172.30.0.5', [5000]], ['kubernetes', '172.30.0.1', [443]], ['router', '172.30.0.6', [80, 443]],
    ]);
  });
});
