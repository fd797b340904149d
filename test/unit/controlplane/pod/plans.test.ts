import { describe, expect, test } from 'vitest';
import type { StorageClass } from '../../../../src/api/kinds/cluster.ts';
import type { Node, PersistentVolume, PersistentVolumeClaim, Pod } from '../../../../src/api/kinds/core.ts';
import type { Taint } from '../../../../src/api/node-rules.ts';
import { evictionTime, planNode } from '../../../../src/controlplane/pod/node-lifecycle-plan.ts';
import { podGarbage } from '../../../../src/controlplane/pod/pod-gc-plan.ts';
import { boundCompletely, planClaim, planVolume, provisionedBy } from '../../../../src/controlplane/pod/volumes/claim-plan.ts';

const now = new Date('2026-01-01T00:10:00Z');
const pod = (spec: Partial<Pod['spec']> = {}, metadata: Partial<Pod['metadata']> = {}, phase = 'Running'): Pod => ({
  apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'demo', ...metadata }, spec: { containers: [], nodeName: 'n', ...spec }, status: { phase: phase as 'Running' },
});

describe('a node', () => {
  const node = (ready: string, spec: Node['spec'] = {}): Node => ({
    apiVersion: 'v1', kind: 'Node', metadata: { name: 'n' }, spec,
    status: { conditions: [{ type: 'Ready', status: ready, reason: 'KubeletReady', lastTransitionTime: '2026-01-01T00:00:00Z' }] },
  });
  const keys = (taints: readonly Taint[] | undefined) => taints?.map(({ key, effect }) => `${key.split('/')[1] ?? key}:${effect}`);

  test('that is well needs nothing', () => {
    expect(planNode(node('True'), 1000, now)).toEqual({});
  });

  test('that is silent becomes Unknown and is tainted, once', () => {
    const plan = planNode(node('True'), 41_000, now);
    expect(plan.conditions?.map(({ type, status, reason }) => [type, status, reason])).toEqual([
      ['Ready', 'Unknown', 'NodeStatusUnknown'], ['MemoryPressure', 'Unknown', 'NodeStatusNeverUpdated'], ['DiskPressure', 'Unknown', 'NodeStatusNeverUpdated'], ['PIDPressure', 'Unknown', 'NodeStatusNeverUpdated'],
    ]);
    expect(keys(plan.taints)).toEqual(['unreachable:NoSchedule', 'unreachable:NoExecute']);
    const silent: Node = { ...node('True'), spec: { taints: plan.taints ?? [] }, status: { conditions: plan.conditions ?? [] } };
    expect(planNode(silent, 50_000, new Date(now.getTime() + 9000))).toEqual({});
  });

  test('that is back loses our taints and keeps those of others', () => {
    const back = node('True', { taints: [{ key: 'gpu', effect: 'NoSchedule' }, { key: 'node.kubernetes.io/unreachable', effect: 'NoExecute' }] });
    expect(keys(planNode(back, 0, now).taints)).toEqual(['gpu:NoSchedule']);
  });

  test('that is cordoned or not ready is tainted accordingly', () => {
    expect(keys(planNode(node('True', { unschedulable: true }), 0, now).taints)).toEqual(['unschedulable:NoSchedule']);
    expect(keys(planNode(node('False'), 0, now).taints)).toEqual(['not-ready:NoSchedule', 'not-ready:NoExecute']);
  });

  test('lets pods stay as long as they tolerate', () => {
    const taint: Taint = { key: 'node.kubernetes.io/unreachable', effect: 'NoExecute', timeAdded: '2026-01-01T00:09:00Z' };
    const after = (tolerations: Pod['spec']['tolerations']) => {
      const due = evictionTime(pod({ ...(tolerations && { tolerations }) }), [taint], now);
      return due === undefined ? 'stays' : (due - now.getTime()) / 1000;
    };
    expect(after(undefined)).toBe(-60);
    expect(after([{ key: taint.key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 }])).toBe(240);
    expect(after([{ operator: 'Exists' }])).toBe('stays');
  });
});

describe('pods without anybody', () => {
  test('are those of missing nodes, those never placed, and the oldest finished', () => {
    const all = [
      pod({ nodeName: 'gone' }, { name: 'orphan' }), pod({ nodeName: 'away' }, { name: 'patient' }), pod({}, { name: 'fine' }),
      { ...pod({}, { name: 'unplaced', deletionTimestamp: now.toISOString() }), spec: { containers: [] } },
      ...['2', '1', '3'].map((day) => pod({}, { name: `done-${day}`, creationTimestamp: `2026-01-0${day}T00:00:00Z` }, 'Succeeded')),
      pod({ nodeName: 'gone' }, { name: 'mirror', annotations: { 'kubernetes.io/config.mirror': 'x' } }),
    ];
    const missing = (name: string) => (name === 'gone' ? 60_000 : name === 'away' ? 10_000 : 0);
    expect(podGarbage(all, missing, 1).map(({ pod: one, why }) => `${one.metadata.name} ${why}`)).toEqual(['orphan orphaned', 'unplaced unscheduled', 'done-1 finished', 'done-2 finished']);
  });
});

describe('a claim', () => {
  const claim = (spec: Partial<PersistentVolumeClaim['spec']> = {}, annotations: Record<string, string> = {}): PersistentVolumeClaim => ({
    apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name: 'data', namespace: 'demo', uid: 'c1', annotations },
    spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, ...spec },
  });
  const volume = (name: string, size: string, more: Partial<PersistentVolume['spec']> = {}): PersistentVolume => ({
    apiVersion: 'v1', kind: 'PersistentVolume', metadata: { name }, spec: { capacity: { storage: size }, accessModes: ['ReadWriteOnce'], hostPath: { path: '/x' }, ...more }, status: { phase: 'Available' },
  });
  const local: StorageClass = { apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass', metadata: { name: 'local' }, provisioner: 'slipway.dev/local', volumeBindingMode: 'WaitForFirstConsumer' };
  const plan = (one: PersistentVolumeClaim, volumes: PersistentVolume[] = [], storageClass?: StorageClass, nodeSelected = false) => {
    const action = planClaim(one, { volumes, storageClass, nodeSelected, provisioner: 'slipway.dev/local' });
    return action.type === 'bind' ? `bind ${action.volume.metadata.name}` : action.type === 'wait' ? action.reason : action.type;
  };

  test.each([
    ['takes the smallest volume that is large enough', plan(claim(), [volume('small', '500Mi'), volume('large', '9Gi'), volume('right', '2Gi')]), 'bind right'],
    ['takes the one with the fewest access modes', plan(claim(), [volume('many', '1Gi', { accessModes: ['ReadWriteOnce', 'ReadWriteMany'] }), volume('one', '5Gi')]), 'bind one'],
    ['does not take another class, mode or claim\'s', plan(claim(), [volume('classed', '1Gi', { storageClassName: 'x' }), volume('block', '1Gi', { volumeMode: 'Block' }), volume('taken', '1Gi', { claimRef: { namespace: 'demo', name: 'other' } })]), 'FailedBinding'],
    ['takes the volume that is reserved for it', plan(claim(), [volume('free', '1Gi'), volume('mine', '9Gi', { claimRef: { namespace: 'demo', name: 'data' } })]), 'bind mine'],
    ['takes the volume it names', plan(claim({ volumeName: 'named' }), [volume('named', '1Gi')]), 'bind named'],
    ['waits for its first pod', plan(claim({ storageClassName: 'local' }), [], local), 'WaitForFirstConsumer'],
    ['is provisioned once a node is chosen', plan(claim({ storageClassName: 'local' }), [], local, true), 'provision'],
    ['of an unknown class fails', plan(claim({ storageClassName: 'gold' })), 'ProvisioningFailed'],
    ['of another provisioner waits for that', plan(claim({ storageClassName: 'ebs' }), [], { ...local, provisioner: 'ebs.csi.aws.com', volumeBindingMode: 'Immediate' }), 'ExternalProvisioning'],
    ['whose volume is gone is lost', plan(claim({ volumeName: 'gone' }, { [boundCompletely]: 'yes' })), 'lost'],
  ])('%s', (_name, action, expected) => {
    expect(action).toBe(expected);
  });

  test('that is deleted leaves its volume as the policy says', () => {
    const bound = (policy: 'Retain' | 'Delete' | 'Recycle', phase: 'Bound' | 'Released', annotations = {}): PersistentVolume => ({
      ...volume('v', '1Gi', { claimRef: { namespace: 'demo', name: 'data', uid: 'c1' }, persistentVolumeReclaimPolicy: policy }), metadata: { name: 'v', annotations }, status: { phase },
    });
    const ours = { [provisionedBy]: 'slipway.dev/local' };
    expect(planVolume(bound('Retain', 'Bound'), undefined, 'slipway.dev/local')).toEqual({ type: 'phase', phase: 'Released' });
    expect(planVolume(bound('Retain', 'Released'), undefined, 'slipway.dev/local')).toEqual({ type: 'none' });
    expect(planVolume(bound('Delete', 'Bound', ours), undefined, 'slipway.dev/local')).toEqual({ type: 'phase', phase: 'Released' });
    expect(planVolume(bound('Delete', 'Released', ours), undefined, 'slipway.dev/local')).toEqual({ type: 'delete' });
    expect(planVolume(bound('Delete', 'Bound'), undefined, 'slipway.dev/local')).toMatchObject({ phase: 'Failed' });
    expect(planVolume(bound('Recycle', 'Bound'), undefined, 'slipway.dev/local')).toMatchObject({ phase: 'Failed', message: 'No recycler plugin found for the volume!' });
    expect(planVolume(bound('Retain', 'Bound'), claim({ volumeName: 'v' }), 'slipway.dev/local')).toEqual({ type: 'none' });
  });
});
