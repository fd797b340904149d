import { expect, test } from 'vitest';
import { idleAnnotations, mergeTargets, parseTargets, type UnidleTarget } from '../../../../src/client/idle/idle-annotations.ts';
import { planUnidling } from '../../../../src/controlplane/service/unidling-plan.ts';

const target = (name: string, replicas: number, group = 'apps'): UnidleTarget => ({ kind: 'Deployment', name, ...(group && { group }), replicas });

test.each<[string, UnidleTarget[], UnidleTarget[], UnidleTarget[]]>([
  ['sizes of now', [target('a', 3)], [], [target('a', 3)]],
  ['what it was, for one that is down already', [target('a', 0)], [target('a', 4)], [target('a', 4)]],
  ['one pod, where nobody knows', [target('a', 0)], [], [target('a', 1)]],
  ['the new size before the old', [target('a', 2)], [target('a', 4)], [target('a', 2)]],
  ['what was noted before, too', [target('a', 2)], [target('b', 4)], [target('a', 2), target('b', 4)]],
])('a service notes %s', (_, found, before, noted) => {
  expect(mergeTargets(found, before)).toEqual(noted);
});

const at = new Date('2026-01-02T03:04:05.678Z');
const asleep = idleAnnotations([target('a', 3)], at);
test.each<[string, Record<string, string> | undefined, string, string]>([
  ['one that is not idle stays as it is', {}, '2026-01-02T03:05:00Z', 'awake'],
  ['a call in the same second wakes', asleep, '2026-01-02T03:04:05Z', 'wake'],
  ['a call before it fell asleep does not', asleep, '2026-01-02T03:04:04Z', 'outdated'],
  ['a time that is none', { ...asleep, 'idling.alpha.openshift.io/idled-at': 'yesterday' }, '2026-01-02T03:05:00Z', 'unreadable'],
  ['targets that are none', { ...asleep, 'idling.alpha.openshift.io/unidle-targets': '[{"kind":"Deployment"}]' }, '2026-01-02T03:05:00Z', 'unreadable'],
])('%s', (_, annotations, askedAt, kind) => {
  expect(planUnidling(annotations, Date.parse(askedAt)).kind).toBe(kind);
});

test('the annotations are OpenShift\'s', () => {
  expect(asleep).toEqual({ 'idling.alpha.openshift.io/idled-at': '2026-01-02T03:04:05Z', 'idling.alpha.openshift.io/unidle-targets': '[{"kind":"Deployment","name":"a","group":"apps","replicas":3}]' });
  expect(parseTargets(asleep['idling.alpha.openshift.io/unidle-targets'])).toEqual([target('a', 3)]);
  expect([parseTargets('nonsense'), parseTargets('{}'), parseTargets(undefined)]).toEqual([undefined, undefined, []]);
});
