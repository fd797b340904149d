/**
 * Runs inside the container engine, and speaks over its standard input and output. Without arguments a node's own side: listens on service addresses and answers names
 * for the engine's pods, and connects its agent with them. `dial <port>`: one connection to this pod's loopback.
 */
import { getServers } from 'node:dns';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { jsonLog } from '../../../../base/log.ts';
import { forwardQuery } from '../../../network/dns-relay.ts';
import { dnsServer, type DnsServer } from '../../../network/dns-server.ts';
import { serviceProxy, type ServiceProxy } from '../../../network/service-proxy.ts';
import type { ServiceEntry } from '../../../network/service-table.ts';
import { join } from '../../../network/tcp-relay.ts';
import { Link } from '../link.ts';
import type { DialHost, DialPlatform, DialPod, NodeSetting, ServicesChanged, ToAgent, ToHelper } from '../node-messages.ts';
import { HostRelay } from './host-relay.ts';

/** Of this container: the helper of an agent that was killed may not have noticed yet. */
const pidFile = '/run/slipway-node.pid';
const connectLimit = 20_000;

const log = jsonLog((line) => void process.stderr.write(`${line}\n`), 'warn', 'engine-node');
const table = new Map<string, ServiceEntry>();
let proxy: ServiceProxy | undefined;
let names: DnsServer | undefined;
let host: HostRelay | undefined;

let link: Link;
const [role, argument] = process.argv.slice(2);
if (role === 'dial') dialHere(Number(argument));
else link = openLink();

function openLink(): Link {
  return new Link(process.stdin, process.stdout, {
    first: false,
    onStream: (wanted, stream) => dial(wanted as DialPod, stream),
    onMessage: (message) => void take(message as ToHelper).catch((error: Error) => tell({ kind: 'failed', why: error.message })),
    // The agent is gone: the next one starts a helper of its own.
    onClose: () => process.exit(0),
  });
}

function tell(message: ToAgent): void {
  link.message(message);
}

async function take(message: ToHelper): Promise<void> {
  if (message.kind === 'setting') await listen(message);
  else if (message.kind === 'host-ports') await host?.update(message.ports);
  else await update(message);
}

async function listen({ apiService, registryService, clusterDns, clusterDomain, hostAddress }: NodeSetting): Promise<void> {
  await endPredecessor();
  const back = (to: DialPlatform['to']) => () => link.open({ to } satisfies DialPlatform);
  proxy = serviceProxy({ mode: 'cluster', sockets: [{ address: apiService, to: back('api') }, { address: registryService, to: back('registry') }], log });
  host = new HostRelay({ address: hostAddress, ask: () => tell({ kind: 'host-wanted' }), open: (port) => link.open({ to: 'host', port } satisfies DialHost), log });
  names = await dnsServer({ address: clusterDns, domain: clusterDomain, hostAddress, beforeHost: () => host?.refresh() ?? Promise.resolve(), upstream: (query) => forwardQuery(query, getServers()) });
  await proxy.update([]);
  tell({ kind: 'ready' });
}

async function update({ changed, removed }: ServicesChanged): Promise<void> {
  for (const key of removed) table.delete(key);
  for (const entry of changed) table.set(`${entry.namespace}/${entry.name}`, entry);
  const all = [...table.values()];
  names?.update(all);
  await proxy?.update(all);
}

function dial({ ip, port }: DialPod, stream: Duplex): void {
  const socket = connect({ host: ip, port, noDelay: true, allowHalfOpen: true });
  socket.setTimeout(connectLimit, () => socket.destroy(new Error('no answer')));
  stream.on('error', () => socket.destroy());
  socket.once('error', () => stream.destroy());
  socket.once('connect', () => {
    socket.setTimeout(0);
    // One byte tells that there is a connection.
    stream.write(Buffer.from([1]));
    join(socket, stream);
  });
}

function dialHere(port: number): void {
  const socket = connect({ host: 'localhost', port, noDelay: true, autoSelectFamily: true, allowHalfOpen: true });
  socket.once('error', () => process.exit(1));
  socket.once('connect', () => {
    process.stdout.write(Buffer.from([1]));
    process.stdin.pipe(socket).pipe(process.stdout);
    // Only the end of this program tells the other side that the pod has said everything.
    socket.once('end', () => process.stdout.write('', () => process.exit(0)));
    socket.once('close', () => process.exit(0));
  });
}

/** Its addresses are free when this resolves. */
async function endPredecessor(): Promise<void> {
  const command = (pid: number) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'latin1');
    } catch {
      return '';
    }
  };
  const pid = Number(readText(pidFile));
  if (pid > 1 && pid !== process.pid && command(pid).includes('engine-node')) {
    process.kill(pid, 'SIGKILL');
    for (let looks = 0; looks < 200 && command(pid) !== ''; looks += 1) await sleep(5);
  }
  writeFileSync(pidFile, String(process.pid));
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
