import net from 'node:net';
import { describe, expect, test } from 'vitest';
import type { Pod, Service } from '../../../src/api/kinds/core.ts';
import { presentForward } from '../../../src/extension/explorer/presenters/forward.ts';
import { successorsOf, targetOf, type ForwardSubject } from '../../../src/extension/forwards/forward-plan.ts';
import { freePortFrom, isFree, listenFrom } from '../../../src/extension/forwards/free-port.ts';
import { portIn, portsOfContainers, portsOfService, proposedPort } from '../../../src/extension/forwards/port-choices.ts';
import { say } from './say.ts';

interface Made {
  labels?: Record<string, string>;
  ready?: boolean;
  phase?: string;
  deleted?: boolean;
  created?: string;
}

const pod = (name: string, { labels = { app: 'web' }, ready = true, phase = 'Running', deleted = false, created = '2026-01-01T00:00:00Z' }: Made = {}) => ({
  kind: 'Pod', metadata: { name, namespace: 'shop', labels, creationTimestamp: created, ...(deleted && { deletionTimestamp: created }) },
  spec: { containers: [{ name: 'web', ports: [{ containerPort: 3000, name: 'http' }] }] },
  status: { phase, conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
}) as unknown as Pod;
const web: ForwardSubject = { namespace: 'shop', kind: 'Deployment', name: 'web', port: 3000, target: 3000, selector: { app: 'web' } };
const service = (selector: Record<string, string>, ports: object[] = [{ port: 80, targetPort: 'http' }]) => ({ kind: 'Service', metadata: { name: 'web' }, spec: { selector, ports } }) as unknown as Service;
const ofService: ForwardSubject = { namespace: 'shop', kind: 'Service', name: 'web', port: 80, target: 80, selector: {} };

describe('the pod a forward leads to', () => {
  test.each<[string, Pod[], string | undefined, string | undefined]>([
    ['is one that is ready', [pod('a', { ready: false }), pod('b')], undefined, 'b'],
    ['stays the same while it serves', [pod('a'), pod('b', { created: '2026-01-02T00:00:00Z' })], 'a', 'a'],
    ['is the newest when the old one goes', [pod('a', { deleted: true }), pod('b'), pod('c', { created: '2026-01-02T00:00:00Z' })], 'a', 'c'],
    ['leaves one that is no longer ready', [pod('a', { ready: false }), pod('b')], 'a', 'b'],
    ['may not be ready if none is', [pod('a', { ready: false })], undefined, 'a'],
    ['runs', [pod('a', { phase: 'Pending' }), pod('b', { phase: 'Succeeded' })], undefined, undefined],
    ['has its labels', [pod('a', { labels: { app: 'db' } })], undefined, undefined],
    ['is no deployer', [pod('a', { labels: { app: 'web', 'openshift.io/deployer-pod-for.name': 'web-1' } })], undefined, undefined],
  ])('%s', (_, pods, current, expected) => expect(targetOf(web, { pods, services: [] }, current).pod).toBe(expected));

  test('follows a service to its pods, by its port\'s name there, and when its selector changes', () => {
    const pods = [pod('blue', { labels: { colour: 'blue' } }), pod('green', { labels: { colour: 'green' } })];
    expect(targetOf(ofService, { pods, services: [service({ colour: 'blue' })] }, undefined)).toEqual({ pod: 'blue', port: 3000 });
    expect(targetOf(ofService, { pods, services: [service({ colour: 'green' })] }, 'blue')).toEqual({ pod: 'green', port: 3000 });
    expect(targetOf(ofService, { pods, services: [] }, 'blue')).toEqual({ why: 'NoService' });
    expect(targetOf(ofService, { pods, services: [service({ colour: 'blue' }, [{ port: 80, targetPort: 'admin' }])] }, undefined)).toEqual({ why: 'NoPort' });
  });

  test('that was asked for by name is followed to its successor of the next revision', () => {
    const first = pod('web-1-abcde', { labels: { app: 'web', deployment: 'web-1', deploymentconfig: 'web' } });
    first.metadata.ownerReferences = [{ apiVersion: 'v1', kind: 'ReplicationController', name: 'web-1', uid: '1', controller: true }];
    expect(successorsOf(first)).toEqual({ app: 'web', deploymentconfig: 'web' });
    expect(successorsOf(pod('loner'))).toEqual({});
    const subject: ForwardSubject = { ...web, kind: 'Pod', name: 'web-1-abcde', selector: successorsOf(first) };
    const next = pod('web-2-fghij', { labels: { app: 'web', deployment: 'web-2', deploymentconfig: 'web' } });
    expect(targetOf(subject, { pods: [next, first], services: [] }, undefined).pod).toBe('web-1-abcde');
    expect(targetOf(subject, { pods: [next], services: [] }, 'web-1-abcde').pod).toBe('web-2-fghij');
    expect(targetOf({ ...subject, selector: {} }, { pods: [next], services: [] }, 'web-1-abcde').pod).toBeUndefined();
  });
});

describe('ports', () => {
  test('are those of the service, or of the containers; UDP cannot be forwarded', () => {
    expect(portsOfService(service({}, [{ port: 80, targetPort: 8080, name: 'http' }, { port: 53, protocol: 'UDP' }]))).toEqual([{ port: 80, target: 8080, name: 'http' }]);
    expect(portsOfContainers([{ name: 'a', ports: [{ containerPort: 1 }] }, { name: 'b' }] as never)).toEqual([{ port: 1, target: 1, name: undefined, container: 'a' }]);
  });

  test('of this machine are such that a user may listen on', () => {
    expect([80, 443, 8080].map(proposedPort)).toEqual([8080, 8443, 8080]);
    expect(['80', '8080', '70000', 'x', ''].map(portIn)).toEqual([undefined, 8080, undefined, undefined, undefined]);
  });

  test('that are taken are passed over', async () => {
    const server = net.createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as net.AddressInfo;
    expect(await isFree(port)).toBe(false);
    expect(await freePortFrom(port)).not.toBe(port);
    await new Promise((resolve) => server.close(resolve));
  });

  test('are free to several who ask at once', async () => {
    const port = await freePortFrom(20_000);
    expect(await Promise.all([isFree(port), isFree(port), freePortFrom(port), isFree(port)])).toEqual([true, true, port, true]);
  });

  test('that somebody takes at the last moment are passed over, too', async () => {
    const asked: number[] = [];
    const from = (code: string, left: number) => listenFrom(20_000, (port) => (asked.push(port), asked.length <= left ? Promise.reject(Object.assign(new Error(code), { code })) : Promise.resolve()));
    await from('EADDRINUSE', 2);
    await expect(from('EACCES', 4)).rejects.toThrow('EACCES');
    expect(asked).toEqual([20_000, 20_001, 20_002, 20_000]);
  });
});

test.each([
  [{ type: 'open' as const, pod: 'web-1' }, undefined, { description: 'web:3000', icon: 'arrow-swap', accessibility: 'Port forward localhost:3000 to web:3000, web-1' }],
  [{ type: 'open' as const, pod: 'web-1' }, 'connection refused', { description: 'web:3000 · no answer', icon: 'warning' }],
  [{ type: 'waiting' as const, why: 'NoPod' as const }, undefined, { description: 'web:3000 · waiting for a pod', icon: 'sync~spin' }],
  [{ type: 'waiting' as const, why: 'NoService' as const }, undefined, { description: 'web:3000 · Deployment "web" is gone' }],
])('a forward that is %o shows itself', (state, problem, shown) =>
  expect(presentForward({ cluster: 'Slipway', subject: web, localPort: 3000, state, problem }, say)).toMatchObject({ label: 'localhost:3000', contextValue: 'forward', ...shown }));
