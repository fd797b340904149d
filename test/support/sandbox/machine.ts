/** A machine for flow tests: the programs bundled into a folder that an unprivileged user can read, run as such a user where the tests run as root. */
import { execFileSync, spawn, spawnSync, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { chmodSync, chownSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { RuntimeName } from '../../../src/agent/runtime/runtime.ts';
import { Remote } from './rpc.ts';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '../../..');
const testUser = 'slipway-test';

/** The user and group that run the machine; the present ones unless those are root's. */
export function unprivilegedUser(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const id = (flag: string) => Number(spawnSync('id', [flag, testUser], { encoding: 'utf8' }).stdout);
  if (spawnSync('id', [testUser]).status !== 0) execFileSync('useradd', ['--create-home', testUser]);
  return { uid: id('-u'), gid: id('-g') };
}

export interface Machine {
  /** Belongs to the machine's user, on a real file system. */
  readonly directory: string;
  readonly bundles: string;
  call<T>(method: string, ...args: unknown[]): Promise<T>;
  /** A method of the agent of node `index`. */
  agent<T>(index: number, method: string, ...args: unknown[]): Promise<T>;
  startAgent(index: number): Promise<void>;
  /** kill -9 of the whole control plane; the machine's holder stays. */
  crash(): Promise<void>;
  /** A new control plane over the same folder. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** `engine`: socket of the container engine, for the driver of that name. */
export async function startMachine(runtime: RuntimeName = 'sandbox', engine?: string): Promise<Machine> {
  const user = unprivilegedUser();
  const directory = mkdtempSync('/var/tmp/slipway-test-');
  chmodSync(directory, 0o755);
  const bundles = join(directory, 'bundles');
  mkdirSync(bundles);
  await build({
    absWorkingDir: root,
    entryPoints: { 'shim': 'src/agent/shim/main.ts', 'engine-node': 'src/agent/runtime/engine/inside/main.ts', 'agent-program': 'test/support/sandbox/agent-program.ts', 'machine-program': 'test/support/sandbox/machine-program.ts', tools: 'test/support/sandbox/tools-program.ts' },
    bundle: true, platform: 'node', format: 'cjs', target: 'node22', outdir: bundles, logLevel: 'warning', outExtension: { '.js': '.cjs' },
  });
  for (const name of ['shim', 'tools', 'engine-node']) copyFileSync(join(bundles, `${name}.cjs`), join(bundles, `${name}.js`));
  // The binary may lie where only root can read.
  const node = join(bundles, 'node');
  copyFileSync(realpathSync(process.execPath), node);
  chmodSync(node, 0o755);
  const home = join(directory, 'home');
  mkdirSync(home);
  if (user) for (const folder of [home, directory]) chownSync(folder, user.uid, user.gid);
  let child: ChildProcessWithoutNullStreams;
  let remote: Remote;
  const launch = () => {
    child = spawn(node, [join(bundles, 'machine-program.cjs'), home, bundles], { stdio: ['pipe', 'pipe', 'inherit'], env: { PATH: process.env['PATH'], HOME: home, LANG: 'C.UTF-8' }, cwd: directory, ...user }) as unknown as ChildProcessWithoutNullStreams;
    remote = new Remote(child.stdout, child.stdin);
  };
  launch();
  await remote!.call('start', runtime, engine);
  return {
    directory: home, bundles,
    call: (method, ...args) => remote.call(method, ...args),
    agent: (index, method, ...args) => remote.call('call', index, method, args),
    startAgent: (index) => remote.call('agent', index, runtime),
    async crash() {
      const gone = new Promise((done) => child.once('exit', done));
      child.kill('SIGKILL');
      await gone;
    },
    async restart() {
      launch();
      await remote.call('findAgain');
    },
    async stop() {
      await remote.call('stop').catch(() => undefined);
      const gone = new Promise((done) => child.once('exit', done));
      child.stdin.end();
      await gone;
      // Overlay work folders are closed even to their owner.
      if (existsSync(home)) spawnSync('chmod', ['-R', 'u+rwx', directory]);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
