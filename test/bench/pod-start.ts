/**
 * From the API's acceptance of a pod to its first answer through a route: scheduler, agent, sandbox, endpoints and router included. Beside it podman with runc,
 * asked over its API: create and start of a container with the same program, to its first answer on its own address.
 * `node test/bench/pod-start.ts [times, default 10]`
 */
import http from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { toolsImage } from '../../src/api/well-known.ts';
import { eventually } from '../support/platform/platform.ts';
import { caller, withPlatform, type MeasuredPlatform } from './platform.ts';
import { statusOf, withPodman } from './podman.ts';
import { measured, median, printTable, recorded, type Row } from './table.ts';

const program = "require('http').createServer((q,r)=>r.end('ok')).listen(8080)";
const host = 'bench-default.apps.localhost';
const pollMs = 2;
/** Ends of what went before are not part of the next start. */
const settleMs = 500;

export async function benchPodStart(platform: MeasuredPlatform, times = 10): Promise<Row[]> {
  const ours = await podsOf(platform, times);
  const theirs = await podman(times);
  return [{
    what: 'pod accepted → serving through its route', value: ours, unit: 'ms', better: 'less',
    peer: theirs === undefined ? recorded('podman + runc', 172) : measured('podman + runc', theirs, 'podman'), least: { value: 100 }, aim: { value: 60 },
    ...(theirs === undefined && { note: 'podman and runc (Debian packages) are missing' }),
  }];
}

async function podsOf(platform: MeasuredPlatform, times: number): Promise<number> {
  const pool = platform.pool(2);
  const call = caller(pool);
  const pods = '/api/v1/namespaces/default/pods';
  await call('POST', '/api/v1/namespaces/default/services', { metadata: { name: 'bench' }, spec: { selector: { app: 'bench' }, ports: [{ port: 80, targetPort: 8080 }] } });
  await call('POST', '/apis/route.openshift.io/v1/namespaces/default/routes', { metadata: { name: 'bench' }, spec: { host, to: { kind: 'Service', name: 'bench' } } });
  const port = Number(new URL(platform.info.router.http).port);
  // One connection: who asks so often must not take the time from what is measured.
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const serves = () => statusOf({ agent, host: '127.0.0.1', port, headers: { host } });
  await eventually('the route is admitted', async () => ((await platform.kube('get', 'route', 'bench', '-o', 'jsonpath={.status.ingress[0].host}')) === host ? true : undefined));
  const took: number[] = [];
  for (let round = 0; round <= times; round += 1) {
    const name = `bench-${round}`;
    await call('POST', pods, { metadata: { name, labels: { app: 'bench' } }, spec: { terminationGracePeriodSeconds: 0, containers: [{ name: 'web', image: toolsImage, imagePullPolicy: 'IfNotPresent', command: ['node', '-e', program] }] } });
    const began = performance.now();
    while ((await serves()) !== 200) await sleep(pollMs);
    // The first one warms the disk.
    if (round > 0) took.push(performance.now() - began);
    await call('DELETE', `${pods}/${name}`, { gracePeriodSeconds: 0 });
    await eventually('the pod is gone', async () => ((await serves()) === 503 && !(await platform.kube('get', 'pods', '-l', 'app=bench', '-o', 'name')) ? true : undefined));
    await sleep(settleMs);
  }
  await call('DELETE', '/api/v1/namespaces/default/services/bench');
  await call('DELETE', '/apis/route.openshift.io/v1/namespaces/default/routes/bench');
  await pool.close();
  agent.destroy();
  console.log(`  pods: ${took.map((one) => one.toFixed(0)).join(' ')} ms`);
  return median(took);
}

/** Undefined where it is not installed or cannot run. */
async function podman(times: number): Promise<number | undefined> {
  const took = await withPodman(async (ask) => {
    const all: number[] = [];
    for (let round = 0; round <= times; round += 1) {
      const began = performance.now();
      const { Id } = (await ask('POST', '/containers/create', { image: 'bench', command: ['/bin/node', '-e', program] })) as { Id: string };
      await ask('POST', `/containers/${Id}/start`);
      const { NetworkSettings } = (await ask('GET', `/containers/${Id}/json`)) as { NetworkSettings: { IPAddress?: string; Networks?: Record<string, { IPAddress: string }> } };
      const address = NetworkSettings.IPAddress || Object.values(NetworkSettings.Networks ?? {})[0]?.IPAddress || '';
      while ((await statusOf({ host: address, port: 8080 })) !== 200) await sleep(pollMs);
      if (round > 0) all.push(performance.now() - began);
      await ask('DELETE', `/containers/${Id}?force=true&timeout=0`);
      await sleep(settleMs);
    }
    return all;
  });
  if (!took) return undefined;
  console.log(`  podman: ${took.map((one) => one.toFixed(0)).join(' ')} ms`);
  return median(took);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) printTable(await withPlatform((platform) => benchPodStart(platform, Number(process.argv[2] ?? 10))));
