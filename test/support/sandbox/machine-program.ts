/** The control plane's side of a machine, for tests: holder, nodes, agents. Runs as an unprivileged user. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { startEgressProxy } from '../../../src/agent/network/egress-proxy.ts';
import { findHolder, startHolder, type Holder } from '../../../src/agent/holder/holder.ts';
import { probeSandbox } from '../../../src/agent/holder/probe.ts';
import { childrenOf } from '../../../src/agent/runtime/procfs.ts';
import { run } from '../../../src/agent/runtime/run.ts';
import { systemEnvironment } from '../../../src/agent/runtime/system-path.ts';
import { silentLog } from '../../../src/base/log.ts';
import { Remote, serve } from './rpc.ts';

interface Node {
  index: number;
  podCidr: string;
  process: ChildProcess;
  remote: Remote;
}

const directory = process.argv[2] ?? '';
const bundles = process.argv[3] ?? '';
const runDirectory = join(directory, 'run');
mkdirSync(runDirectory, { recursive: true });
const egressSocket = join(runDirectory, 'egress.sock');
let holder: Holder;
const nodes = new Map<number, Node>();

async function startAgent(index: number): Promise<void> {
  const podCidr = `10.128.${(index - 1) * 2}.0/23`;
  const network = await holder.addNode(index, podCidr);
  const config = { directory: join(directory, 'nodes', `node-${index}`), podCidr, nodeIp: network.ip, bundles, nodeBinary: process.execPath, egressSocket };
  mkdirSync(config.directory, { recursive: true });
  const [file = '', ...rest] = holder.command([process.execPath, join(bundles, 'agent-program.cjs'), JSON.stringify(config)], { netns: network.netns });
  const child = spawn(file, rest, { stdio: ['pipe', 'pipe', 'inherit'], env: systemEnvironment });
  const remote = new Remote(child.stdout, child.stdin);
  await new Promise<void>((resolve, reject) => {
    child.stdout.on('data', (text: string) => text.includes('ready') && resolve());
    child.once('exit', (code) => reject(new Error(`the agent ended with ${code}`)));
  });
  nodes.set(index, { index, podCidr, process: child, remote });
}

serve(
  {
    probe: () => probeSandbox(directory),
    start: async () => {
      holder = await startHolder({ runDirectory, log: silentLog, egress: 'relay' });
      await startEgressProxy(egressSocket);
      return holder.pid;
    },
    /** As a new control plane would. */
    findAgain: async () => {
      const found = await findHolder(join(runDirectory, 'holder.json'));
      if (found) holder = found;
      return found?.pid ?? null;
    },
    agent: (index: number) => startAgent(index),
    killAgent: async (index: number) => {
      const { process: outer } = nodes.get(index)!;
      const gone = new Promise((resolve) => outer.once('exit', resolve));
      process.kill(childrenOf(outer.pid!)[0]!, 'SIGKILL');
      await gone;
    },
    call: (index: number, method: string, args: unknown[]) => nodes.get(index)!.remote.call(method, ...args),
    inside: (argv: string[]) => run(holder.command(argv), { env: systemEnvironment }),
    stop: () => holder.stop(),
    uid: () => process.getuid?.(),
  },
  process.stdin,
  process.stdout,
);
process.stdin.once('end', () => {
  void (holder as Holder | undefined)?.stop().then(() => process.exit(0));
  if (!(holder as Holder | undefined)) process.exit(0);
});
