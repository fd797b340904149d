/**
 * The machine holder: one detached process that is pid 1 of a user, network, mount and process namespace. It reaps and does nothing else,
 * so that nodes and pods outlive the control plane. Everything inside is reached by entering its namespaces; killing it ends everything inside.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Log } from '../../base/log.ts';
import { childrenOf, identify, isAlive, namespaceOf, startTimeOf, type ProcessIdentity } from '../runtime/procfs.ts';
import { run } from '../runtime/run.ts';
import { readState, writeState } from '../runtime/state-file.ts';
import { systemEnvironment } from '../runtime/system-path.ts';
import { linkEgress } from './egress-link.ts';
import { findIdRanges, giveIds } from './id-ranges.ts';
import type { EgressMode, HolderState, NodeRecord } from './holder-state.ts';
import { machineLines, nodeAddress, nodeLines } from './node-network.ts';

/** `wait` of a shell that is pid 1 reaps every orphan. */
const reap = 'while :; do sleep 2147483647 & wait $!; done';

const namespaces = ['--mount-proc', '--propagation', 'private', 'sh', '-c', reap];
/** In a user namespace that knows nobody yet: waits until it does, and is root there from the next program on. */
const waitForIds = 'echo ready; read -r go || exit 1; exec unshare -nmpf "$@" </dev/null >/dev/null';

export interface HolderOptions {
  /** For the files that pin the nodes' network namespaces, and the state file. */
  runDirectory: string;
  log: Log;
  /** Default `<runDirectory>/holder.json`. */
  stateFile?: string;
  /** Default `172.30.0.0/16`. */
  serviceCidr?: string;
  /** `relay`: do not look for slirp4netns or pasta. */
  egress?: 'auto' | 'relay';
}

export interface NodeNetwork {
  /** For `HolderCommandOptions.netns`. */
  netns: string;
  /** The node's address on the machine's bridge. */
  ip: string;
}

export interface HolderCommandOptions {
  /** A node's network namespace instead of the holder's own. */
  netns?: string;
}

export interface Holder {
  /** As this machine sees it. */
  readonly pid: number;
  readonly egress: EgressMode;
  /** Still there? */
  readonly alive: boolean;
  /**
   * Command line that runs `argv` inside, as root over its namespaces. Its first process stays outside and waits, passing on the exit code;
   * signals do not pass: use `kill`. Give it an environment whose PATH has the system folders (`systemEnvironment`).
   */
  command(argv: readonly string[], options?: HolderCommandOptions): string[];
  /** Signals the inner process of a child that was started with `command`; true if there was one. */
  kill(outerPid: number, signal: NodeJS.Signals): boolean;
  /** Makes the node's network; answers the same for a node that is there already. */
  addNode(index: number, podCidr: string): Promise<NodeNetwork>;
  /** Ends the processes that use the node's network and forgets it. */
  removeNode(index: number): Promise<void>;
  /** Ends everything inside and waits for it. */
  stop(): Promise<void>;
}

class HolderFailed extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'HolderFailed';
  }
}

export async function startHolder(options: HolderOptions): Promise<Holder> {
  const { runDirectory, log } = options;
  const stateFile = options.stateFile ?? join(runDirectory, 'holder.json');
  rmSync(join(runDirectory, 'netns'), { recursive: true, force: true });
  mkdirSync(join(runDirectory, 'netns'), { recursive: true, mode: 0o700 });
  const { outer, init, users } = await unshareAll(log);
  const holder = new LiveHolder(stateFile, options.serviceCidr ?? defaultServices, {
    version: 1, bootId: bootId(), init, helpers: [], egress: { mode: 'relay', why: 'not set up yet' }, nodes: [],
  });
  try {
    await run(holder.command(['sh', '-c', 'ip -batch - && echo 1 > /proc/sys/net/ipv4/ip_forward']), { input: `${machineLines.join('\n')}\n`, env: systemEnvironment });
    await holder.linkEgress(options.egress ?? 'auto');
  } catch (cause) {
    await holder.stop();
    throw new HolderFailed(`setting up the machine's network failed: ${(cause as Error).message}`, { cause });
  }
  outer.stderr?.destroy();
  outer.unref();
  log.info('machine holder started', { pid: init.pid, egress: holder.egress.mode, users });
  return holder;
}

interface Unshared {
  outer: ChildProcess;
  init: ProcessIdentity;
  /** Who is known in the user namespace, for people. */
  users: string;
}

/** With the ranges that the user may have, else with one user. */
async function unshareAll(log: Log): Promise<Unshared> {
  const ranges = findIdRanges();
  if ('why' in ranges) return { ...(await launch(['-Urnmpf', ...namespaces])), users: `one: ${ranges.why}` };
  try {
    return { ...(await launch(['-U', 'sh', '-c', waitForIds, 'sh', ...namespaces], (pid) => giveIds(pid, ranges))), users: 'several' };
  } catch (error) {
    log.warn('the namespaces know one user only: the ranges that were given cannot be mapped', { error });
    return { ...(await launch(['-Urnmpf', ...namespaces])), users: 'one' };
  }
}

/** `prepare` is called with a process that waits in the new user namespace. */
async function launch(words: readonly string[], prepare?: (pid: number) => Promise<void>): Promise<Omit<Unshared, 'users'>> {
  const outer = spawn('unshare', words, { detached: true, stdio: [prepare ? 'pipe' : 'ignore', prepare ? 'pipe' : 'ignore', 'pipe'], env: systemEnvironment, cwd: '/' });
  let errors = '';
  outer.stderr?.setEncoding('utf8').on('data', (text: string) => (errors += text));
  const failed = new Promise<never>((_, reject) => {
    outer.once('error', (cause) => reject(new HolderFailed(`unshare did not start: ${cause.message}`, { cause })));
    outer.once('exit', (code) => reject(new HolderFailed(`unshare ended with ${code}: ${errors.trim()}. Run "slipway doctor" for what is missing.`)));
  });
  failed.catch(() => undefined);
  try {
    if (prepare) {
      outer.stdin?.on('error', () => undefined);
      await Promise.race([failed, new Promise((resolve) => outer.stdout?.once('data', resolve))]);
      await prepare(outer.pid ?? 0);
      outer.stdin?.end('go\n');
      outer.stdout?.destroy();
    }
    return { outer, init: await Promise.race([failed, firstChild(outer.pid)]) };
  } catch (error) {
    outer.kill('SIGKILL');
    throw error;
  }
}

/** The holder of an earlier control plane, or undefined if it is gone. What it left outside is cleaned up then. */
export async function findHolder(stateFile: string, serviceCidr = defaultServices): Promise<Holder | undefined> {
  const state = readState<HolderState>(stateFile);
  if (state?.version !== 1) return undefined;
  const holder = new LiveHolder(stateFile, serviceCidr, state);
  if (state.bootId === bootId() && holder.alive && namespaceOf(state.init.pid, 'user') !== namespaceOf('self', 'user')) return holder;
  if (state.bootId === bootId()) await holder.stop();
  else rmSync(stateFile, { force: true });
  return undefined;
}

const defaultServices = '172.30.0.0/16';

class LiveHolder implements Holder {
  readonly #stateFile: string;
  readonly #serviceCidr: string;
  #state: HolderState;
  #adding = Promise.resolve();

  constructor(stateFile: string, serviceCidr: string, state: HolderState) {
    this.#stateFile = stateFile;
    this.#serviceCidr = serviceCidr;
    this.#state = state;
  }

  get pid(): number {
    return this.#state.init.pid;
  }

  get egress(): EgressMode {
    return this.#state.egress;
  }

  get alive(): boolean {
    return isAlive(this.#state.init);
  }

  command(argv: readonly string[], options: HolderCommandOptions = {}): string[] {
    const enter = ['nsenter', '-t', String(this.pid), '-U', '--preserve-credentials', '-m', '-n', '-p'];
    // The pin is a plain file outside: it is opened in a second step, from within the holder's mount namespace.
    return options.netns === undefined ? [...enter, ...argv] : [...enter, 'nsenter', `--net=${options.netns}`, ...argv];
  }

  kill(outerPid: number, signal: NodeJS.Signals): boolean {
    const inner = childrenOf(outerPid)[0];
    if (inner === undefined) return false;
    process.kill(inner, signal);
    return true;
  }

  async linkEgress(wish: 'auto' | 'relay'): Promise<void> {
    const link = wish === 'relay' ? { mode: { mode: 'relay' as const, why: 'asked for' } } : await linkEgress(this.pid, (argv) => this.command(argv));
    this.#save({ egress: link.mode, helpers: link.helper ? [link.helper] : [] });
  }

  addNode(index: number, podCidr: string): Promise<NodeNetwork> {
    const added = this.#adding.then(() => this.#addNode(index, podCidr));
    this.#adding = added.then(() => undefined, () => undefined);
    return added;
  }

  async #addNode(index: number, podCidr: string): Promise<NodeNetwork> {
    const known = this.#state.nodes.find((node) => node.index === index);
    if (known) {
      if (known.podCidr !== podCidr) throw new HolderFailed(`node-${index} has the pod range ${known.podCidr} already, not ${podCidr}`);
      return { netns: known.netns, ip: known.ip };
    }
    const node: NodeRecord = { index, podCidr, netns: join(this.#stateFile, '..', 'netns', `node-${index}`), ip: nodeAddress(index) };
    mkdirSync(join(node.netns, '..'), { recursive: true, mode: 0o700 });
    writeFileSync(node.netns, '', { mode: 0o600 });
    const lines = nodeLines(node, this.#serviceCidr);
    const script = 'unshare "--net=$1" true && printf %s "$2" | ip -batch - && printf %s "$3" | nsenter "--net=$1" ip -batch - && nsenter "--net=$1" sh -c "echo 1 > /proc/sys/net/ipv4/ip_forward"';
    try {
      await run(this.command(['sh', '-c', script, 'sh', node.netns, `${lines.machine.join('\n')}\n`, `${lines.node.join('\n')}\n`]), { env: systemEnvironment });
    } catch (cause) {
      await this.#unpin(node);
      throw new HolderFailed(`the network of node-${index} could not be made: ${(cause as Error).message}`, { cause });
    }
    this.#save({ nodes: [...this.#state.nodes, node] });
    return { netns: node.netns, ip: node.ip };
  }

  async removeNode(index: number): Promise<void> {
    const node = this.#state.nodes.find((one) => one.index === index);
    if (!node) return;
    // Inside, /proc shows the holder's processes only; whoever is in the node's network is the node's.
    const kill = 'want=$(stat -Lc %i "$1") || exit 0; for p in /proc/[0-9]*; do [ "$(stat -Lc %i $p/ns/net 2>/dev/null)" = "$want" ] && kill -9 "${p#/proc/}"; done; exit 0';
    await run(this.command(['sh', '-c', kill, 'sh', node.netns]), { env: systemEnvironment }).catch(() => undefined);
    await this.#unpin(node);
    this.#save({ nodes: this.#state.nodes.filter((one) => one !== node) });
  }

  async #unpin(node: NodeRecord): Promise<void> {
    const script = 'ip link del "$2" 2>/dev/null; ip route del "$3" 2>/dev/null; umount -l "$1" 2>/dev/null; exit 0';
    await run(this.command(['sh', '-c', script, 'sh', node.netns, `n${node.index}`, node.podCidr]), { env: systemEnvironment }).catch(() => undefined);
    rmSync(node.netns, { force: true });
  }

  async stop(): Promise<void> {
    for (const one of [...this.#state.helpers, this.#state.init]) if (isAlive(one)) process.kill(one.pid, 'SIGKILL');
    // pid 1 is gone only after everything in its namespace is.
    while (this.alive) await new Promise((resolve) => setTimeout(resolve, 5));
    rmSync(this.#stateFile, { force: true });
  }

  #save(change: Partial<HolderState>): void {
    this.#state = { ...this.#state, ...change };
    writeState(this.#stateFile, this.#state);
  }
}

function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}

/** unshare forks once; until it has, its namespaces are not complete. */
async function firstChild(pid: number | undefined): Promise<ProcessIdentity> {
  for (let waited = 0; pid !== undefined && waited < 5000; waited += 2) {
    const child = childrenOf(pid)[0];
    // Past the exec of the shell the mounts of the new namespace are made.
    if (child !== undefined && startTimeOf(child) !== undefined && readCommand(child) === 'sh') return identify(child)!;
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  throw new HolderFailed('unshare made no process within 5 seconds');
}

function readCommand(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
  } catch {
    return undefined;
  }
}
