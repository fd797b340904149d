/**
 * From the API's acceptance of a pod to its first answer through a route: scheduler, agent, sandbox, endpoints and router included. Beside it podman with runc,
 * asked over its API: create and start of a container with the same program, to its first answer on its own address.
 * `node test/bench/pod-start.ts [times, default 10]`
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { toolsImage } from '../../src/api/well-known.ts';
import { eventually } from '../support/platform/platform.ts';
import { caller, installed, withPlatform, type MeasuredPlatform } from './platform.ts';
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
  const serves = () => get({ host: '127.0.0.1', port, headers: { host } });
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
  console.log(`  pods: ${took.map((one) => one.toFixed(0)).join(' ')} ms`);
  return median(took);
}

/** Undefined where it is not installed or cannot run. */
async function podman(times: number): Promise<number | undefined> {
  const [engine, runtime] = [installed('podman'), installed('runc')];
  if (!engine || !runtime) return undefined;
  const folder = mkdtempSync(path.join(tmpdir(), 'slipway-bench-podman-'));
  const config = path.join(folder, 'containers.conf');
  writeFileSync(config, '[engine]\nruntime = "runc"\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n[containers]\ndefault_ulimits = ["nofile=10000:10000","nproc=4096:4096"]\n');
  const store = ['--root', path.join(folder, 'storage'), '--runroot', path.join(folder, 'run')];
  const env = { ...process.env, CONTAINERS_CONF: config };
  const socketPath = path.join(folder, 'podman.sock');
  let service: ChildProcess | undefined;
  try {
    importImage(engine, store, env, path.join(folder, 'root'));
    service = spawn(engine, [...store, 'system', 'service', '--time', '0', `unix://${socketPath}`], { env, stdio: 'ignore' });
    await eventually('podman answers', async () => (existsSync(socketPath) && (await get({ socketPath, path: '/v4.0.0/libpod/_ping' })) === 200 ? true : undefined));
    const took: number[] = [];
    for (let round = 0; round <= times; round += 1) {
      const began = performance.now();
      const { Id } = (await ask(socketPath, 'POST', '/v4.0.0/libpod/containers/create', { image: 'bench', command: ['/bin/node', '-e', program] })) as { Id: string };
      await ask(socketPath, 'POST', `/v4.0.0/libpod/containers/${Id}/start`);
      const { NetworkSettings } = (await ask(socketPath, 'GET', `/v4.0.0/libpod/containers/${Id}/json`)) as { NetworkSettings: { IPAddress?: string; Networks?: Record<string, { IPAddress: string }> } };
      const address = NetworkSettings.IPAddress || Object.values(NetworkSettings.Networks ?? {})[0]?.IPAddress || '';
      while ((await get({ host: address, port: 8080 })) !== 200) await sleep(pollMs);
      if (round > 0) took.push(performance.now() - began);
      await ask(socketPath, 'DELETE', `/v4.0.0/libpod/containers/${Id}?force=true&timeout=0`);
      await sleep(settleMs);
    }
    console.log(`  podman: ${took.map((one) => one.toFixed(0)).join(' ')} ms`);
    return median(took);
  } catch (error) {
    console.log(`  podman cannot be measured: ${(error as Error).message}`);
    return undefined;
  } finally {
    service?.kill('SIGKILL');
    execFileSync('sh', ['-c', 'awk \'{print $2}\' /proc/mounts | grep "^$1/" | sort -r | xargs -r umount -l; rm -rf "$1"', 'sh', folder]);
  }
}

/** Node and the libraries it needs, as an image. */
function importImage(engine: string, store: readonly string[], env: NodeJS.ProcessEnv, root: string): void {
  mkdirSync(path.join(root, 'bin'), { recursive: true });
  copyFileSync(process.execPath, path.join(root, 'bin', 'node'));
  const libraries = [...execFileSync('ldd', [process.execPath], { encoding: 'utf8' }).matchAll(/(\/\S+)/g)].map(([, library]) => library ?? '');
  for (const library of libraries) {
    mkdirSync(path.dirname(path.join(root, library)), { recursive: true });
    copyFileSync(library, path.join(root, library));
  }
  execFileSync('sh', ['-c', 'root=$1; shift; tar -C "$root" -c . | "$@" >/dev/null 2>&1', 'sh', root, engine, ...store, 'import', '-', 'bench'], { env });
  rmSync(root, { recursive: true });
}

/** 0 if nobody answers. */
function get(options: http.RequestOptions): Promise<number> {
  return new Promise((resolve) => {
    const request = http.get({ ...options, agent: false, timeout: 2_000 }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    request.on('timeout', () => request.destroy()).on('error', () => resolve(0));
  });
}

function ask(socketPath: string, method: string, target: string, body?: object): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const request = http.request({ socketPath, method, path: target, agent: false, headers: { 'content-type': 'application/json' } }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => (text += part)).on('end', () => {
        if ((response.statusCode ?? 500) >= 300) reject(new Error(`${method} ${target}: ${response.statusCode} ${text}`));
        else resolve(text ? JSON.parse(text) : undefined);
      });
    });
    request.on('error', reject).end(body && JSON.stringify(body));
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) printTable(await withPlatform((platform) => benchPodStart(platform, Number(process.argv[2] ?? 10))));
