/** Rollouts on a real platform: no request fails while pods are replaced; commands, hooks and tags of a rollout; what is killed in the middle leaves nothing. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { deployments } from '../../src/api/kinds/apps.ts';
import { pods, replicationControllers, type Pod } from '../../src/api/kinds/core.ts';
import { deploymentConfigs } from '../../src/api/kinds/deployment-config.ts';
import { phaseOf } from '../../src/api/config-rollout.ts';
import type { Resource } from '../../src/api/resource.ts';
import type { Connection } from '../../src/client/connection.ts';
import { cancel, retry } from '../../src/client/rollout/cancel.ts';
import { followStatus } from '../../src/client/rollout/follow.ts';
import { readHistory, revisionText } from '../../src/client/rollout/history.ts';
import { pause, resume } from '../../src/client/rollout/pause.ts';
import { scale } from '../../src/client/rollout/scale.ts';
import { latest, restart } from '../../src/client/rollout/start.ts';
import { undo } from '../../src/client/rollout/undo.ts';
import type { RunInfo } from '../../src/protocol/daemon.ts';
import { startLoad, untilServed } from '../support/load.ts';
import { eventually, Platform } from '../support/platform/platform.ts';
import { allProcesses } from '../support/platform/processes.ts';
import { rolledUnderTls } from '../support/routing/tls-rollout.ts';
import { manifestOf, webDeployment, webDeploymentConfig, webRoute, webService, type WebPodOptions } from '../support/platform/web-pod.ts';

const namespace = 'default';
let platform: Platform;
let connection: Connection;
let routerPort: string;

beforeAll(async () => {
  platform = new Platform();
  await platform.up();
  routerPort = new URL((await platform.status()).router?.http ?? '').port;
  connection = await platform.connection();
});
afterAll(async () => {
  await connection?.dispose();
  await platform?.dispose();
});

const apply = async (...objects: object[]) => {
  const result = await platform.kubectl(['apply', '-f', '-'], { input: manifestOf(...objects) });
  expect(result.code, result.stderr).toBe(0);
};
const config = (name: string) => ({ of: deploymentConfigs as Resource, namespace, name });
const settled = (target: { of: Resource; namespace: string; name: string }) => followStatus(connection.client, target, () => undefined);
const podsOf = async (app: string): Promise<Pod[]> => (await connection.client.list(pods, { namespace, labelSelector: `app=${app}` })).items;
const serving = (app: string, count: number) => eventually(`${count} pods of ${app} serve`, async () => {
  const all = await podsOf(app);
  return all.length === count && all.every(({ status }) => status?.containerStatuses?.every(({ ready }) => ready)) ? all : undefined;
}, 60_000);
const log = (pod: string) => platform.kube('logs', pod);
const phase = (rollout: string) => connection.client.get(replicationControllers, { namespace, name: rollout }).then(phaseOf, () => undefined);
const becomes = (rollout: string, wanted: string) => eventually(`${rollout} is ${wanted}`, async () => ((await phase(rollout)) === wanted ? true : undefined), 60_000);

describe.each([
  { kind: 'DeploymentConfig', of: deploymentConfigs as Resource, make: webDeploymentConfig },
  { kind: 'Deployment', of: deployments as Resource, make: webDeployment },
])('requests to a $kind', ({ kind, of, make }) => {
  const name = `load-${kind.toLowerCase()}`;
  const target = { of, namespace, name };

  test('are all answered through rollouts, scaling and deleted pods', async () => {
    const version = (number: number): object => make(name, 2, { env: { VERSION: String(number) } } satisfies WebPodOptions);
    await apply(version(1), webService(name), webRoute(name));
    expect(await settled(target)).toMatchObject({ phase: 'complete' });
    await serving(name, 2);
    const url = `http://${name}-${namespace}.apps.localhost:${routerPort}/`;
    await untilServed(url);

    const load = startLoad({ url, perSecond: 200 });
    await load.more(50);
    for (const next of [2, 3]) {
      await apply(version(next));
      await eventually('the rollout begins', async () => ((await podsOf(name)).some(({ spec }) => spec.containers[0]?.env?.some(({ value }) => value === String(next))) ? true : undefined));
      expect(await settled(target)).toMatchObject({ phase: 'complete' });
      await load.more(50);
    }
    await scale(connection.client, target, 1);
    await serving(name, 1);
    await load.more(50);
    await scale(connection.client, target, 3);
    const [first, second] = await serving(name, 3);
    for (const pod of [first, second]) await connection.client.delete(pods, { namespace, name: pod?.metadata.name ?? '' });
    await serving(name, 3);
    await load.more(50);
    const result = await load.end();
    expect(result.failures).toEqual({});
    const versions = new Set(Object.keys(result.answers).map((line) => /^version (\d)/.exec(line)?.[1]));
    expect(versions).toEqual(new Set(['1', '2', '3']));
    await scale(connection.client, target, 0);
  });
});

test('requests, WebSockets and gRPC streams through edge, reencrypt and passthrough outlast a rollout', () => rolledUnderTls(platform));

describe('a rollout', () => {
  test('runs its hooks as pods with what they ask for, again in place if they fail', async () => {
    const state = { name: 'state', emptyDir: {} };
    const spec = webDeploymentConfig('hooked', 1, { env: { COLOUR: 'red', SIZE: 'small' } }, {}) as { spec: { template: { spec: { volumes?: object[]; containers: { volumeMounts?: object[] }[] } }; strategy?: object } };
    spec.spec.template.spec.volumes = [state];
    if (spec.spec.template.spec.containers[0]) spec.spec.template.spec.containers[0].volumeMounts = [{ name: 'state', mountPath: '/state' }];
    const command = ['/bin/sh', '-c', 'echo "try in $COLOUR $SIZE for $OPENSHIFT_DEPLOYMENT_NAME"; test -e /state/tried || { touch /state/tried; exit 1; }'];
    spec.spec.strategy = { type: 'Recreate', recreateParams: { pre: { failurePolicy: 'Retry', execNewPod: { command, env: [{ name: 'COLOUR', value: 'blue' }], volumes: ['state'] } }, mid: { failurePolicy: 'Ignore', execNewPod: { command: ['/bin/sh', '-c', 'exit 3'] } } } };
    await apply(spec);
    await becomes('hooked-1', 'Complete');
    expect((await log('hooked-1-deploy')).split('\n').slice(0, 8)).toEqual([
      '--> pre: Running hook pod ...', 'try in blue small for hooked-1', '--> pre: Retrying hook pod (retry #1)', 'try in blue small for hooked-1', '--> pre: Success',
      '--> mid: Running hook pod ...', '--> mid: Failed', '--> mid: Hook failed (ignored): the hook pod ended with exit code 3',
    ]);
    await platform.kube('delete', 'dc/hooked');
    await eventually('its pods go with it', async () => ((await connection.client.list(pods, { namespace })).items.some(({ metadata }) => metadata.name.startsWith('hooked-')) ? undefined : true));
  });

  test('whose deployer is killed fails, leaves the version before as it was, and succeeds when tried again', async () => {
    const options = (version: string): WebPodOptions => ({ env: { VERSION: version } });
    await apply(webDeploymentConfig('killed', 2, options('1')));
    await becomes('killed-1', 'Complete');
    // It waits for pods that never are ready, so it is met in the middle.
    const unready = webDeploymentConfig('killed', 2, { ...options('2'), readinessProbe: false }) as { spec: { template: { spec: { containers: object[] } } } };
    Object.assign(unready.spec.template.spec.containers[0] ?? {}, { readinessProbe: { exec: { command: ['test', '-e', '/tmp/go'] }, periodSeconds: 1 } });
    await apply(unready);
    const deployer = () => allProcesses().filter(({ command, pid }) => /tools\.js deploy$/.test(command) && environmentOf(pid).includes('OPENSHIFT_DEPLOYMENT_NAME=killed-2'));
    await eventually('a new pod runs', async () => ((await podsOf('killed')).some(({ metadata, status }) => metadata.labels?.deployment === 'killed-2' && status?.phase === 'Running') ? true : undefined));
    const found = await eventually('the deployer is found', async () => deployer().at(-1));
    process.kill(found.pid, 'SIGKILL');
    await becomes('killed-2', 'Failed');
    expect(await settled(config('killed'))).toMatchObject({ phase: 'failed', message: 'replication controller "killed-2" has failed progressing' });
    await eventually('the version before has all its pods', async () => ((await serving('killed', 2)).every(({ metadata }) => metadata.labels?.deployment === 'killed-1') ? true : undefined));

    expect(await retry(connection.client, config('killed'))).toBe(2);
    await eventually('a new pod runs again', async () => {
      const fresh = (await podsOf('killed')).filter(({ metadata, status }) => metadata.labels?.deployment === 'killed-2' && status?.phase === 'Running' && !metadata.deletionTimestamp);
      for (const { metadata } of fresh) await platform.kubectl(['exec', metadata.name, '--', 'touch', '/tmp/go']);
      return (await phase('killed-2')) === 'Complete' ? true : undefined;
    }, 60_000);
  });

  test('goes on when the control plane is killed in the middle of it', async () => {
    const strategy = { strategy: { type: 'Rolling', rollingParams: { timeoutSeconds: 120, maxSurge: 1, maxUnavailable: 0 } } };
    await apply(webDeploymentConfig('steady', 2, { env: { VERSION: '1' } }, strategy));
    await becomes('steady-1', 'Complete');
    await apply(webDeploymentConfig('steady', 2, { env: { VERSION: '2' } }, strategy));
    await eventually('the first new pod serves', async () => ((await podsOf('steady')).some(({ metadata, status }) => metadata.labels?.deployment === 'steady-2' && status?.phase === 'Running') ? true : undefined));
    const { pid } = JSON.parse(readFileSync(path.join(platform.home, 'run.json'), 'utf8')) as RunInfo;
    process.kill(pid, 'SIGKILL');
    await eventually('it is gone', async () => ((await platform.run(['status'])).code === 1 ? true : undefined));
    await platform.up();
    await connection.dispose();
    connection = await platform.connection();
    await becomes('steady-2', 'Complete');
    const after = await serving('steady', 2);
    expect(after.every(({ metadata }) => metadata.labels?.deployment === 'steady-2')).toBe(true);
    const made = await platform.json<{ items: { reason: string; count?: number }[] }>('get', 'events', '--field-selector=involvedObject.name=steady,reason=DeployerPodCreated');
    expect(made.items.reduce((sum, { count = 1 }) => sum + count, 0)).toBe(2);
  });

  test('is steered by the command', async () => {
    const { client } = connection;
    const run = async (...args: string[]) => {
      const result = await platform.run(args);
      return `${result.code} ${result.stdout}${result.stderr}`;
    };
    expect(await run('rollout', 'status', 'dc/steady')).toBe('0 replication controller "steady-2" successfully rolled out\n');
    expect(await run('rollout', 'history', 'steady')).toMatch(/^0 REVISION +STATUS +CREATED +CAUSE\n1 +Complete +.* ago +config change\n2\* +Complete +.* ago +config change\n$/);
    expect(await run('rollout', 'undo', 'dc/steady')).toBe('0 deploymentconfig/steady rolled back to revision 1\n');
    await becomes('steady-3', 'Complete');
    const { revisions } = await readHistory(client, config('steady'));
    expect(revisions.map(({ number, current }) => [number, current])).toEqual([[3, true], [2, false], [1, false]]);
    expect(revisions[0] && revisions[2] && revisionText(revisions[0])).toBe(revisions[2] && revisionText(revisions[2]));
    expect(await run('rollout', 'pause', 'dc/steady')).toBe('0 deploymentconfig/steady paused\n');
    for (const action of ['latest', 'undo', 'retry', 'cancel']) expect(await run('rollout', action, 'dc/steady')).toMatch(/^1 deploymentconfigs\.apps\.openshift\.io "steady" is paused: resume it first/);
    expect(await run('rollout', 'pause', 'dc/steady')).toContain('is already paused');
    expect(await run('rollout', 'resume', 'dc/steady')).toBe('0 deploymentconfig/steady resumed\n');
    expect(await run('rollout', 'retry', 'dc/steady')).toContain('Rollout #3 of deploymentconfigs.apps.openshift.io "steady" is complete; only failed ones can be retried.');
    expect(await run('rollback', 'steady', '--to-version', '2', '--dry-run')).toMatch(/^0 replicas: 2\n[^]*value: "2"/);
    expect(await run('rollback', 'dc/steady', '--to-version', '2')).toBe('0 deploymentconfig/steady rolled back to steady-2\n');
    await becomes('steady-4', 'Complete');
    expect(await run('scale', 'dc/steady', '--replicas', '1')).toBe('0 deploymentconfig/steady scaled from 2 to 1\n');
    expect(await run('rollout', 'latest', 'nothing')).toMatch(/^1 There is no DeploymentConfig, Deployment, StatefulSet, DaemonSet "nothing"/);
    expect(await run('rollout', 'forward', 'dc/steady')).toMatch(/^2 Name an action and a workload/);
  });

  test('of every kind is undone, restarted, paused and cancelled by one client', async () => {
    const { client } = connection;
    const deployment = { of: deployments as Resource, namespace, name: 'plain' };
    await apply(webDeployment('plain', 1, { env: { VERSION: '1' } }));
    expect(await settled(deployment)).toMatchObject({ phase: 'complete', message: 'deployment "plain" successfully rolled out' });
    await apply(webDeployment('plain', 1, { env: { VERSION: '2' } }));
    await eventually('the second revision', async () => ((await readHistory(client, deployment)).revisions.length === 2 ? true : undefined));
    await settled(deployment);
    expect(await undo(client, deployment)).toMatchObject({ number: 1 });
    await eventually('revision 1 becomes 3', async () => ((await readHistory(client, deployment)).revisions.find(({ current }) => current)?.number === 3 ? true : undefined));
    await expect(undo(client, deployment, 3)).rejects.toThrow('has the template of revision 3 already');
    await expect(undo(client, deployment, 1)).rejects.toThrow('has no revision 1; there are 2, 3');
    await pause(client, deployment);
    await expect(restart(client, deployment)).rejects.toThrow('is paused: resume it first');
    await resume(client, deployment);
    await restart(client, deployment);
    await eventually('the restarted revision', async () => ((await readHistory(client, deployment)).revisions.length === 3 ? true : undefined));
    await expect(latest(client, deployment)).rejects.toThrow('deployments have no "rollout latest"');
    await settled(deployment);

    await apply({ ...webDeploymentConfig('given-up', 1, { readinessProbe: false }), spec: { ...(webDeploymentConfig('given-up', 1) as { spec: object }).spec, minReadySeconds: 50, strategy: { type: 'Rolling', rollingParams: { timeoutSeconds: 60 } } } });
    await becomes('given-up-1', 'Running');
    await expect(latest(client, config('given-up'))).rejects.toThrow('Rollout #1 of deploymentconfigs.apps.openshift.io "given-up" is already in progress (Running)');
    expect(await cancel(client, config('given-up'))).toEqual([1]);
    await becomes('given-up-1', 'Failed');
    expect(await settled(config('given-up'))).toMatchObject({ phase: 'failed', message: 'rollout of replication controller "given-up-1" was cancelled' });
    await eventually('it has no pods, and no deployer is left', async () => ((await connection.client.list(pods, { namespace })).items.some(({ metadata }) => metadata.name.startsWith('given-up-')) ? undefined : true));
    expect(await cancel(client, config('given-up'))).toEqual([]);
  });
});

function environmentOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8');
  } catch {
    return '';
  }
}
