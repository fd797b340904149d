/**
 * kill -9 of agent, shims, router and control plane at random points, while pods come and go: nothing is leaked, nothing acknowledged lost, logs have no gap, and no container
 * is restarted by a kill of agent, router or control plane. `SLIPWAY_KILLS=200` for more points, `SLIPWAY_KILL_SEED=<seed>` to run one again.
 */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { configMaps, pods, type ConfigMap, type Pod } from '../../src/api/kinds/core.ts';
import type { Connection } from '../../src/client/connection.ts';
import { lastingPort } from '../support/free-port.ts';
import { churn } from '../support/kills/churn.ts';
import { seeded } from '../support/kills/random.ts';
import { processesOf, tracesOf, type Part } from '../support/kills/traces.ts';
import { eventually, fetchRoute, Platform } from '../support/platform/platform.ts';
import { processesNaming } from '../support/platform/processes.ts';
import { manifestOf, webPod, webService } from '../support/platform/web-pod.ts';

const points = Number(process.env.SLIPWAY_KILLS ?? 20);
const seed = Number(process.env.SLIPWAY_KILL_SEED ?? Math.floor(Math.random() * 2 ** 31));
const victims: readonly Part[] = ['agent', 'shim', 'router', 'agent', 'shim', 'control plane'];
const namespace = 'default';

let platform: Platform;
let connection: Connection;
let flags: string[];

beforeAll(async () => {
  platform = new Platform();
  flags = ['--runtime', 'sandbox', '--http-port', String(await lastingPort()), '--api-port', String(await lastingPort())];
  await platform.up(flags);
  const route = { apiVersion: 'route.openshift.io/v1', kind: 'Route', metadata: { name: 'counter' }, spec: { to: { kind: 'Service', name: 'counter' } } };
  await platform.kubectl(['apply', '-f', '-'], { input: manifestOf(webPod('counter', { env: { COUNT_EVERY: '10' } }), webService('counter'), route) });
  await platform.kube('wait', '--for=condition=Ready', 'pod/counter', '--timeout=60s');
  // Another agent has another shim for what comes now: the counter's is left alone.
  for (const pid of processesOf(platform, 'agent')) process.kill(pid, 'SIGKILL');
  await platform.kubectl(['apply', '-f', '-'], { input: manifestOf(webPod('struck', { env: { COUNT_EVERY: '10' } })) });
  await platform.kube('wait', '--for=condition=Ready', 'pod/struck', '--timeout=60s');
  connection = await platform.connection();
});
afterAll(async () => {
  await connection?.dispose();
  await platform?.dispose();
});

const get = (name: string) => connection.client.get<Pod>(pods, { namespace, name });
const idOf = (pod: Pod) => pod.status?.containerStatuses?.[0]?.containerID?.replace('slipway://', '') ?? '';
const counts = (log: string) => [...log.matchAll(/^count (\d+)$/gm)].map(([, count]) => Number(count));

function kill(pid: number | undefined): boolean {
  try {
    return pid !== undefined && process.kill(pid, 'SIGKILL');
  } catch {
    return false;
  }
}

test(`${points} points, seed ${seed}`, { timeout: 60_000 + points * 15_000 }, async () => {
  console.log(`SLIPWAY_KILLS=${points} SLIPWAY_KILL_SEED=${seed}`);
  const random = seeded(seed);
  const before = await get('counter');
  const worker = churn(connection.client, seeded(seed + 1));
  const struck: Partial<Record<Part, number>> = {};
  for (let point = 0; point < points; point += 1) {
    await new Promise((resolve) => setTimeout(resolve, random() * 500));
    const wanted = Math.floor(random() * victims.length);
    const choice = random();
    // Who is not there at this moment has a successor on the way: then it is the next one's turn.
    for (const part of [...victims.slice(wanted), ...victims.slice(0, wanted)]) {
      const found = processesOf(platform, part, [idOf(before)]);
      if (!kill(found[Math.floor(choice * found.length)])) continue;
      struck[part] = (struck[part] ?? 0) + 1;
      if (part === 'control plane') await platform.up(flags);
      break;
    }
  }
  await worker.stop();
  console.log(`killed: ${JSON.stringify(struck)}; acknowledged meanwhile: ${worker.acknowledged()} writes, ${worker.deleted.size} pods made and deleted`);

  // Nothing acknowledged is lost.
  const document = await connection.client.get<ConfigMap>(configMaps, { namespace, name: 'acknowledged' });
  expect(Number(document.data?.['number'])).toBeGreaterThanOrEqual(worker.written());
  await eventually('the deleted pods are gone', async () => {
    const left = (await connection.client.list<Pod>(pods, { namespace, labelSelector: 'app=churn' })).items.map(({ metadata }) => metadata.name);
    if (left.length > 0) throw new Error(left.join(' '));
    return true;
  }, 60_000);

  // What ran goes on: the same container, every line of its log, and its route.
  await eventually('the agent answers', async () => ((await platform.kubectl(['exec', 'counter', '--', 'true'])).code === 0 ? true : undefined), 60_000);
  const after = await get('counter');
  expect([idOf(after), after.status?.containerStatuses?.[0]?.restartCount]).toEqual([idOf(before), 0]);
  const logged = counts(await platform.kube('logs', 'counter'));
  expect(logged.length).toBeGreaterThan(points);
  expect(logged).toEqual(logged.map((_, index) => index));
  const url = `http://counter-default.apps.localhost:${new URL((await platform.status()).router?.http ?? '').port}/`;
  await eventually('the route answers', async () => ((await fetchRoute(url)).status === 200 ? true : undefined), 60_000);
  // Who lost its shim was started again, and both its logs are whole.
  await eventually('the struck pod runs again', async () => ((await get('struck')).status?.containerStatuses?.[0]?.state?.running ? true : undefined), 400_000);
  for (const previous of (await get('struck')).status?.containerStatuses?.[0]?.restartCount ? [[], ['--previous']] : [[]]) {
    const own = counts(await platform.kube('logs', 'struck', ...previous));
    expect(own).toEqual(own.map((_, index) => index));
  }

  // Nothing is left of what came and went.
  await eventually('nothing is left', async () => {
    const all = (await connection.client.list<Pod>(pods, {})).items.filter(({ metadata }) => metadata.annotations?.['kubernetes.io/config.mirror'] === undefined);
    const traces = tracesOf(platform);
    const uids = all.map(({ metadata }) => metadata.uid ?? '').sort();
    const running = all.flatMap(({ status }) => status?.containerStatuses?.flatMap(({ state, containerID }) => (state?.running ? (containerID?.replace('slipway://', '') ?? '') : [])) ?? []).sort();
    const known = new Set(all.flatMap(({ status }) => status?.containerStatuses?.flatMap(({ containerID, lastState }) => [containerID, lastState?.terminated?.containerID].flatMap((id) => id?.replace('slipway://', '') ?? [])) ?? []));
    const { length } = traces.podFolders;
    const differs = (what: string, is: unknown, wanted: unknown) => (JSON.stringify(is) === JSON.stringify(wanted) ? [] : [`${what}: ${JSON.stringify(is)}, not ${JSON.stringify(wanted)}`]);
    const left = [
      // One pod network is kept in reserve, and one container's folder.
      ...(traces.spareContainers > 1 ? [`containers: ${traces.spareContainers} that never were`] : []),
      ...(length - all.length > 1 ? [`pods: ${length} folders for ${all.length} pods`] : []),
      ...differs('folders of the agent', traces.agentFolders, uids), ...differs('containers in the care of shims', traces.shims, running),
      ...differs('folders of containers', traces.containerFolders.filter((id) => !known.has(id)), []), ...differs('processes', traces.others, []),
      ...differs('mounts', traces.podMounts, length * 2), ...differs('holders of namespaces', traces.sleepers, length), ...differs('ports', traces.ports, length),
      ...differs('agents', traces.agents, 1), ...differs('routers', traces.routers, 1),
    ];
    if (left.length > 0) throw new Error(left.join('\n'));
    return true;
  }, 60_000);
  await platform.down();
  await eventually('nothing of the home runs', async () => (processesNaming(platform.home).length === 0 ? true : undefined));
});
