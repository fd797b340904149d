/**
 * What a service costs: requests from pod to pod through its cluster address beside the pod's own address, in turns, by wrk inside a pod; and names: questions a second that
 * the cluster's name server answers to a pod, beside dnsmasq, which the pod reaches through one more bridge. `node test/bench/services.ts [seconds a turn, default 3]`
 */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { toolsImage } from '../../src/api/well-known.ts';
import { eventually } from '../support/platform/platform.ts';
import { manifestOf } from '../support/platform/web-pod.ts';
import { installed, withPlatform, type MeasuredPlatform } from './platform.ts';
import { measured, printTable, type Row } from './table.ts';

const turns = 3;
const connections = 16;
const program = "const s=require('http').createServer((q,r)=>{r.setHeader('Content-Length',2);r.end('ok')});s.keepAliveTimeout=6e5;s.listen(8080)";
const labels = { bench: 'services' };
/** The holder's side of the bridge that nodes are on. */
const holderAddress = '100.64.0.1';
const asked = 'bench-web.default.svc.cluster.local';

export async function benchServices(platform: MeasuredPlatform, seconds = 3): Promise<Row[]> {
  const pod = (name: string, command: string[], more: object = {}) => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name, labels: { ...labels, app: name } }, spec: { terminationGracePeriodSeconds: 1, containers: [{ name: 'main', image: toolsImage, imagePullPolicy: 'IfNotPresent', command, ...more }] } });
  const service = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'bench-web', labels }, spec: { selector: { app: 'bench-web' }, ports: [{ port: 80, targetPort: 8080 }] } };
  await platform.kubectl(['apply', '-f', '-'], { input: manifestOf(pod('bench-web', ['node', '-e', program], { readinessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1 } }), pod('bench-client', ['sleep', '86400']), service) });
  try {
    await platform.kube('wait', '--for=condition=Ready', 'pod/bench-web', 'pod/bench-client', '--timeout=60s');
    const direct = await platform.kube('get', 'pod', 'bench-web', '-o', 'jsonpath={.status.podIP}');
    const cluster = await platform.kube('get', 'service', 'bench-web', '-o', 'jsonpath={.spec.clusterIP}');
    await eventually('the service answers', async () => ((await inClient(platform, 'curl', '-sf', `http://${cluster}/`)) === 'ok' ? true : undefined));
    return [...(await path(platform, { direct: `http://${direct}:8080/`, cluster: `http://${cluster}/` }, seconds)), ...(await names(platform, seconds))];
  } finally {
    await platform.kube('delete', 'pod,service', '-l', 'bench=services', '--grace-period=0', '--force');
  }
}

const inClient = (platform: MeasuredPlatform, ...argv: string[]) => platform.kube('exec', 'bench-client', '--', ...argv);

async function path(platform: MeasuredPlatform, urls: { direct: string; cluster: string }, seconds: number): Promise<Row[]> {
  const wrk = installed('wrk');
  if (!wrk) return [];
  const best = { direct: { perSecond: 0, p50: 0 }, cluster: { perSecond: 0, p50: 0 } };
  for (let turn = 0; turn < turns; turn += 1) {
    for (const way of ['direct', 'cluster'] as const) {
      const text = await inClient(platform, wrk, '-t1', `-c${connections}`, `-d${seconds}s`, '--latency', urls[way]);
      const perSecond = Number(/Requests\/sec:\s+([\d.]+)/.exec(text)?.[1] ?? 0);
      const [, p50 = '0', unit = 'ms'] = /50%\s+([\d.]+)(us|ms|s)/.exec(text) ?? [];
      if (perSecond > best[way].perSecond) best[way] = { perSecond, p50: Number(p50) * ({ us: 1, ms: 1_000, s: 1_000_000 }[unit] ?? 1_000) };
    }
  }
  const { direct, cluster } = best;
  return [{
    what: `service path: pod to pod through a cluster address, ${connections} connections`, value: cluster.perSecond, unit: '/s', better: 'more', peer: measured("the pod's own address", direct.perSecond, 'wrk'), least: { times: 0.5 }, aim: { times: 0.9 },
    note: `half of the requests within ${cluster.p50.toFixed(0)} µs (${direct.p50.toFixed(0)} µs)`,
  }];
}

async function names(platform: MeasuredPlatform, seconds: number): Promise<Row[]> {
  const dnsperf = installed('dnsperf');
  const dnsmasq = installed('dnsmasq');
  if (!dnsperf) return [];
  const ask = async (server: string) => Number(/Queries per second:\s+([\d.]+)/.exec(await inClient(platform, 'sh', '-c', `printf '%s A\\n' ${asked} > /tmp/names; exec ${dnsperf} -s ${server} -d /tmp/names -l ${seconds} -c 8 -q 64`))?.[1] ?? 0);
  const [command = '', ...args] = platform.inside([dnsmasq ?? 'true', '--no-daemon', '--no-resolv', '--no-hosts', '--conf-file=/dev/null', '--bind-interfaces', `--listen-address=${holderAddress}`, '--user=root', '--cache-size=1000', `--address=/${asked}/192.0.2.1`]);
  const peer = dnsmasq ? spawn(command, args, { stdio: 'ignore' }) : undefined;
  try {
    let [ours, theirs] = [0, 0];
    if (peer) await eventually('dnsmasq answers', async () => ((await ask(holderAddress)) > 0 ? true : undefined));
    for (let turn = 0; turn < turns; turn += 1) {
      ours = Math.max(ours, await ask('172.30.0.10'));
      if (peer) theirs = Math.max(theirs, await ask(holderAddress));
    }
    return [{ what: 'DNS queries: a name of the cluster, asked by a pod', value: ours, unit: '/s', better: 'more', peer: measured('dnsmasq', peer && theirs, 'dnsmasq-base'), least: { times: 0.3 }, aim: { times: 0.5 } }];
  } finally {
    peer?.kill('SIGKILL');
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) printTable(await withPlatform((platform) => benchServices(platform, Number(process.argv[2] ?? 3))));
