import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pods, type Pod } from '../../../../src/api/kinds/core.ts';
import type { StatusError } from '../../../../src/api/status.ts';
import { smallPlatform, type SmallPlatform } from '../../../support/agent/small-platform.ts';

let platform: SmallPlatform;
beforeAll(async () => {
  platform = await smallPlatform();
  await platform.project('demo');
});
afterAll(() => platform.dispose());

const refused = (promise: Promise<unknown>): Promise<StatusError['status']> => promise.then(() => { throw new Error('was accepted'); }, (error: StatusError) => error.status);
const unplaced = { schedulerName: 'nobody' };
const bind = (name: string, node: string) => platform.client.create(pods, { apiVersion: 'v1', kind: 'Binding', metadata: { name }, target: { kind: 'Node', name: node } } as never, { namespace: 'demo', name, subresource: 'binding' });

describe('a new pod', () => {
  test('gets the real server\'s defaults', async () => {
    const { spec, status } = await platform.run('demo', 'defaults', {
      ...unplaced,
      containers: [{ name: 'web', image: 'app', resources: { limits: { cpu: '1' } }, ports: [{ containerPort: 80 }], livenessProbe: { httpGet: { port: 80 } } }, { name: 'fixed', image: 'registry:5000/app@sha256:00' }],
      volumes: [{ name: 'scratch' }, { name: 'settings', configMap: { name: 'settings' } }],
    });
    expect(spec).toMatchObject({
      restartPolicy: 'Always', dnsPolicy: 'ClusterFirst', terminationGracePeriodSeconds: 30, securityContext: {}, enableServiceLinks: true, priority: 0, preemptionPolicy: 'PreemptLowerPriority',
      serviceAccountName: 'default', serviceAccount: 'default',
      tolerations: [
        { key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 },
        { key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 },
        { key: 'node.kubernetes.io/memory-pressure', operator: 'Exists', effect: 'NoSchedule' },
      ],
      volumes: [{ name: 'scratch', emptyDir: {} }, { name: 'settings', configMap: { defaultMode: 420 } }, { name: expect.stringMatching(/^kube-api-access-[a-z0-9]{5}$/) as string }],
    });
    expect(spec.containers[0]).toMatchObject({
      imagePullPolicy: 'Always', terminationMessagePath: '/dev/termination-log', terminationMessagePolicy: 'File', ports: [{ containerPort: 80, protocol: 'TCP' }],
      resources: { limits: { cpu: '1' }, requests: { cpu: '1' } },
      livenessProbe: { httpGet: { path: '/', port: 80, scheme: 'HTTP' }, timeoutSeconds: 1, periodSeconds: 10, successThreshold: 1, failureThreshold: 3 },
    });
    expect(spec.containers[1]?.imagePullPolicy).toBe('IfNotPresent');
    expect(status).toMatchObject({ phase: 'Pending', qosClass: 'Burstable' });
  });

  test('may do without a token', async () => {
    const { spec } = await platform.run('demo', 'tokenless', { ...unplaced, automountServiceAccountToken: false });
    expect([spec.volumes, spec.containers[0]?.volumeMounts]).toEqual([undefined, undefined]);
  });

  test.each<[string, Partial<Pod['spec']>, string]>([
    ['a name that is no label', { containers: [{ name: 'A_b', image: 'a' }] }, 'spec.containers[0].name: Invalid value: "A_b": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or \'-\', and must start and end with an alphanumeric character (e.g. \'my-name\',  or \'123-abc\', regex used for validation is \'[a-z0-9]([-a-z0-9]*[a-z0-9])?\')'],
    ['the same name twice', { containers: [{ name: 'a', image: 'a' }, { name: 'a', image: 'a' }] }, 'spec.containers[1].name: Duplicate value: "a"'],
    ['no image', { containers: [{ name: 'a' }] }, 'spec.containers[0].image: Required value'],
    ['a port out of range', { containers: [{ name: 'a', image: 'a', ports: [{ containerPort: 70000 }] }] }, 'spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive'],
    ['a mount without volume', { containers: [{ name: 'a', image: 'a', volumeMounts: [{ name: 'v', mountPath: '/v' }] }] }, 'spec.containers[0].volumeMounts[0].name: Not found: "v"'],
    ['more requested than allowed', { containers: [{ name: 'a', image: 'a', resources: { limits: { cpu: '1' }, requests: { cpu: '2' } } }] }, 'spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1'],
    ['a probe without action', { containers: [{ name: 'a', image: 'a', livenessProbe: {} }] }, 'spec.containers[0].livenessProbe: Required value: must specify a handler type'],
    ['a hook on an init container', { initContainers: [{ name: 'i', image: 'a', lifecycle: { preStop: { exec: { command: ['a'] } } } }] }, 'spec.initContainers[0].lifecycle: Forbidden: may not be set for init containers without restartPolicy=Always'],
  ])('with %s is refused', async (_name, spec, message) => {
    expect((await refused(platform.run('demo', 'bad', { ...unplaced, ...spec }))).message).toBe(`Pod "bad" is invalid: ${message}`);
  });

  test('of an unknown account or priority is forbidden', async () => {
    expect(await refused(platform.run('demo', 'bad', { serviceAccountName: 'ghost' }))).toMatchObject({ code: 403, message: 'pods "bad" is forbidden: error looking up service account demo/ghost: serviceaccount "ghost" not found' });
    expect(await refused(platform.run('demo', 'bad', { priorityClassName: 'high' }))).toMatchObject({ code: 403, message: 'pods "bad" is forbidden: no PriorityClass with name high was found' });
  });
});

describe('a pod that exists', () => {
  test('changes in nothing but its image, deadline and tolerations', async () => {
    await platform.run('demo', 'fixed', unplaced);
    const patch = (spec: object) => platform.client.patch(pods, { namespace: 'demo', name: 'fixed' }, 'strategic', { spec });
    expect((await patch({ containers: [{ name: 'web', image: 'app:2' }], activeDeadlineSeconds: 60, tolerations: [{ key: 'a', operator: 'Exists' }] })).spec).toMatchObject({ activeDeadlineSeconds: 60 });
    expect((await refused(patch({ containers: [{ name: 'web', command: ['x'] }] }))).message).toContain('Pod "fixed" is invalid: spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`');
    expect((await refused(patch({ activeDeadlineSeconds: 90 }))).message).toContain('must be less than or equal to previous value: 60');
  });

  test('is bound once', async () => {
    await platform.run('demo', 'bound', unplaced);
    expect(await bind('bound', 'n1')).toMatchObject({ kind: 'Status', status: 'Success' });
    const pod = await platform.client.get(pods, { namespace: 'demo', name: 'bound' });
    expect(pod.spec.nodeName).toBe('n1');
    expect(pod.status?.conditions).toMatchObject([{ type: 'PodScheduled', status: 'True' }]);
    expect(await refused(bind('bound', 'n2'))).toMatchObject({ code: 409, reason: 'Conflict', message: 'Operation cannot be fulfilled on pods/binding "bound": pod bound is already assigned to node "n1"' });
  });

  test('goes at once before it is placed, with its grace afterwards', async () => {
    await platform.run('demo', 'early', unplaced);
    await platform.client.delete(pods, { namespace: 'demo', name: 'early' });
    expect(await refused(platform.client.get(pods, { namespace: 'demo', name: 'early' }))).toMatchObject({ code: 404 });
    await platform.run('demo', 'late', { ...unplaced, terminationGracePeriodSeconds: 7 });
    await bind('late', 'n1');
    await platform.client.delete(pods, { namespace: 'demo', name: 'late' });
    expect((await platform.client.get(pods, { namespace: 'demo', name: 'late' })).metadata).toMatchObject({ deletionGracePeriodSeconds: 7 });
    await platform.client.create(pods, { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'late' }, deleteOptions: { gracePeriodSeconds: 0 } } as never, { namespace: 'demo', name: 'late', subresource: 'eviction' });
    expect(await refused(platform.client.get(pods, { namespace: 'demo', name: 'late' }))).toMatchObject({ code: 404 });
  });

  test('is found by where it runs and in which phase', async () => {
    const found = await platform.client.list(pods, { namespace: 'demo', fieldSelector: 'spec.nodeName=n1,status.phase=Pending' });
    expect(found.items.map(({ metadata }) => metadata.name)).toEqual(['bound']);
  });

  test('takes debugging containers, and keeps those it has', async () => {
    await platform.run('demo', 'debugged', unplaced);
    const patch = (containers: object[]) => platform.client.patch(pods, { namespace: 'demo', name: 'debugged', subresource: 'ephemeralcontainers' }, 'strategic', { spec: { ephemeralContainers: containers } });
    expect((await patch([{ name: 'debug', image: 'tools' }])).spec.ephemeralContainers).toMatchObject([{ name: 'debug', image: 'tools' }]);
    expect((await patch([{ name: 'second', image: 'tools' }])).spec.ephemeralContainers).toHaveLength(2);
    expect((await refused(patch([{ name: 'debug', image: 'other' }]))).message).toContain('may not be changed');
  });
});

describe('a pod that fits nowhere', () => {
  test('says why and is placed once a node comes', async () => {
    await platform.run('demo', 'waiting', { nodeSelector: { size: 'large' } });
    await platform.told('demo', 'waiting', ['Warning FailedScheduling no nodes available to schedule pods']);
    await platform.agent('node-1');
    const pod = await platform.until('demo', 'waiting', ({ status }) => status?.conditions?.some(({ message }) => message?.includes('affinity')) ?? false);
    expect(pod.status?.conditions?.[0]).toMatchObject({
      type: 'PodScheduled', status: 'False', reason: 'Unschedulable',
      message: "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector. preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.",
    });
    const { nodes } = await import('../../../../src/api/kinds/core.ts');
    await platform.client.patch(nodes, { name: 'node-1' }, 'merge', { metadata: { labels: { size: 'large' } } });
    expect((await platform.until('demo', 'waiting', ({ spec }) => spec.nodeName !== undefined)).spec.nodeName).toBe('node-1');
  });
});
