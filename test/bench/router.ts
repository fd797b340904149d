/**
 * Requests a second through the platform's router to two pods in the sandbox, and through HAProxy with one thread on the same path: it listens on a socket that was bound
 * on the host side and handed into the pods' network, and dials the same pods. The same client (wrk, connections kept alive), in turns so that neighbours on the machine
 * disturb both alike. `node test/bench/router.ts [seconds a turn, default 4]`
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { toolsImage } from '../../src/api/well-known.ts';
import { bindSocket } from '../../src/controlplane/route/data-plane/listeners.ts';
import { authority, type Pair } from '../support/certificates.ts';
import { eventually } from '../support/platform/platform.ts';
import { manifestOf } from '../support/platform/web-pod.ts';
import { installed, withPlatform, type MeasuredPlatform } from './platform.ts';
import { measured, printTable, recorded, type Row } from './table.ts';

const turns = 3;
const names = ['route-a', 'route-b'];
const host = 'route-default.apps.localhost';
/** Keeps connections and writes nothing: what is measured is the way to it. */
const program = "const s=require('http').createServer((q,r)=>{r.setHeader('Content-Length',2);r.end('ok')});s.keepAliveTimeout=6e5;s.listen(8080)";
type Listener = 'http' | 'https';
const clients: Record<Listener, number> = { http: 64, https: 32 };

interface Way {
  name: string;
  ports: Record<Listener, number>;
  pid: number;
}

interface Turn {
  perSecond: number;
  p99: number;
  /** CPU of the router for one request, µs. */
  cpu: number;
}

export async function benchRouter(platform: MeasuredPlatform, seconds = 4): Promise<Row[]> {
  const wrk = installed('wrk');
  if (!wrk) return [];
  const addresses = await startPods(platform);
  const folder = mkdtempSync(path.join(tmpdir(), 'slipway-bench-router-'));
  let haproxy: (Way & { child: ChildProcess }) | undefined;
  try {
    haproxy = await startPeer(platform, folder, addresses, await (await authority()).sign(`CN=${host}`, [host]));
    const rows: Row[] = [];
    const ours: Way = { name: 'slipway', ports: portsOf(platform), pid: platform.processes().find(({ command }) => command === 'slipway-router')?.pid ?? 0 };
    for (const listener of ['http', 'https'] as const) {
      const best = new Map<string, Turn>();
      for (let turn = 0; turn < turns; turn += 1) {
        for (const way of haproxy ? [ours, haproxy] : [ours]) {
          const found = await measure(wrk, way, listener, seconds);
          if (found.perSecond > (best.get(way.name)?.perSecond ?? 0)) best.set(way.name, found);
        }
      }
      const mine = best.get('slipway');
      const theirs = best.get('haproxy');
      rows.push({
        what: `router, two pods in the sandbox, ${listener}, ${clients[listener]} connections`, value: mine?.perSecond ?? 0, unit: '/s', better: 'more',
        peer: theirs ? measured('HAProxy, one thread', theirs.perSecond, 'haproxy') : recorded('HAProxy on loopback', listener === 'http' ? 53_100 : 45_200), least: { times: 0.5 }, aim: { times: 0.67 },
        note: `p99 ${mine?.p99.toFixed(1)} ms${theirs ? ` (${theirs.p99.toFixed(1)})` : ''}, CPU ${mine?.cpu.toFixed(0)} µs${theirs ? ` (${theirs.cpu.toFixed(0)})` : ''} each`,
      });
    }
    return rows;
  } finally {
    haproxy?.child.kill('SIGKILL');
    await platform.kube('delete', 'pod,service,route', '-l', 'bench=route', '--grace-period=0', '--force');
    rmSync(folder, { recursive: true, force: true });
  }
}

const portsOf = (platform: MeasuredPlatform): Way['ports'] => {
  const { router } = platform.info;
  return { http: Number(new URL(router.http).port), https: Number(new URL(router.https).port) };
};

async function startPods(platform: MeasuredPlatform): Promise<string[]> {
  const labels = { bench: 'route' };
  const pods = names.map((name) => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name, labels }, spec: { containers: [{ name: 'web', image: toolsImage, imagePullPolicy: 'IfNotPresent', command: ['node', '-e', program], readinessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1 } }] } }));
  const service = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'route', labels }, spec: { selector: labels, ports: [{ port: 80, targetPort: 8080 }] } };
  const route = { apiVersion: 'route.openshift.io/v1', kind: 'Route', metadata: { name: 'route', labels }, spec: { host, to: { kind: 'Service', name: 'route' }, tls: { termination: 'edge', insecureEdgeTerminationPolicy: 'Allow' } } };
  await platform.kubectl(['apply', '-f', '-'], { input: manifestOf(...pods, service, route) });
  await platform.kube('wait', '--for=condition=Ready', ...names.map((name) => `pod/${name}`), '--timeout=60s');
  return eventually('both pods are endpoints', async () => {
    const ips = (await platform.kube('get', 'endpoints', 'route', '-o', 'jsonpath={.subsets[*].addresses[*].ip}')).split(' ').filter(Boolean);
    return ips.length === 2 ? ips.map((ip) => `${ip}:8080`) : undefined;
  });
}

async function measure(wrk: string, { name, ports, pid }: Way, listener: Listener, seconds: number): Promise<Turn> {
  const before = cpuOf(pid);
  const child = spawn(wrk, ['-t1', `-c${clients[listener]}`, `-d${seconds}s`, '--latency', '-H', `Host: ${host}`, `${listener}://127.0.0.1:${ports[listener]}/`]);
  let text = '';
  child.stdout.on('data', (chunk) => (text += String(chunk)));
  await once(child, 'exit');
  const requests = Number(/(\d+) requests in/.exec(text)?.[1] ?? 0);
  const failed = Number(/Non-2xx or 3xx responses: (\d+)/.exec(text)?.[1] ?? 0);
  if (requests === 0 || failed > 0) throw new Error(`${name} failed ${failed} of ${requests} requests: ${text}`);
  const [, p99 = '0', unit = 'ms'] = /99%\s+([\d.]+)(us|ms|s)/.exec(text) ?? [];
  return {
    perSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(text)?.[1] ?? 0),
    p99: Number(p99) * ({ us: 0.001, ms: 1, s: 1_000 }[unit] ?? 1),
    cpu: ((cpuOf(pid) - before) * 1000) / requests,
  };
}

/** Milliseconds. */
function cpuOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

async function startPeer(platform: MeasuredPlatform, folder: string, endpoints: readonly string[], { certificate, key }: Pair): Promise<(Way & { child: ChildProcess }) | undefined> {
  const program = installed('haproxy');
  if (!program) return undefined;
  const sockets = { http: bindSocket('127.0.0.1', 0), https: bindSocket('127.0.0.1', 0) };
  const pem = path.join(folder, 'bench.pem');
  const file = path.join(folder, 'haproxy.cfg');
  writeFileSync(pem, `${certificate}\n${key}\n`, { mode: 0o600 });
  writeFileSync(file, [
    'global', ' nbthread 1', ' maxconn 5000', 'defaults', ' mode http', ' timeout connect 5s', ' timeout client 30s', ' timeout server 30s',
    'frontend web', ' bind fd@3', ` bind fd@4 ssl crt ${pem}`, ' default_backend web',
    'backend web', ' balance random', ' option forwardfor',
    ' http-request add-header X-Forwarded-Host %[req.hdr(host)]', ' http-request add-header X-Forwarded-Port %[dst_port]', ' http-request add-header X-Forwarded-Proto http if !{ ssl_fc }', ' http-request add-header X-Forwarded-Proto https if { ssl_fc }',
    ' http-request add-header Forwarded for=%[src];host=%[req.hdr(host)];proto=%[req.hdr(X-Forwarded-Proto)]',
    ...endpoints.map((address, index) => ` server s${index} ${address}`), '',
  ].join('\n'));
  const [command = '', ...args] = platform.inside([program, '-db', '-f', file]);
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'inherit', sockets.http.descriptor, sockets.https.descriptor] });
  const ports = { http: sockets.http.port, https: sockets.https.port };
  await eventually('HAProxy answers', async () => ((await fetch(`http://127.0.0.1:${ports.http}/`)).ok ? true : undefined));
  await sockets.http.dispose();
  await sockets.https.dispose();
  // Entering a network namespace leaves no process in between.
  return { name: 'haproxy', ports, pid: child.pid ?? 0, child };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) printTable(await withPlatform((platform) => benchRouter(platform, Number(process.argv[2] ?? 4))));
