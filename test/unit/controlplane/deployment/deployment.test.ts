import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { deployments, replicaSets, revisionAnnotation, type Deployment, type ReplicaSet } from '../../../../src/api/kinds/apps.ts';
import { pods } from '../../../../src/api/kinds/core.ts';
import { imageStreams } from '../../../../src/api/kinds/image.ts';
import { replicasOf, revisionOf } from '../../../../src/controlplane/deployment/deployment-plan.ts';
import { eventually } from '../../../support/eventually.ts';
import { startWorkloads, template, type WorkloadPlatform } from '../../../support/workload-platform.ts';

const namespace = 'demo';
let platform: WorkloadPlatform;

beforeEach(async () => {
  platform = await startWorkloads();
});
afterEach(() => platform.dispose());

const deployment = (spec: Partial<Deployment['spec']> = {}): Deployment => ({
  apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web', namespace },
  spec: { replicas: 3, selector: { matchLabels: { app: 'web' } }, template: template(), ...spec },
});
const create = (spec?: Partial<Deployment['spec']>) => platform.client.create(deployments, deployment(spec));
const read = () => platform.client.get(deployments, { name: 'web', namespace });
const change = (spec: object) => platform.client.patch(deployments, { name: 'web', namespace }, 'merge', { spec });
const setImage = (image: string) => change({ template: { spec: template(image).spec } });
const sets = async () => (await platform.client.list(replicaSets, { namespace })).items.sort((a, b) => revisionOf(a) - revisionOf(b));
const sizes = async () => Object.fromEntries((await sets()).map((set) => [set.spec.template?.spec?.containers[0]?.image, replicasOf(set)]));
const condition = async (type: string) => (await read()).status?.conditions?.find((one) => one.type === type);
const complete = () => eventually(async () => {
  const { status, spec, metadata } = await read();
  return status?.observedGeneration === metadata.generation && status?.updatedReplicas === spec.replicas && status?.replicas === spec.replicas && status?.availableReplicas === spec.replicas;
}).toBe(true);

describe('a deployment', () => {
  test('makes a replica set for its template and reports both', async () => {
    await create();
    await complete();
    const [set] = (await sets()) as [ReplicaSet];
    expect(set.metadata.name).toMatch(/^web-[bcdfghjklmnpqrstvwxz2456789]{6,10}$/);
    const hash = set.metadata.labels?.['pod-template-hash'];
    expect(set).toMatchObject({
      metadata: { labels: { app: 'web' }, annotations: { [revisionAnnotation]: '1', 'deployment.kubernetes.io/desired-replicas': '3', 'deployment.kubernetes.io/max-replicas': '4' }, ownerReferences: [{ kind: 'Deployment', name: 'web', controller: true }] },
      spec: { selector: { matchLabels: { app: 'web', 'pod-template-hash': hash } } },
    });
    expect((await read()).metadata.annotations?.[revisionAnnotation]).toBe('1');
    await eventually(() => condition('Progressing')).toMatchObject({ status: 'True', reason: 'NewReplicaSetAvailable', message: `ReplicaSet "${set.metadata.name}" has successfully progressed.` });
    expect(await condition('Available')).toMatchObject({ status: 'True', reason: 'MinimumReplicasAvailable' });
    expect(await platform.table('/apis/apps/v1/namespaces/demo/deployments')).toEqual({ columns: ['Name', 'Ready', 'Up-to-date', 'Available'], rows: [['web', '3/3', '3', '3']] });
    expect(await platform.table('/apis/apps/v1/namespaces/demo/replicasets')).toEqual({ columns: ['Name', 'Desired', 'Current', 'Ready'], rows: [[set.metadata.name, 3, 3, 3]] });
  });

  test('never has more or fewer pods than its strategy allows', async () => {
    await create({ replicas: 4, strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 1 } } });
    await complete();
    const seen: number[] = [];
    const watch = setInterval(() => void sets().then((all) => seen.push(all.reduce((sum, set) => sum + replicasOf(set), 0))), 1);
    await setImage('web:2');
    await complete();
    clearInterval(watch);
    expect(Math.max(...seen)).toBeLessThanOrEqual(5);
    expect(await sizes()).toEqual({ 'web:1': 0, 'web:2': 4 });
    await eventually(() => platform.story('web')).toContain('ScalingReplicaSet');
  });

  test('ends the old pods first with Recreate', async () => {
    await create({ strategy: { type: 'Recreate' } });
    await complete();
    await setImage('web:2');
    await complete();
    expect(await sizes()).toEqual({ 'web:1': 0, 'web:2': 3 });
  });

  test('goes back to an older template by its replica set, as the next revision', async () => {
    await create();
    await complete();
    await setImage('web:2');
    await complete();
    await setImage('web:1');
    await complete();
    const all = await sets();
    expect(all.map((set) => [set.spec.template?.spec?.containers[0]?.image, revisionOf(set)])).toEqual([['web:2', 2], ['web:1', 3]]);
    expect(all[1]?.metadata.annotations?.['deployment.kubernetes.io/revision-history']).toBe('1');
    expect((await read()).metadata.annotations?.[revisionAnnotation]).toBe('3');
  });

  test('takes another name for its replica set where its own is taken', async () => {
    await create();
    await complete();
    // The set of a deployment of the same name that is gone stays here: nobody collects it.
    await platform.client.delete(deployments, { name: 'web', namespace });
    await create();
    await complete();
    expect((await read()).status?.collisionCount).toBe(1);
    expect(new Set((await sets()).map(({ metadata }) => metadata.name)).size).toBe(2);
  });

  test('keeps the revisions asked for', async () => {
    await create({ revisionHistoryLimit: 1, replicas: 1 });
    await complete();
    for (const image of ['web:2', 'web:3', 'web:4']) {
      await setImage(image);
      await complete();
    }
    await eventually(sizes).toEqual({ 'web:3': 0, 'web:4': 1 });
  });

  test('stands still while paused but scales, and goes on afterwards', async () => {
    await create();
    await complete();
    await change({ paused: true, replicas: 5 });
    await setImage('web:2');
    await eventually(sizes).toEqual({ 'web:1': 5 });
    await eventually(() => condition('Progressing')).toMatchObject({ status: 'Unknown', reason: 'DeploymentPaused' });
    await change({ paused: false });
    await complete();
    expect(await sizes()).toEqual({ 'web:1': 0, 'web:2': 5 });
  });

  test('says so when it makes no progress, and keeps what is available', async () => {
    await create({ replicas: 2 });
    await complete();
    platform.fate = () => 'unready';
    await change({ progressDeadlineSeconds: 1, template: { spec: template('web:2').spec } });
    await eventually(() => condition('Progressing')).toMatchObject({ status: 'False', reason: 'ProgressDeadlineExceeded' });
    expect(await condition('Available')).toMatchObject({ status: 'True' });
    expect(await sizes()).toEqual({ 'web:1': 2, 'web:2': 1 });
  });

  test('spreads a new size over the sets of a rollout under way', async () => {
    await create({ replicas: 8 });
    await complete();
    platform.fate = () => 'unready';
    await setImage('web:2');
    await eventually(sizes).toEqual({ 'web:1': 6, 'web:2': 4 });
    await change({ replicas: 16 });
    await eventually(async () => (await sets()).reduce((sum, set) => sum + replicasOf(set), 0)).toBe(20);
    expect(await sizes()).toEqual({ 'web:1': 12, 'web:2': 8 });
  });

  test('takes over a replica set without owner, and lets one go that no longer matches', async () => {
    await create();
    await complete();
    const [set] = (await sets()) as [ReplicaSet];
    const at = { name: set.metadata.name, namespace };
    await platform.client.patch(replicaSets, at, 'merge', { metadata: { ownerReferences: null } });
    await eventually(async () => (await platform.client.get(replicaSets, at)).metadata.ownerReferences?.[0]?.name).toBe('web');
    await platform.client.patch(replicaSets, at, 'merge', { metadata: { labels: { app: 'other' } } });
    await eventually(async () => (await platform.client.get(replicaSets, at)).metadata.ownerReferences ?? []).toEqual([]);
  });

  test('follows an image stream by annotation', async () => {
    await platform.client.create(deployments, { ...deployment(), metadata: { name: 'web', namespace, annotations: { 'image.openshift.io/triggers': JSON.stringify([{ from: { kind: 'ImageStreamTag', name: 'app:latest' }, fieldPath: 'spec.template.spec.containers[?(@.name=="web")].image' }]) } } } as Deployment);
    const stream = { apiVersion: 'image.openshift.io/v1', kind: 'ImageStream', metadata: { name: 'app', namespace }, spec: {} };
    await platform.client.create(imageStreams, stream);
    await platform.client.update(imageStreams, { ...stream, status: { dockerImageRepository: '', tags: [{ tag: 'latest', items: [{ created: '2026-01-01T00:00:00Z', dockerImageReference: 'r/app@sha256:1', image: 'i', generation: 1 }] }] } } as never, { name: 'app', namespace, subresource: 'status' });
    await eventually(async () => (await read()).spec.template.spec?.containers[0]?.image).toBe('r/app@sha256:1');
    await complete();
  });
});

describe('rules of deployments', () => {
  const refused = async (spec: object) => create(spec).then(() => '', (error: Error) => error.message);

  test('fill what is absent', async () => {
    const { spec } = await create({ replicas: undefined as never });
    expect(spec).toMatchObject({ replicas: 1, revisionHistoryLimit: 10, progressDeadlineSeconds: 600, strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } } });
  });

  test('refuse what cannot work, in the words of the real server', async () => {
    expect(await refused({ selector: { matchLabels: { app: 'other' } } })).toBe('Deployment.apps "web" is invalid: spec.template.metadata.labels: Invalid value: {"app":"web"}: `selector` does not match template `labels`');
    expect(await refused({ strategy: { type: 'Recreate', rollingUpdate: { maxSurge: 1 } } })).toContain("may not be specified when strategy `type` is 'Recreate'");
    expect(await refused({ strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 0, maxUnavailable: 0 } } })).toContain('may not be 0 when `maxSurge` is 0');
    expect(await refused({ strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 'x' } } })).toContain('a valid percent string');
    expect(await refused({ progressDeadlineSeconds: 5, minReadySeconds: 5 })).toContain('must be greater than minReadySeconds');
    expect(await refused({ template: { ...template(), spec: { ...template().spec, restartPolicy: 'Never' } } })).toContain('Unsupported value: "Never": supported values: "Always"');
    await create();
    await expect(change({ selector: { matchLabels: { app: 'web', more: '1' } }, template: template('web:1', { app: 'web', more: '1' }) })).rejects.toThrow('field is immutable');
  });
});

describe('pods of a replica set', () => {
  const set = (spec: Partial<ReplicaSet['spec']> = {}): ReplicaSet => ({ apiVersion: 'apps/v1', kind: 'ReplicaSet', metadata: { name: 'rs', namespace }, spec: { replicas: 2, selector: { matchLabels: { app: 'web' } }, template: template(), ...spec } });
  const names = async () => (await platform.client.list(pods, { namespace })).items.map(({ metadata }) => metadata.name);
  const status = async () => (await platform.client.get(replicaSets, { name: 'rs', namespace })).status;

  test('are as many as asked for, and made again when one goes', async () => {
    await platform.client.create(replicaSets, set());
    await eventually(status).toMatchObject({ replicas: 2, readyReplicas: 2, availableReplicas: 2, fullyLabeledReplicas: 2, observedGeneration: 1 });
    const [first = ''] = await names();
    expect(first).toMatch(/^rs-\w{5}$/);
    await platform.client.delete(pods, { name: first, namespace });
    await eventually(names).toHaveLength(2);
    expect(await names()).not.toContain(first);
    await platform.client.patch(replicaSets, { name: 'rs', namespace, subresource: 'scale' }, 'merge', { spec: { replicas: 0 } });
    await eventually(names).toEqual([]);
    await eventually(async () => [...new Set(await platform.story('rs'))].sort()).toEqual(['SuccessfulCreate', 'SuccessfulDelete']);
  });

  test('that have no owner are adopted, those with other labels let go', async () => {
    await platform.client.create(pods, { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'orphan', namespace, labels: { app: 'web' } }, spec: template().spec } as never);
    await platform.client.create(replicaSets, set({ replicas: 1 }));
    const orphan = () => platform.client.get(pods, { name: 'orphan', namespace });
    await eventually(async () => (await orphan()).metadata.ownerReferences?.[0]?.name).toBe('rs');
    expect(await names()).toEqual(['orphan']);
    await platform.client.patch(pods, { name: 'orphan', namespace }, 'merge', { metadata: { labels: { app: 'debug' } } });
    await eventually(async () => (await orphan()).metadata.ownerReferences ?? []).toEqual([]);
    await eventually(names).toHaveLength(2);
  });

  test('count as available after minReadySeconds', async () => {
    await platform.client.create(replicaSets, set({ replicas: 1, minReadySeconds: 1 }));
    await eventually(status).toMatchObject({ replicas: 1, readyReplicas: 1 });
    await eventually(status).toMatchObject({ availableReplicas: 1 });
  });
});
