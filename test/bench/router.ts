/**
 * Requests through the router worker and, where it is installed, through HAProxy with one thread: the same two applications behind both,
 * the same client (wrk, 64 connections kept alive), in turns so that neighbours on the machine disturb both alike.
 *
 *   node test/bench/router.ts [seconds a turn, default 4]
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { RouterCommand, RouterRoute } from '../../src/protocol/router.ts';
import { authority } from '../support/certificates.ts';

export interface RouterRow {
  router: 'slipway' | 'haproxy';
  listener: 'http' | 'https';
  requestsPerSecond: number;
  /** Milliseconds. */
  p99: number;
  /** CPU time of the router for one request, microseconds. */
  cpu: number;
  /** Resident memory, MB. */
  memory: number;
}

const client = '/usr/bin/wrk';
const peer = '/usr/sbin/haproxy';
const turns = 3;
/** Clock ticks of /proc/<pid>/stat, milliseconds. */
const tick = 10;

interface Running {
  name: RouterRow['router'];
  ports: Record<RouterRow['listener'], number>;
  child: ChildProcess;
}

export async function benchRouter(seconds = 4): Promise<RouterRow[]> {
  if (!existsSync(client)) throw new Error('install the Debian package "wrk" to measure the router');
  const directory = mkdtempSync(join(tmpdir(), 'slipway-bench-router-'));
  const children: ChildProcess[] = [];
  try {
    const applications = [await startApplication(), await startApplication()];
    children.push(...applications.map(({ child }) => child));
    const certificate = await (await authority()).sign('CN=bench', ['127.0.0.1']);
    const addresses = applications.map(({ port }) => `127.0.0.1:${port}`);
    const routers = [await startOurs(directory, addresses, certificate)];
    if (existsSync(peer)) routers.push(await startPeer(directory, addresses, certificate));
    children.push(...routers.map(({ child }) => child));
    const rows: RouterRow[] = [];
    for (const listener of ['http', 'https'] as const) {
      const best = new Map<string, RouterRow>();
      for (let turn = 0; turn < turns; turn += 1) {
        for (const router of routers) {
          const row = await measure(router, listener, seconds);
          if (row.requestsPerSecond > (best.get(router.name)?.requestsPerSecond ?? 0)) best.set(router.name, row);
        }
      }
      rows.push(...best.values());
    }
    return rows;
  } finally {
    for (const child of children) child.kill('SIGKILL');
    rmSync(directory, { recursive: true, force: true });
  }
}

async function measure({ name, ports, child }: Running, listener: RouterRow['listener'], seconds: number): Promise<RouterRow> {
  const before = cpuOf(child);
  const wrk = spawn(client, ['-t1', `-c${listener === 'http' ? 64 : 32}`, `-d${seconds}s`, '--latency', `${listener}://127.0.0.1:${ports[listener]}/`]);
  let text = '';
  wrk.stdout.on('data', (chunk) => (text += String(chunk)));
  await once(wrk, 'exit');
  const requests = Number(/(\d+) requests in/.exec(text)?.[1] ?? 0);
  const failed = Number(/Non-2xx or 3xx responses: (\d+)/.exec(text)?.[1] ?? 0);
  if (requests === 0 || failed > 0) throw new Error(`${name} failed ${failed} of ${requests} requests: ${text}`);
  const [, p99 = '0', unit = 'ms'] = /99%\s+([\d.]+)(us|ms|s)/.exec(text) ?? [];
  return {
    router: name, listener,
    requestsPerSecond: Math.round(Number(/Requests\/sec:\s+([\d.]+)/.exec(text)?.[1] ?? 0)),
    p99: Number(p99) * ({ us: 0.001, ms: 1, s: 1_000 }[unit] ?? 1),
    cpu: Math.round(((cpuOf(child) - before) * 10_000) / requests) / 10,
    memory: Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1] ?? 0) / 1024),
  };
}

/** Milliseconds. */
function cpuOf({ pid }: ChildProcess): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * tick;
}

async function startApplication(): Promise<{ child: ChildProcess; port: number }> {
  const program = "const s=require('http').createServer((q,r)=>{r.setHeader('Content-Length',2);r.end('ok')});s.keepAliveTimeout=6e5;s.listen(0,'127.0.0.1',()=>console.log(s.address().port))";
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  return { child, port: Number(line) };
}

async function startOurs(directory: string, endpoints: string[], certificate: { certificate: string; key: string }): Promise<Running> {
  const program = join(directory, 'router.js');
  await build({ entryPoints: [fileURLToPath(new URL('../../src/controlplane/route/router/main.ts', import.meta.url))], bundle: true, minify: true, keepNames: true, platform: 'node', format: 'cjs', target: 'node22', outfile: program, logLevel: 'error' });
  const child = spawn(process.execPath, [program], { stdio: ['pipe', 'pipe', 'inherit'] });
  const send = (command: RouterCommand) => void child.stdin.write(`${JSON.stringify(command)}\n`);
  const reports = createInterface({ input: child.stdout });
  const at = { host: '127.0.0.1', port: 0 };
  send({ type: 'configure', http: at, https: at, defaultCertificate: certificate });
  const [ready] = (await once(reports, 'line')) as [string];
  const route: RouterRoute = {
    key: 'bench/web', host: '127.0.0.1', wildcard: false, path: '', insecure: 'serve', tls: { termination: 'edge' }, backends: [{ service: 'bench/web', weight: 100, endpoints }],
    balance: 'random', timeoutMs: 30_000, tunnelTimeoutMs: 60_000, forwardedHeaders: 'append',
  };
  send({ type: 'table', version: 1, replace: true, set: [route], remove: [] });
  await once(reports, 'line');
  return { name: 'slipway', child, ports: JSON.parse(ready) as Running['ports'] };
}

async function startPeer(directory: string, endpoints: string[], { certificate, key }: { certificate: string; key: string }): Promise<Running> {
  const ports = { http: await freePort(), https: await freePort() };
  const pem = join(directory, 'bench.pem');
  const file = join(directory, 'haproxy.cfg');
  writeFileSync(pem, `${certificate}\n${key}\n`, { mode: 0o600 });
  writeFileSync(file, [
    'global', ' nbthread 1', ' maxconn 5000', 'defaults', ' mode http', ' timeout connect 5s', ' timeout client 30s', ' timeout server 30s',
    'frontend web', ` bind 127.0.0.1:${ports.http}`, ` bind 127.0.0.1:${ports.https} ssl crt ${pem}`, ' default_backend web',
    'backend web', ' balance random', ' option forwardfor',
    ' http-request add-header X-Forwarded-Host %[req.hdr(host)]', ' http-request add-header X-Forwarded-Port %[dst_port]', ' http-request add-header X-Forwarded-Proto http if !{ ssl_fc }', ' http-request add-header X-Forwarded-Proto https if { ssl_fc }',
    ' http-request add-header Forwarded for=%[src];host=%[req.hdr(host)];proto=%[req.hdr(X-Forwarded-Proto)]',
    ...endpoints.map((address, index) => ` server s${index} ${address}`), '',
  ].join('\n'));
  const child = spawn(peer, ['-db', '-f', file], { stdio: ['ignore', 'ignore', 'inherit'] });
  await new Promise((resolve) => setTimeout(resolve, 500));
  return { name: 'haproxy', child, ports };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.table(await benchRouter(Number(process.argv[2] ?? 4)));
