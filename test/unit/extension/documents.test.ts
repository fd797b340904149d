import { describe as group, expect, test } from 'vitest';
import { pods, namespaces, type Event, type Pod } from '../../../src/api/kinds/core.ts';
import { routes } from '../../../src/api/kinds/route.ts';
import type { KubeObject } from '../../../src/api/meta.ts';
import { clusterKey } from '../../../src/extension/connections/cluster.ts';
import { describe } from '../../../src/extension/documents/describe.ts';
import { parseObject, textOf } from '../../../src/extension/documents/object-text.ts';
import { describeUri, parseObjectUri, yamlUri } from '../../../src/extension/documents/object-uri.ts';

group('addresses', () => {
  test.each([
    ['slipway', pods, 'shop', 'web-1-abcde'],
    ['default/api.example:6443/me', routes, 'shop', 'web'],
    ['100%/x', namespaces, undefined, 'shop'],
  ])('lead back to %s %s', (cluster, resource, namespace, name) => {
    for (const make of [yamlUri, describeUri]) expect(parseObjectUri(make(cluster, resource, { namespace, name }))).toEqual({ cluster, resource, namespace, name });
  });

  test.each(['/slipway/shop/nonsense/x.yaml', '/slipway/shop/pods', '/', '/a/b/pods/c.yaml/d'])('of nothing we know are refused: %s', (path) => expect(parseObjectUri({ path })).toBeUndefined());

  test('never take a context for the embedded platform', () => {
    expect(new Set([clusterKey({ type: 'embedded' }), clusterKey({ type: 'context', name: 'slipway' }), clusterKey({ type: 'context', name: clusterKey({ type: 'embedded' }) })]).size).toBe(3);
  });
});

group('YAML of an object', () => {
  test('has the status last and no managed fields, and is read back', () => {
    const pod = { apiVersion: 'v1', kind: 'Pod', status: { phase: 'Running' }, metadata: { name: 'a', managedFields: [{ manager: 'x' }] }, spec: { containers: [] } } as unknown as KubeObject;
    const text = textOf(pod);
    expect(text).not.toContain('managedFields');
    expect(text.indexOf('status:')).toBeGreaterThan(text.indexOf('spec:'));
    expect(parseObject(text)).toMatchObject({ kind: 'Pod', metadata: { name: 'a' } });
    expect(parseObject('just: words')).toBeUndefined();
    expect(() => parseObject('a: [')).toThrow();
  });
});

group('a description', () => {
  const now = new Date('2026-01-01T01:00:00Z');
  const pod = {
    apiVersion: 'v1', kind: 'Pod',
    metadata: { name: 'web-1-abcde', namespace: 'shop', uid: 'u', creationTimestamp: '2026-01-01T00:00:00Z', labels: { app: 'web' }, annotations: { long: 'x'.repeat(500) }, ownerReferences: [{ apiVersion: 'v1', kind: 'ReplicationController', name: 'web-1', uid: 'r', controller: true }] },
    spec: { nodeName: 'node-1', containers: [{ name: 'web', image: 'web:latest', ports: [{ containerPort: 8080 }], env: [{ name: 'PLAIN', value: 'yes' }, { name: 'PASSWORD', valueFrom: { secretKeyRef: { name: 'db', key: 'password' } } }] }] },
    status: { phase: 'Running', podIP: '10.128.0.4', conditions: [{ type: 'Ready', status: 'False', reason: 'ContainersNotReady' }], containerStatuses: [{ name: 'web', ready: false, restartCount: 2, image: '', imageID: '', lastState: { terminated: { exitCode: 137, reason: 'OOMKilled' } }, state: { waiting: { reason: 'CrashLoopBackOff', message: 'back-off' } } }] },
  } as unknown as Pod;
  const event = (reason: string, lastTimestamp: string) => ({ apiVersion: 'v1', kind: 'Event', metadata: { name: reason }, involvedObject: { uid: 'u' }, type: 'Normal', reason, message: `${reason} happened`, count: 3, lastTimestamp }) as unknown as Event;

  test('of a pod tells what one wants to know, events in order', () => {
    const text = describe(pod, [event('Started', '2026-01-01T00:50:00Z'), event('Scheduled', '2026-01-01T00:10:00Z')], now);
    expect(text).toMatch(/Controlled By: +ReplicationController\/web-1/);
    expect(text).toMatch(/State: +Waiting, CrashLoopBackOff: back-off/);
    expect(text).toMatch(/Last State: +Terminated, OOMKilled, exit code 137/);
    expect(text).toMatch(/PLAIN: yes\n +PASSWORD: from secret db\/password/);
    expect(text).toMatch(/Ready +False +ContainersNotReady/);
    expect(text.indexOf('Scheduled happened')).toBeLessThan(text.indexOf('Started happened'));
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThan(200);
  });

  test('of anything else shows its spec and status, and says that there are no events', () => {
    const route = { apiVersion: 'route.openshift.io/v1', kind: 'Route', metadata: { name: 'web' }, spec: { host: 'web.example' }, status: { ingress: [] } } as unknown as KubeObject;
    expect(describe(route, [], now)).toMatch(/Spec:\n {2}host: web\.example\n\nStatus:\n {2}ingress: \[\]\n\nEvents: <none>\n$/);
  });
});
