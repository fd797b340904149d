import { describe, expect, test } from 'vitest';
import type { Event } from '../../../src/api/kinds/core.ts';
import { eventRows } from '../../../src/extension/panels/events-view.ts';
import { mostRows } from '../../../src/protocol/events-panel.ts';

const event = (kind: string, name: string, more: object = {}) => ({
  kind: 'Event', metadata: { name: `${name}.1`, creationTimestamp: '2026-01-01T00:00:00Z' }, involvedObject: { kind, name }, reason: 'Told', message: 'something', type: 'Normal', count: 1,
  firstTimestamp: '2026-01-01T00:00:00Z', lastTimestamp: '2026-01-01T00:00:00Z', ...more,
}) as unknown as Event;

describe('events', () => {
  test('stand newest first, the same told of the same in one row', () => {
    const { rows, more } = eventRows([
      event('Pod', 'a', { lastTimestamp: '2026-01-01T00:01:00Z' }),
      event('Pod', 'b', { type: 'Warning', lastTimestamp: '2026-01-01T00:03:00Z' }),
      event('Pod', 'a', { count: 4, firstTimestamp: '2025-12-31T23:00:00Z', lastTimestamp: '2026-01-01T00:02:00Z' }),
    ], undefined);
    expect(rows).toMatchObject([{ name: 'b', warning: true, count: 1 }, { name: 'a', warning: false, count: 5, first: '2025-12-31T23:00:00Z', last: '2026-01-01T00:02:00Z' }]);
    expect(more).toBe(false);
  });

  test('of the newer API tell their time and number elsewhere', () => {
    const newer = event('Pod', 'a', { count: undefined, firstTimestamp: null, lastTimestamp: null, eventTime: '2026-01-01T00:05:00.000000Z', series: { count: 7, lastObservedTime: '2026-01-01T00:06:00.000000Z' }, reportingComponent: 'kubelet', source: {} });
    expect(eventRows([newer], undefined).rows).toMatchObject([{ count: 7, first: '2026-01-01T00:05:00.000000Z', last: '2026-01-01T00:06:00.000000Z', component: 'kubelet' }]);
  });

  test('are bounded', () => {
    const { rows, more } = eventRows(Array.from({ length: mostRows + 1 }, (_, index) => event('Pod', `p${index}`)), undefined);
    expect([rows.length, more]).toEqual([mostRows, true]);
  });

  test.each([
    ['DeploymentConfig', 'web', ['DeploymentConfig/web', 'ReplicationController/web-2', 'Pod/web-2-x7k2p', 'Pod/web-2-deploy', 'Pod/web-2-hook-pre'], ['Pod/web-db-1-x7k2p', 'DeploymentConfig/web-db', 'Pod/web']],
    ['Deployment', 'web', ['Deployment/web', 'ReplicaSet/web-7d4b9c6f5', 'Pod/web-7d4b9c6f5-x7k2p'], ['Pod/web-db-7d4b9c6f5-x7k2p', 'Pod/web-2-x7k2p']],
    ['StatefulSet', 'db', ['StatefulSet/db', 'Pod/db-0'], ['Pod/db-copy-0', 'Pod/db']],
    ['BuildConfig', 'web', ['BuildConfig/web', 'Build/web-1', 'Pod/web-1-build'], ['Build/web-db-1']],
    ['Service', 'web', ['Service/web', 'Endpoints/web'], ['Pod/web']],
    ['Pod', 'web', ['Pod/web'], ['Service/web', 'Pod/web-1']],
  ])('of %s "%s" are those of what it makes, too', (kind, name, own, others) => {
    const all = [...own, ...others].map((one) => event(...(one.split('/') as [string, string])));
    expect(eventRows(all, [{ kind, name }]).rows.map((row) => `${row.kind}/${row.name}`).sort()).toEqual([...own].sort());
  });
});
