import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { configMaps, nodes, persistentVolumeClaims, pods, secrets, type Pod } from '../../../src/api/kinds/core.ts';
import { leases } from '../../../src/api/kinds/cluster.ts';
import { conditionOf, isPodReady } from '../../../src/api/pod.ts';
import { summarizePod } from '../../../src/api/pod-summary.ts';
import { eventually } from '../../support/eventually.ts';
import { smallPlatform, type SmallPlatform } from '../../support/agent/small-platform.ts';

let platform: SmallPlatform;
beforeEach(async () => {
  platform = await smallPlatform();
  await platform.project('demo');
});
afterEach(() => platform.dispose());

const text = (pod: Pod) => summarizePod(pod, new Date()).status;
const started = (pod: Pod) => isPodReady(pod);

describe('an agent', () => {
  test('registers its node with what its runtime truly gives', async () => {
    await platform.agent('node-1');
    const node = await platform.client.get(nodes, { name: 'node-1' });
    expect(node.metadata.labels).toMatchObject({ 'slipway.dev/runtime': 'sandbox', 'slipway.dev/memory-limit': 'poll', 'kubernetes.io/hostname': 'node-1' });
    expect(node.metadata.annotations?.['slipway.dev/agent-socket']).toContain('node-1.sock');
    expect(node.status?.conditions?.find(({ type }) => type === 'Ready')?.status).toBe('True');
    expect(node.status?.conditions?.find(({ type }) => type === 'ResourceLimits')).toMatchObject({ status: 'False', reason: 'Polling' });
    expect((await platform.client.get(leases, { namespace: 'kube-node-lease', name: 'node-1' })).spec?.holderIdentity).toBe('node-1');
  });

  test('runs a pod from creation to deletion and tells its story', async () => {
    const { runtime } = await platform.agent('node-1');
    await platform.run('demo', 'web-1', { containers: [{ name: 'web', image: 'app:1', env: [{ name: 'IP', valueFrom: { fieldRef: { fieldPath: 'status.podIP' } } }] }] });
    const pod = await platform.until('demo', 'web-1', started);
    expect(pod.status).toMatchObject({ phase: 'Running', podIP: '127.0.0.1', hostIP: '100.64.0.2' });
    expect(conditionOf(pod, 'PodScheduled')?.status).toBe('True');
    const { config } = runtime.running('web') ?? {};
    expect(config?.env).toContainEqual({ name: 'IP', value: '127.0.0.1' });
    expect(config?.mounts.map(({ containerPath }) => containerPath)).toEqual(['/var/run/secrets/kubernetes.io/serviceaccount', '/dev/termination-log']);
    await platform.client.delete(pods, { namespace: 'demo', name: 'web-1' });
    await platform.gone('demo', 'web-1');
    expect(runtime.calls).toEqual(['sandbox web-1 #0', 'create web #0', 'stop web within 30', 'stop sandbox web-1']);
    await platform.told('demo', 'web-1', ['Normal Scheduled Successfully assigned demo/web-1 to node-1', 'Normal Pulling Pulling image "app:1"', 'Normal Created Created container: web', 'Normal Started Started container web']);
  });

  test('takes init containers in order, then the others', async () => {
    const { runtime } = await platform.agent('node-1');
    await platform.run('demo', 'web-1', { initContainers: [{ name: 'one', image: 'a' }, { name: 'two', image: 'a' }] });
    for (const name of ['one', 'two']) {
      await platform.until('demo', 'web-1', ({ status }) => status?.initContainerStatuses?.some((init) => init.name === name && init.state?.running) ?? false);
      runtime.end(runtime.running(name)?.id ?? '', 0);
    }
    await platform.until('demo', 'web-1', started);
    expect(runtime.calls).toEqual(['sandbox web-1 #0', 'create one #0', 'create two #0', 'create web #0']);
  });

  test('restarts what crashes and keeps its message', async () => {
    const { runtime } = await platform.agent('node-1');
    await platform.run('demo', 'web-1', {});
    await platform.until('demo', 'web-1', started);
    runtime.end(runtime.running('web')?.id ?? '', 3, 'no database');
    const pod = await platform.until('demo', 'web-1', (one) => started(one) && one.status?.containerStatuses?.[0]?.restartCount === 1);
    expect(pod.status?.containerStatuses?.[0]?.lastState?.terminated).toMatchObject({ exitCode: 3, reason: 'Error', message: 'no database' });
    runtime.end(runtime.running('web')?.id ?? '', 3);
    const held = await platform.until('demo', 'web-1', (one) => text(one) === 'CrashLoopBackOff');
    expect(held.status?.phase).toBe('Running');
  });

  test('keeps of what crashes again and again the last two runs, with their logs', async () => {
    const { agent, runtime } = await platform.agent('node-1');
    await platform.run('demo', 'web-1', {});
    const pod = await platform.until('demo', 'web-1', started);
    const crash = () => runtime.end(runtime.running('web')?.id ?? '', 3);
    const runs = (count: number) => platform.until('demo', 'web-1', (one) => started(one) && one.status?.containerStatuses?.[0]?.restartCount === count);
    crash();
    await runs(1);
    const [first] = [...runtime.containers.values()].filter(({ attempt }) => attempt === 0);
    // Rotated once.
    writeFileSync(`${first?.logPath}.1`, 'older\n');
    crash();
    await platform.until('demo', 'web-1', (one) => text(one) === 'CrashLoopBackOff');
    await agent.dispose();
    // The next one knows of no back-off.
    await platform.agent('node-1', runtime);
    await runs(2);
    const folder = path.join(platform.folder, 'pods', pod.metadata.uid ?? '');
    await eventually(() => [...readdirSync(path.join(folder, 'log/web')), ...readdirSync(path.join(folder, 'containers/web'))].sort()).toEqual(['1.json', '1.log', '1.termination', '2.json', '2.log', '2.termination']);
  });

  test('lets a pod complete', async () => {
    const { runtime } = await platform.agent('node-1');
    await platform.run('demo', 'job-1', { restartPolicy: 'Never' });
    await platform.until('demo', 'job-1', started);
    runtime.end(runtime.running('web')?.id ?? '', 0);
    const pod = await platform.until('demo', 'job-1', ({ status }) => status?.phase === 'Succeeded');
    expect(text(pod)).toBe('Completed');
    expect(conditionOf(pod, 'Ready')).toMatchObject({ status: 'False', reason: 'PodCompleted' });
  });

  test('says why an image does not come, and uses the pull secret of its registry', async () => {
    const { runtime } = await platform.agent('node-1');
    runtime.missing.set('registry.example/app:1', 'manifest unknown');
    const auths = { auths: { 'registry.example': { auth: Buffer.from('me:pass').toString('base64') } } };
    await platform.client.create(secrets, { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'pull', namespace: 'demo' }, type: 'kubernetes.io/dockerconfigjson', data: { '.dockerconfigjson': Buffer.from(JSON.stringify(auths)).toString('base64') } } as never);
    await platform.run('demo', 'web-1', { containers: [{ name: 'web', image: 'registry.example/app:1' }], imagePullSecrets: [{ name: 'pull' }] });
    const pod = await platform.until('demo', 'web-1', (one) => text(one) === 'ErrImagePull');
    expect(pod.status?.containerStatuses?.[0]?.state?.waiting?.message).toBe('manifest unknown');
    expect(runtime.auths.get('registry.example/app:1')).toEqual({ username: 'me', password: 'pass' });
    await platform.until('demo', 'web-1', (one) => text(one) === 'ImagePullBackOff');
    const inside = 'docker-registry.default.svc:5000/demo/app:1';
    await platform.run('demo', 'web-2', { containers: [{ name: 'web', image: inside }] });
    await platform.until('demo', 'web-2', started);
    expect(runtime.auths.get(inside)).toMatchObject({ username: 'serviceaccount', password: expect.stringMatching(/^ey/) as string });
  });

  test('waits for a config map that comes later', async () => {
    const { runtime } = await platform.agent('node-1');
    await platform.run('demo', 'web-1', { containers: [{ name: 'web', image: 'a', env: [{ name: 'COLOUR', valueFrom: { configMapKeyRef: { name: 'settings', key: 'colour' } } }] }] });
    const pod = await platform.until('demo', 'web-1', (one) => text(one) === 'CreateContainerConfigError');
    expect(pod.status?.containerStatuses?.[0]?.state?.waiting?.message).toBe('configmap "settings" not found');
    await platform.client.create(configMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'settings', namespace: 'demo' }, data: { colour: 'blue' } } as never);
    await platform.until('demo', 'web-1', started);
    expect(runtime.running('web')?.config.env).toContainEqual({ name: 'COLOUR', value: 'blue' });
  });

  test('gives a claim its folder once a pod wants it', async () => {
    const { runtime } = await platform.agent('node-1');
    await platform.client.create(persistentVolumeClaims, { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name: 'data', namespace: 'demo' }, spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } } } as never);
    await platform.run('demo', 'db-1', { containers: [{ name: 'web', image: 'a', volumeMounts: [{ name: 'data', mountPath: '/data' }] }], volumes: [{ name: 'data', persistentVolumeClaim: { claimName: 'data' } }] });
    await platform.until('demo', 'db-1', started);
    const claim = await platform.client.get(persistentVolumeClaims, { namespace: 'demo', name: 'data' });
    expect(claim).toMatchObject({ spec: { storageClassName: 'local' }, status: { phase: 'Bound', capacity: { storage: '1Gi' } } });
    expect(runtime.running('web')?.config.mounts.find(({ containerPath }) => containerPath === '/data')?.hostPath).toContain(`volumes/pvc-${claim.metadata.uid}`);
  });

  test('finds everything again after it was killed: same containers, nothing restarted', async () => {
    const { agent, runtime } = await platform.agent('node-1');
    await platform.run('demo', 'web-1', {});
    const before = await platform.until('demo', 'web-1', started);
    await agent.dispose();
    await platform.agent('node-1', runtime);
    await platform.run('demo', 'web-2', {});
    await platform.until('demo', 'web-2', started);
    const after = await platform.client.get(pods, { namespace: 'demo', name: 'web-1' });
    expect(after.status?.containerStatuses).toEqual(before.status?.containerStatuses);
    expect(runtime.calls.filter((call) => call.includes('web-1'))).toEqual(['sandbox web-1 #0']);
  });

  test('ends pods that were removed while it was away', async () => {
    const { agent, runtime } = await platform.agent('node-1');
    await platform.run('demo', 'web-1', {});
    await platform.until('demo', 'web-1', started);
    await agent.dispose();
    // Of one that was removed before its sandbox was made there is a folder only.
    const folder = path.join(platform.folder, 'pods');
    mkdirSync(path.join(folder, 'never-was', 'volumes'), { recursive: true });
    await platform.client.delete(pods, { namespace: 'demo', name: 'web-1' }, { gracePeriodSeconds: 0 });
    await platform.agent('node-1', runtime);
    await platform.run('demo', 'web-2', {});
    await platform.until('demo', 'web-2', started);
    expect([...runtime.sandboxes.values()].map(({ config }) => config.name)).toEqual(['web-2']);
    while (readdirSync(folder).length > 1) await new Promise((resolve) => setImmediate(resolve));
    expect(readdirSync(folder)).toEqual([(await platform.client.get(pods, { namespace: 'demo', name: 'web-2' })).metadata.uid]);
  });

  test('hurries an end when asked for less grace', async () => {
    const { runtime } = await platform.agent('node-1');
    runtime.heedsTerm = false;
    await platform.run('demo', 'web-1', {});
    await platform.until('demo', 'web-1', started);
    await platform.client.delete(pods, { namespace: 'demo', name: 'web-1' });
    await platform.until('demo', 'web-1', ({ metadata }) => metadata.deletionTimestamp !== undefined);
    while (!runtime.calls.some((call) => call.startsWith('stop web'))) await new Promise((resolve) => setImmediate(resolve));
    await platform.client.delete(pods, { namespace: 'demo', name: 'web-1' }, { gracePeriodSeconds: 0 });
    await platform.gone('demo', 'web-1');
    while (runtime.sandboxes.size > 0) await new Promise((resolve) => setImmediate(resolve));
    expect(runtime.calls).toContain('stop web within 2');
  });

  test('ends the containers of a pod, then its sidecars backwards; the hooks of all begin at once', async () => {
    const { runtime } = await platform.agent('node-1');
    const hook = (command: string) => ({ lifecycle: { preStop: { exec: { command: [command] } } } });
    await platform.run('demo', 'web-1', {
      initContainers: [{ name: 'mesh', image: 'a', restartPolicy: 'Always', ...hook('drain') }, { name: 'log', image: 'a', restartPolicy: 'Always' }],
      containers: [{ name: 'web', image: 'a', ...hook('leave') }],
    });
    await platform.until('demo', 'web-1', started);
    const before = runtime.calls.length;
    await platform.client.delete(pods, { namespace: 'demo', name: 'web-1' });
    await platform.gone('demo', 'web-1');
    expect(runtime.calls.slice(before)).toEqual(['exec mesh: drain', 'exec web: leave', 'stop web within 30', 'stop log within 30', 'stop mesh within 30', 'stop sandbox web-1']);
    await platform.told('demo', 'web-1', ['Normal Killing Stopping container web', 'Normal Killing Stopping container log', 'Normal Killing Stopping container mesh']);
  });

  test('ends a container whose postStart hook fails, tries it again later, and says so without what the hook printed', async () => {
    const { runtime } = await platform.agent('node-1');
    await platform.run('demo', 'web-1', { containers: [{ name: 'web', image: 'a', lifecycle: { postStart: { exec: { command: ['exit', '3'] } } } }] });
    const pod = await platform.until('demo', 'web-1', (one) => text(one) === 'PostStartHookError');
    expect(pod.status?.containerStatuses?.[0]?.lastState?.terminated).toMatchObject({ exitCode: 143 });
    expect(runtime.calls).toEqual(['sandbox web-1 #0', 'create web #0', 'exec web: exit 3', 'stop web within 30']);
    await platform.told('demo', 'web-1', ['Warning FailedPostStartHook PostStartHook failed', 'Normal Killing FailedPostStartHook']);
  });

  test('goes on when a preStop hook fails', async () => {
    const { runtime } = await platform.agent('node-1');
    await platform.run('demo', 'web-1', { containers: [{ name: 'web', image: 'a', lifecycle: { preStop: { exec: { command: ['exit', '3'] } } } }] });
    await platform.until('demo', 'web-1', started);
    await platform.client.delete(pods, { namespace: 'demo', name: 'web-1' });
    await platform.gone('demo', 'web-1');
    expect(runtime.calls.slice(-3)).toEqual(['exec web: exit 3', 'stop web within 30', 'stop sandbox web-1']);
    await platform.told('demo', 'web-1', ['Warning FailedPreStopHook PreStopHook failed']);
  });

  test('ends a pod by its last status: what its containers ended with', async () => {
    await platform.agent('node-1');
    await platform.run('demo', 'web-1', {});
    await platform.until('demo', 'web-1', started);
    await platform.client.delete(pods, { namespace: 'demo', name: 'web-1' });
    const last = await platform.until('demo', 'web-1', ({ status }) => status?.phase === 'Failed');
    expect(last.status?.containerStatuses?.[0]?.state?.terminated).toMatchObject({ exitCode: 143, reason: 'Error' });
    expect(conditionOf(last, 'Ready')).toMatchObject({ status: 'False', reason: 'PodFailed' });
    await platform.gone('demo', 'web-1');
  });

  test('starts a debugging container that comes later, in the processes of the one it is for', async () => {
    const { runtime } = await platform.agent('node-1');
    await platform.run('demo', 'web-1', {});
    const pod = await platform.until('demo', 'web-1', started);
    const ephemeralContainers = [{ name: 'debug', image: 'tools', targetContainerName: 'web' }];
    await platform.client.update(pods, { ...pod, spec: { ...pod.spec, ephemeralContainers } } as Pod, { subresource: 'ephemeralcontainers' });
    await platform.until('demo', 'web-1', ({ status }) => status?.ephemeralContainerStatuses?.[0]?.state?.running !== undefined);
    expect(runtime.running('debug')?.config.processesOf).toBe(runtime.running('web')?.id);
  });

  test('publishes the ports of a process node', async () => {
    const { runtime } = await platform.agent('node-1');
    runtime.portMap = { 8080: 31234 };
    await platform.run('demo', 'web-1', { containers: [{ name: 'web', image: 'a', ports: [{ containerPort: 8080 }] }] });
    const pod = await platform.until('demo', 'web-1', ({ metadata }) => metadata.annotations?.['slipway.dev/port-map'] !== undefined);
    expect(JSON.parse(pod.metadata.annotations?.['slipway.dev/port-map'] ?? '')).toEqual({ 8080: 31234 });
  });
});
