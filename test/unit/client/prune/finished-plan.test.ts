import { describe, expect, it } from 'vitest';
import type { Build, BuildConfig } from '../../../../src/api/kinds/build.ts';
import type { ReplicationController } from '../../../../src/api/kinds/core.ts';
import type { DeploymentConfig } from '../../../../src/api/kinds/deployment-config.ts';
import { planBuilds, planDeployments } from '../../../../src/client/prune/finished-plan.ts';

const now = new Date('2026-05-01T12:00:00Z');
const options = { keepYoungerThanMs: 60 * 60_000, keepComplete: 2, keepFailed: 1, orphans: false };
/** `hour` of the same day. */
const at = (hour: number) => `2026-05-01T${String(hour).padStart(2, '0')}:00:00Z`;
const build = (name: string, hour: number, phase = 'Complete', config = 'app') => ({ metadata: { name, namespace: 'demo', creationTimestamp: at(hour) }, spec: {}, status: { phase, config: { name: config } } }) as unknown as Build;
const names = (list: { metadata: { name: string } }[]) => list.map(({ metadata }) => metadata.name).sort();

describe('builds to prune', () => {
  const config = { metadata: { name: 'app', namespace: 'demo' } } as BuildConfig;
  const builds = [
    ...[1, 2, 3, 4].map((hour) => build(`c${hour}`, hour)), build('f1', 1, 'Failed'), build('f2', 2, 'Cancelled'), build('f3', 3, 'Error'), build('running', 1, 'Running'), build('orphan', 1, 'Complete', 'gone'),
  ];
  it.each<[string, Partial<typeof options>, string[]]>([
    ['beyond those kept of each config', {}, ['c1', 'c2', 'f1', 'f2']],
    ['with orphans', { orphans: true }, ['c1', 'c2', 'f1', 'f2', 'orphan']],
    ['none that is younger', { keepYoungerThanMs: 10.5 * 60 * 60_000 }, ['c1', 'f1']],
    ['all of them', { keepComplete: 0, keepFailed: 0 }, ['c1', 'c2', 'c3', 'c4', 'f1', 'f2', 'f3']],
  ])('%s', (_name, more, expected) => expect(names(planBuilds(builds, [config], { ...options, ...more }, now))).toEqual(expected));
});

describe('deployments to prune', () => {
  const config = { metadata: { name: 'app', namespace: 'demo' }, spec: {}, status: { latestVersion: 6 } } as DeploymentConfig;
  const controller = (version: number, phase = 'Complete', replicas = 0, of = 'app') =>
    ({ metadata: { name: `${of}-${version}`, namespace: 'demo', creationTimestamp: at(version), annotations: { 'openshift.io/deployment-config.name': of, 'openshift.io/deployment-config.latest-version': String(version), 'openshift.io/deployment.phase': phase } }, spec: { replicas } }) as unknown as ReplicationController;
  const all = [controller(1), controller(2), controller(3, 'Complete', 1), controller(4), controller(5), controller(6), controller(7, 'Failed'), controller(8, 'Failed'), controller(9, 'Running'), controller(1, 'Complete', 0, 'gone'), { metadata: { name: 'plain', namespace: 'demo', creationTimestamp: at(1) }, spec: {} } as ReplicationController];
  it('are old rollouts without pods, never the newest nor one that no rollout made', () => {
    expect(names(planDeployments(all, [config], options, now))).toEqual(['app-1', 'app-2', 'app-7']);
    expect(names(planDeployments(all, [config], { ...options, orphans: true, keepComplete: 9, keepFailed: 9 }, now))).toEqual(['gone-1']);
  });
});
