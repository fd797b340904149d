/** A pod's network, host name and IPC namespaces, held by one sleeping process; its terminals and shared memory. */
import { spawn } from 'node:child_process';
import { constants, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseIdMap, sameIds } from '../../../base/id-map.ts';
import { hardwareAddress, podBridge } from '../../holder/node-network.ts';
import { allProcesses, childrenOf, identify, isAlive, namespaceOf, type ProcessIdentity } from '../procfs.ts';
import { run } from '../run.ts';
import { systemEnvironment } from '../system-path.ts';

export interface PodNetworkPlan {
  address: string;
  gateway: string;
}

export const podMounts = { terminals: 'pts', sharedMemory: 'shm' } as const;
const startLimit = 20_000;

/** Bytes of `/dev/shm`, as container engines give. */
const sharedMemory = '64m';

/** A pod in reserve waits at the pipe for its host name, and says by the file that it has it. */
const naming = { pipe: 'name', done: 'named' } as const;

/** `$1` agent's pid, `$2` lines for the pod's side, `$3` port on the bridge, `$4` bridge, `$5` folder, `$6` host name; none: it is told later. */
const script = `
exec 2>&1
echo $$ > "$5/holder.pid"
fail() { echo "failed $1"; exit 1; }
out=$(mount -t devpts -o newinstance,mode=620,ptmxmode=666,nosuid,noexec devpts "$5/pts" 2>&1) || fail "$out"
out=$(mount -t tmpfs -o mode=1777,size=${sharedMemory},nosuid,nodev,noexec shm "$5/shm" 2>&1) || fail "$out"
if [ -n "$2" ]; then
  out=$(printf %s "$2" | ip -batch - 2>&1) || fail "$out"
  out=$(nsenter "--net=/proc/$1/ns/net" ip link set "$3" master "$4" up 2>&1) || fail "$out"
fi
name=$6
if [ -z "$name" ]; then
  out=$(mkfifo -m 600 "$5/${naming.pipe}" 2>&1) || fail "$out"
  echo ready
  exec >/dev/null 2>&1
  read -r name < "$5/${naming.pipe}"
fi
hostname "$name" 2>/dev/null
: > "$5/${naming.done}"
[ -n "$6" ] && echo ready
exec sleep 2147483647 >/dev/null 2>&1
`;

/** Makes the namespaces. Without `network` the pod shares the node's; without `hostname` it waits for `setHostname`. */
export function makePodNamespaces(directory: string, hostname: string, network: PodNetworkPlan | undefined): Promise<ProcessIdentity> {
  for (const name of Object.values(podMounts)) mkdirSync(join(directory, name), { recursive: true, mode: 0o755 });
  const port = network ? portName(network.address) : '';
  const lines = network
    ? [
        'link set lo up',
        `link add eth0 address ${hardwareAddress(network.address)} type veth peer name ${port} netns ${process.pid}`,
        // No neighbours: what pods say to each other goes through the node, where it is translated and where policies hold.
        `addr add ${network.address}/32 dev eth0`,
        'link set eth0 up',
        `route add ${network.gateway} dev eth0`,
        `route add default via ${network.gateway}`,
      ]
    : [];
  const argv = [network ? '-nui' : '-ui', 'sh', '-c', script, 'slipway-pod', String(process.pid), lines.map((line) => `${line}\n`).join(''), port, podBridge, directory, hostname];
  const child = spawn('unshare', argv, { detached: true, stdio: ['ignore', 'pipe', 'ignore'], env: systemEnvironment, cwd: '/' });
  child.unref();
  return new Promise((resolve, reject) => {
    let text = '';
    const timer = setTimeout(() => fail('it took too long'), startLimit);
    const fail = (why: string) => {
      clearTimeout(timer);
      child.kill('SIGKILL');
      reject(new Error(`the pod's namespaces could not be made: ${why}`));
    };
    child.once('error', (error) => fail(error.message));
    child.once('close', (code) => fail(text.replace(/^failed /, '').trim() || `it ended with ${code}`));
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      const holder = text.includes('ready\n') && child.pid !== undefined ? identify(child.pid) : undefined;
      if (!holder) return;
      clearTimeout(timer);
      child.stdout.destroy();
      child.removeAllListeners('close');
      resolve(holder);
    });
  });
}

/** Namespaces that were made without a host name and have none yet. */
export const waitsForName = (directory: string): boolean => existsSync(join(directory, naming.pipe)) && !existsSync(join(directory, naming.done));

/**
 * Sets the host name of namespaces that were made without one. Their holder waits for it: to start a program of our own would cost a pod's start milliseconds.
 * A pod without a name is better than none: it is not waited for longer than a second.
 */
export async function setHostname(directory: string, hostname: string): Promise<void> {
  // Opened for reading, too: that waits for nobody.
  const pipe = await open(join(directory, naming.pipe), constants.O_RDWR | constants.O_NONBLOCK).catch(() => undefined);
  if (!pipe) return;
  await pipe.write(`${hostname}\n`).catch(() => undefined).finally(() => pipe.close());
  for (let looks = 0; looks < 500 && !existsSync(join(directory, naming.done)); looks += 1) await sleep(2);
}

/** Sleeps as process 1. It reaps whom others left behind, since one who ignores the ends of its children has none that wait for it. */
const firstProcess = 'trap "" CHLD; echo ready; exec sleep 2147483647 >/dev/null 2>&1';

/** Makes a process namespace that all containers of the pod share; answers its first process. */
export function holdProcesses(holder: ProcessIdentity): Promise<ProcessIdentity> {
  const child = spawn('nsenter', ['-t', String(holder.pid), '-n', '-u', '-i', 'unshare', '-pf', 'sh', '-c', firstProcess], { detached: true, stdio: ['ignore', 'pipe', 'ignore'], env: systemEnvironment, cwd: '/' });
  child.unref();
  return new Promise((resolve, reject) => {
    const settle = (first: ProcessIdentity | undefined) => {
      clearTimeout(timer);
      child.stdout.destroy();
      if (first) return resolve(first);
      child.kill('SIGKILL');
      reject(new Error("the pod's process namespace could not be made"));
    };
    const timer = setTimeout(() => settle(undefined), startLimit);
    child.once('error', () => settle(undefined));
    child.once('exit', () => settle(undefined));
    child.stdout.once('data', () => settle(identify(childrenOf(child.pid ?? 0)[0] ?? 0)));
  });
}

/**
 * Makes the user namespace of containers that may have several users: every one that the holder knows, under the same number, and no power over anything of the pod's.
 * Answers the process that keeps it.
 */
export function holdUsers(holder: ProcessIdentity): Promise<ProcessIdentity> {
  const child = spawn('nsenter', ['-t', String(holder.pid), '-n', '-u', '-i', 'unshare', '-U', 'sh', '-c', 'echo ready; exec sleep 2147483647 >/dev/null 2>&1'], { detached: true, stdio: ['ignore', 'pipe', 'ignore'], env: systemEnvironment, cwd: '/' });
  child.unref();
  return new Promise((resolve, reject) => {
    const settle = (first: ProcessIdentity | undefined, cause?: unknown) => {
      clearTimeout(timer);
      child.stdout.destroy();
      if (first) return resolve(first);
      child.kill('SIGKILL');
      reject(new Error("the pod's user namespace could not be made", { cause }));
    };
    const timer = setTimeout(() => settle(undefined), startLimit);
    child.once('error', (error) => settle(undefined, error));
    child.once('exit', () => settle(undefined));
    child.stdout.once('data', () => {
      try {
        for (const name of ['uid_map', 'gid_map']) writeFileSync(`/proc/${child.pid}/${name}`, sameIds(parseIdMap(readFileSync(`/proc/self/${name}`, 'utf8'))));
        settle(identify(child.pid ?? 0));
      } catch (error) {
        settle(undefined, error);
      }
    });
  });
}

/** Ends whatever is in the pod's network and takes its mounts away. `holder` undefined: the agent was killed before it wrote down who holds them. */
export async function endPodNamespaces(directory: string, holder: ProcessIdentity | undefined, ...others: (ProcessIdentity | undefined)[]): Promise<void> {
  for (const one of others) if (one && isAlive(one)) kill(one.pid);
  const found = holder ?? unrecordedHolder(directory);
  if (found && isAlive(found)) {
    const network = namespaceOf(found.pid, 'net');
    kill(found.pid);
    // A relay, for example: the network, and its port on the bridge, would live as long.
    if (network !== undefined && network !== namespaceOf('self', 'net')) for (const pid of allProcesses()) if (namespaceOf(pid, 'net') === network) kill(pid);
  }
  await run(['sh', '-c', 'umount -l "$1/pts" 2>/dev/null; umount -l "$1/shm" 2>/dev/null; exit 0', 'sh', directory], { env: systemEnvironment });
}

/** The script left its pid; it counts only if that process still is what the script becomes. */
function unrecordedHolder(directory: string): ProcessIdentity | undefined {
  try {
    const pid = Number(readFileSync(join(directory, 'holder.pid'), 'utf8'));
    const command = readFileSync(`/proc/${pid}/cmdline`, 'latin1');
    return command.includes('slipway-pod') || command === ['sleep', '2147483647', ''].join('\0') ? identify(pid) : undefined;
  } catch {
    return undefined;
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Ended meanwhile.
  }
}

/** Interface names have at most 15 characters. */
function portName(address: string): string {
  return `p${address.split('.').slice(1).map((part) => Number(part).toString(16).padStart(2, '0')).join('')}`;
}
