/** What a stateful set does next, for each state of its pods: input → action. */
import { describe, expect, test } from 'vitest';
import type { StatefulSet } from '../../../../../src/api/kinds/apps.ts';
import type { Pod } from '../../../../../src/api/kinds/core.ts';
import { claimsFor, ordinalOf, planStatefulSet, statefulPod, statefulSetStatus } from '../../../../../src/controlplane/deployment/stateful-set/stateful-set-plan.ts';

const now = new Date('2026-11-23T10:00:00Z');
const set = (spec: Partial<StatefulSet['spec']> = {}): StatefulSet => ({
  apiVersion: 'apps/v1', kind: 'StatefulSet', metadata: { name: 'db', namespace: 'demo', uid: 'set' },
  spec: { replicas: 3, serviceName: 'db', selector: { matchLabels: { app: 'db' } }, podManagementPolicy: 'OrderedReady', updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 0 } }, template: { metadata: { labels: { app: 'db' } }, spec: { containers: [{ name: 'db', image: 'db:1' }] } }, ...spec },
});
const revisions = { current: 'db-old', update: 'db-new', template: () => undefined };

/** `0`: ready and of the new revision; letters change that: o old revision, u unready, x failed, s ended well, d on its way out. */
function pods(text: string): Pod[] {
  return text.split(' ').filter(Boolean).map((word) => {
    const [, ordinal = '0', marks = ''] = /^(\d+)(\w*)$/.exec(word) ?? [];
    const has = (mark: string) => marks.includes(mark);
    return {
      apiVersion: 'v1', kind: 'Pod',
      metadata: { name: `db-${ordinal}`, labels: { app: 'db', 'controller-revision-hash': has('o') ? 'db-old' : 'db-new' }, ...(has('d') && { deletionTimestamp: '2026-11-23T09:59:59Z' }) },
      spec: { containers: [] },
      status: { phase: has('x') ? 'Failed' : has('s') ? 'Succeeded' : 'Running', conditions: [{ type: 'Ready', status: has('u') || has('x') ? 'False' : 'True', lastTransitionTime: '2026-11-23T09:59:50Z' }] },
    } as unknown as Pod;
  });
}

const told = (of: StatefulSet, text: string) => {
  const { create, remove } = planStatefulSet(of, pods(text), revisions, now);
  return [...create.map(({ ordinal, revision }) => `+${ordinal}${revision === 'db-old' ? 'o' : ''}`), ...remove.map(({ pod, why }) => `-${ordinalOf(of, pod.metadata.name)} ${why}`)].join(' ');
};

describe.each<[string, Partial<StatefulSet['spec']>, [string, string][]]>([
  ['one by one', {}, [['', '+0'], ['0u', ''], ['0', '+1'], ['0 1 2', ''], ['0 2', '+1'], ['0x 1 2', '-0 failed'], ['0s 1 2', '-0 ended'], ['0d 1 2', ''], ['0 1 2 3 4', '-4 scaled'], ['0 1 2 3 4d', ''], ['0u 1 2 3', '']]],
  ['all at once', { podManagementPolicy: 'Parallel' }, [['', '+0 +1 +2'], ['0u', '+1 +2'], ['0 1 2 3 4', '-4 scaled -3 scaled'], ['0x 1', '+2 -0 failed']]],
  ['an update goes from the last to the first, and waits', {}, [['0o 1o 2o', '-2 update'], ['0o 1o 2', '-1 update'], ['0o 1o 2u', ''], ['0o 1o 2d', ''], ['0o 1 2', '-0 update']]],
  ['an update stops at the partition', { updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 2 } } }, [['0o 1o 2o', '-2 update'], ['0o 1o 2', ''], ['1o 2', '+0o'], ['0o 1o', '+2']]],
  ['an update of several at a time', { updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 2 } as never } }, [['0o 1o 2o', '-2 update -1 update'], ['0o 1o 2', '-1 update -0 update'], ['0o 1 2u', '']]],
  ['an update of a share, all pods at once', { podManagementPolicy: 'Parallel', updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '60%', partition: 1 } as never } }, [['0o 1o 2o', '-2 update -1 update'], ['0o 1o 2u', '-1 update'], ['0o 1u 2u', '']]],
  ['an update by deletion', { updateStrategy: { type: 'OnDelete' } }, [['0o 1o 2o', ''], ['0o 2o', '+1']]],
  ['numbers that begin elsewhere', { ordinals: { start: 5 }, replicas: 2 }, [['', '+5'], ['5', '+6'], ['5 6 0', '-0 scaled']]],
  ['pods that must have been ready for a while', { minReadySeconds: 30 }, [['0', ''], ['', '+0']]],
])('%s', (_, spec, rows) => {
  test.each(rows)('[%s] → [%s]', (state, action) => expect(told(set(spec), state)).toBe(action));
});

test('a pod has the name, the labels, the host and the claims of its number', () => {
  const of = set({ volumeClaimTemplates: [{ metadata: { name: 'data', labels: { tier: 'slow' } }, spec: { accessModes: ['ReadWriteOnce'] } }], template: { metadata: { labels: { app: 'db' } }, spec: { containers: [{ name: 'db', image: 'db:1' }], volumes: [{ name: 'data', emptyDir: {} }, { name: 'tmp', emptyDir: {} }] } } });
  expect(statefulPod(of, 2, 'db-new', of.spec.template)).toMatchObject({
    metadata: { name: 'db-2', labels: { app: 'db', 'statefulset.kubernetes.io/pod-name': 'db-2', 'apps.kubernetes.io/pod-index': '2', 'controller-revision-hash': 'db-new' }, ownerReferences: [{ kind: 'StatefulSet', controller: true }] },
    spec: { hostname: 'db-2', subdomain: 'db', volumes: [{ name: 'tmp' }, { name: 'data', persistentVolumeClaim: { claimName: 'data-db-2' } }] },
  });
  expect(claimsFor(of, 2)).toMatchObject([{ metadata: { name: 'data-db-2', labels: { app: 'db', tier: 'slow' } }, spec: { accessModes: ['ReadWriteOnce'] } }]);
});

test.each([
  ['0o 1o 2', { replicas: 3, readyReplicas: 3, currentReplicas: 2, updatedReplicas: 1, currentRevision: 'db-old' }],
  ['0 1 2', { replicas: 3, readyReplicas: 3, currentReplicas: 3, updatedReplicas: 3, currentRevision: 'db-new' }],
  ['0 1 2u', { replicas: 3, readyReplicas: 2, updatedReplicas: 3, currentRevision: 'db-old' }],
])('the status of [%s]', (state, expected) => expect(statefulSetStatus(set(), pods(state), revisions, now)).toMatchObject({ ...expected, updateRevision: 'db-new' }));
