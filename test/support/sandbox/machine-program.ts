/** The control plane's side of a machine, for tests: holder, nodes, agents. Runs as an unprivileged user. */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { startEgressProxy } from '../../../src/agent/network/egress-proxy.ts';
import { findHolder, startHolder, type Holder } from '../../../src/agent/holder/holder.ts';
import { probeSandbox } from '../../../src/agent/holder/probe.ts';
import { clearEngine } from '../../../src/agent/runtime/engine/clear.ts';
import { homeMark } from '../../../src/agent/runtime/engine/labels.ts';
import type { RuntimeName } from '../../../src/agent/runtime/runtime.ts';
import { childrenOf } from '../../../src/agent/runtime/procfs.ts';
import { run } from '../../../src/agent/runtime/run.ts';
import { systemEnvironment } from '../../../src/agent/runtime/system-path.ts';
import { silentLog } from '../../../src/base/log.ts';
import type { AgentConfig } from '../../../src/protocol/agent.ts';
import { Remote, serve } from './rpc.ts';

interface Node {
  process: ChildProcess;
  remote: Remote;
  /** The child only waits for the agent inside. */
  outer: boolean;
}

const directory = process.argv[2] ?? '';
const bundles = process.argv[3] ?? '';
const runDirectory = join(directory, 'run');
mkdirSync(runDirectory, { recursive: true });
/** Written by the test, if it serves a registry. */
const authority = join(directory, 'ca.pem');
const egressSocket = join(runDirectory, 'egress.sock');
let holder: Holder;
const nodes = new Map<number, Node>();

/** Of the driver `engine`. */
let engineSocket = '';
const engineOf = () => ({ address: { url: `unix://${engineSocket}`, source: 'the test', socketPath: engineSocket }, home: homeMark(directory), dialSocket: join(runDirectory, 'dial.sock'), ...(process.env['SLIPWAY_ENGINE_RELAY'] && { relay: true }) });

async function startAgent(index: number, runtime: RuntimeName): Promise<void> {
  const podCidr = `10.128.${(index - 1) * 2}.0/23`;
  const network = runtime === 'sandbox' ? await holder.addNode(index, podCidr) : undefined;
  const config: AgentConfig = {
    nodeName: `node-${index}`, runtime, ...(runtime === 'engine' && { engine: engineOf() }), directory: join(directory, 'nodes', `node-${index}`), socket: '', caCertificate: existsSync(authority) ? readFileSync(authority, 'utf8') : '', token: '',
    apiSocket: join(runDirectory, 'api.sock'), registrySocket: join(runDirectory, 'registry.sock'), egressSocket, bundles, nodeBinary: process.execPath,
    network: {
      podCidr, serviceCidr: '172.30.0.0/16', clusterDns: '172.30.0.10', clusterDomain: 'cluster.local', nodeIp: network?.ip ?? '127.0.0.1',
      apiService: '172.30.0.1:443', registryService: '172.30.0.5:5000', egressProxy: '172.30.0.11:3128',
    },
  };
  mkdirSync(config.directory, { recursive: true });
  const argv = [process.execPath, join(bundles, 'agent-program.cjs'), JSON.stringify(config)];
  const [file = '', ...rest] = network ? holder.command(argv, { netns: network.netns }) : argv;
  const child = spawn(file, rest, { stdio: ['pipe', 'pipe', 'inherit'], env: { ...systemEnvironment, HOME: directory } });
  const remote = new Remote(child.stdout, child.stdin);
  await new Promise<void>((resolve, reject) => {
    child.stdout.on('data', (text: string) => text.includes('ready') && resolve());
    child.once('exit', (code) => reject(new Error(`the agent ended with ${code}`)));
  });
  nodes.set(index, { process: child, remote, outer: network !== undefined });
}

serve(
  {
    probe: () => probeSandbox(directory),
    start: async (runtime: RuntimeName, engine?: string) => {
      await startEgressProxy(egressSocket);
      engineSocket = engine ?? '';
      if (runtime !== 'sandbox') return null;
      holder = await startHolder({ runDirectory, log: silentLog, egress: 'relay' });
      return holder.pid;
    },
    /** As a new control plane would. */
    findAgain: async () => {
      await startEgressProxy(egressSocket);
      const found = await findHolder(join(runDirectory, 'holder.json'));
      if (found) holder = found;
      return found?.pid ?? null;
    },
    agent: (index: number, runtime: RuntimeName = 'sandbox') => startAgent(index, runtime),
    killAgent: async (index: number) => {
      const { process: child, outer } = nodes.get(index)!;
      const gone = new Promise((resolve) => child.once('exit', resolve));
      process.kill(outer ? childrenOf(child.pid!)[0]! : child.pid!, 'SIGKILL');
      await gone;
    },
    call: (index: number, method: string, args: unknown[]) => nodes.get(index)!.remote.call(method, ...args),
    /** An HTTP server on a socket of the control plane. */
    serveSocket: (name: string) => new Promise<void>((resolve) => void createServer((_, response) => response.end('from the socket')).listen(join(runDirectory, name), resolve)),
    inside: (argv: string[]) => run(holder.command(argv), { env: systemEnvironment }),
    stop: async () => {
      if (engineSocket === '') return (holder as Holder | undefined)?.stop();
      for (const { process: child } of nodes.values()) child.kill('SIGKILL');
      await clearEngine(engineOf(), silentLog);
    },
    uid: () => process.getuid?.(),
  },
  process.stdin,
  process.stdout,
);
process.stdin.once('end', () => {
  void (holder as Holder | undefined)?.stop().then(() => process.exit(0));
  if (!(holder as Holder | undefined)) process.exit(0);
});
