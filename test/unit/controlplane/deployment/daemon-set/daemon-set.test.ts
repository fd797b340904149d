/** Daemon sets as a client sees them, with nodes and a kubelet that need no machine. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { controllerRevisions, daemonSets, type DaemonSet } from '../../../../../src/api/kinds/apps.ts';
import { nodes, pods } from '../../../../../src/api/kinds/core.ts';
import { controllerReference, type KubeObject } from '../../../../../src/api/meta.ts';
import type { StatusError } from '../../../../../src/api/status.ts';
import { eventually } from '../../../../support/eventually.ts';
import { startWorkloads, template, type WorkloadPlatform } from '../../../../support/workload-platform.ts';

const namespace = 'demo';
let platform: WorkloadPlatform;
beforeAll(async () => {
  platform = await startWorkloads();
  for (const name of ['a', 'b']) await platform.client.create(nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name, labels: { 'kubernetes.io/hostname': name } } } as KubeObject);
});
afterAll(() => platform.dispose());

const labels = (name: string) => ({ app: name });
const create = (name: string, spec: Partial<DaemonSet['spec']> = {}) => platform.client.create<DaemonSet>(daemonSets, { apiVersion: 'apps/v1', kind: 'DaemonSet', metadata: { name, namespace, annotations: { 'kubernetes.io/change-cause': 'first' } }, spec: { selector: { matchLabels: labels(name) }, template: template('i:1', labels(name)), ...spec } } as KubeObject, { namespace });
const read = (name: string) => platform.client.get(daemonSets, { namespace, name });
const own = async (name: string) => (await platform.client.list(pods, { namespace, labelSelector: `app=${name}` })).items.filter(({ metadata }) => !metadata.deletionTimestamp);
const images = async (name: string) => (await own(name)).map(({ spec }) => spec.containers[0]?.image);
const refused = (promise: Promise<unknown>): Promise<string> => promise.then(() => 'accepted', (error: StatusError) => error.message);

describe('a daemon set', () => {
  test('has what the real server fills in, and a pod a node', async () => {
    const made = await create('agent');
    expect(made.metadata.annotations).toMatchObject({ 'deprecated.daemonset.template.generation': '1' });
    expect(made.spec).toMatchObject({ revisionHistoryLimit: 10, updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1, maxSurge: 0 } } });
    await eventually(async () => (await read('agent')).status).toMatchObject({ desiredNumberScheduled: 2, currentNumberScheduled: 2, numberReady: 2, numberAvailable: 2, updatedNumberScheduled: 2, numberMisscheduled: 0, observedGeneration: 1 });
    expect((await platform.table(`/apis/apps/v1/namespaces/${namespace}/daemonsets`))).toEqual({ columns: ['Name', 'Desired', 'Current', 'Ready', 'Up-to-date', 'Available', 'Node Selector'], rows: [['agent', 2, 2, 2, 2, 2, '<none>']] });
    expect(await platform.story('agent')).toEqual(['SuccessfulCreate', 'SuccessfulCreate']);
  });

  test('replaces its pods with a new template, and keeps the old as a revision with its cause', async () => {
    await platform.client.patch(daemonSets, { namespace, name: 'agent' }, 'merge', { metadata: { annotations: { 'kubernetes.io/change-cause': 'second' } }, spec: { template: { spec: { containers: [{ name: 'web', image: 'i:2' }] } } } });
    await eventually(() => images('agent')).toEqual(['i:2', 'i:2']);
    await eventually(async () => (await read('agent')).status).toMatchObject({ updatedNumberScheduled: 2, numberAvailable: 2, observedGeneration: 2 });
    expect((await read('agent')).metadata.annotations?.['deprecated.daemonset.template.generation']).toBe('2');
    const revisions = (await platform.client.list(controllerRevisions, { namespace })).items.filter(({ metadata }) => metadata.name.startsWith('agent-')).sort((one, other) => one.revision - other.revision);
    expect(revisions.map(({ revision, metadata }) => [revision, metadata.annotations?.['kubernetes.io/change-cause']])).toEqual([[1, 'first'], [2, 'second']]);
    expect((await own('agent'))[0]?.metadata.labels).toMatchObject({ 'controller-revision-hash': revisions[1]?.metadata.labels?.['controller-revision-hash'], 'pod-template-generation': '2' });
  });

  test('changes nothing by itself where deletion decides', async () => {
    await create('still', { updateStrategy: { type: 'OnDelete' } });
    await eventually(() => images('still')).toEqual(['i:1', 'i:1']);
    await platform.client.patch(daemonSets, { namespace, name: 'still' }, 'merge', { spec: { template: { spec: { containers: [{ name: 'web', image: 'i:2' }] } } } });
    await eventually(async () => (await read('still')).status?.observedGeneration).toBe(2);
    const [first] = await own('still');
    await platform.client.delete(pods, { namespace, name: first?.metadata.name ?? '' });
    await eventually(async () => (await images('still')).sort()).toEqual(['i:1', 'i:2']);
  });

  test('comes to new nodes, and leaves those that go', async () => {
    await platform.client.create(nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name: 'c' } } as KubeObject);
    await eventually(async () => (await read('agent')).status?.currentNumberScheduled).toBe(3);
    await platform.client.delete(nodes, { name: 'c' });
    await eventually(async () => (await read('agent')).status?.desiredNumberScheduled).toBe(2);
  });

  test('takes over the past of one that was deleted with its pods kept, and gives way to a name that another has', async () => {
    const revisions = async (name: string) => (await platform.client.list(controllerRevisions, { namespace })).items.filter(({ metadata }) => metadata.name.startsWith(`${name}-`));
    await create('heir');
    await eventually(() => images('heir')).toEqual(['i:1', 'i:1']);
    const [left] = await revisions('heir');
    const kept = await own('heir');
    // As the garbage collector leaves them.
    await platform.client.delete(daemonSets, { namespace, name: 'heir' });
    for (const { metadata: { name } } of kept) await platform.client.patch(pods, { namespace, name }, 'merge', { metadata: { ownerReferences: null } });
    await platform.client.patch(controllerRevisions, { namespace, name: left?.metadata.name ?? '' }, 'merge', { metadata: { ownerReferences: null } });
    const heir = await create('heir');
    await eventually(async () => (await read('heir')).status).toMatchObject({ numberAvailable: 2, updatedNumberScheduled: 2, observedGeneration: 1 });
    expect((await own('heir')).map(({ metadata }) => metadata.uid).sort()).toEqual(kept.map(({ metadata }) => metadata.uid).sort());
    expect(await revisions('heir')).toMatchObject([{ metadata: { uid: left?.metadata.uid, ownerReferences: [{ uid: heir.metadata.uid, controller: true }] }, revision: 1 }]);

    const other = { apiVersion: 'apps/v1', kind: 'StatefulSet', metadata: { name: 'heir', uid: 'other' } };
    await platform.client.delete(daemonSets, { namespace, name: 'heir' });
    await platform.client.patch(controllerRevisions, { namespace, name: left?.metadata.name ?? '' }, 'merge', { metadata: { ownerReferences: [controllerReference(other)] } });
    await create('heir');
    await eventually(async () => (await read('heir')).status).toMatchObject({ numberAvailable: 2, observedGeneration: 1 });
    expect((await revisions('heir')).map(({ data }) => data)).toEqual([left?.data, left?.data]);
  });

  test.each<[string, Partial<DaemonSet['spec']>, string]>([
    ['an unknown strategy', { updateStrategy: { type: 'Sometimes' as never } }, 'spec.updateStrategy.type: Unsupported value: "Sometimes": supported values: "OnDelete", "RollingUpdate"'],
    ['surge and missing pods at once', { updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 1 } } }, 'spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: 1: may not be set when maxUnavailable is non-zero'],
    ['neither of them', { updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 0, maxUnavailable: 0 } } }, 'spec.updateStrategy.rollingUpdate.maxUnavailable: Required value: cannot be 0 when maxSurge is 0'],
    ['a share beyond all', { updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '101%' } } }, 'spec.updateStrategy.rollingUpdate.maxUnavailable: Invalid value: "101%": must not be greater than 100%'],
    ['a selector that misses its template', { selector: { matchLabels: { app: 'other' } } }, 'spec.template.metadata.labels: Invalid value: {"app":"bad"}: `selector` does not match template `labels`'],
    ['pods that end', { template: { ...template('i', labels('bad')), spec: { containers: [{ name: 'c', image: 'i' }], restartPolicy: 'Never' } } }, 'spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"'],
  ])('with %s is refused', async (_, spec, message) => expect(await refused(create('bad', spec))).toBe(`DaemonSet.apps "bad" is invalid: ${message}`));
});
