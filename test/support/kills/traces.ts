/** What a platform in a sandbox has left on this machine: processes, mounts, folders, sockets, ports on the bridge. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import path from 'node:path';
import type { RunInfo } from '../../../src/protocol/daemon.ts';
import type { Platform } from '../platform/platform.ts';
import { familyOf, processesNaming, type FoundProcess } from '../platform/processes.ts';

export function runInfo(platform: Platform): RunInfo {
  return JSON.parse(readFileSync(path.join(platform.home, 'run.json'), 'utf8')) as RunInfo;
}

/** pid 1 of the machine holder. */
export function holderOf(platform: Platform): number {
  return (JSON.parse(readFileSync(path.join(runInfo(platform).runDirectory, 'holder.json'), 'utf8')) as { init: { pid: number } }).init.pid;
}

export type Part = 'agent' | 'shim' | 'router' | 'control plane';

/** Processes of a part that run now. `besides`: ids of containers whose shims are left alone. */
export function processesOf(platform: Platform, part: Part, besides: readonly string[] = []): number[] {
  switch (part) {
    case 'agent':
      return agents(platform);
    case 'shim':
      return shims(platform).filter(({ containers }) => containers.length > 0 && !containers.some((id) => besides.includes(id))).map(({ pid }) => pid);
    case 'router':
      return familyOf([runInfo(platform).pid]).filter(({ command }) => command === 'slipway-router').map(({ pid }) => pid);
    case 'control plane':
      return [runInfo(platform).pid];
  }
}

export interface Traces {
  /** Ids of sandboxes, by what tells of them. */
  podFolders: string[];
  podMounts: number;
  /** Processes that hold a pod's namespaces; one in reserve still waits for its name. */
  sleepers: number;
  ports: number;
  /** Ids of containers. */
  containerFolders: string[];
  /** Made for containers to come. */
  spareContainers: number;
  shims: string[];
  /** Uids of pods. */
  agentFolders: string[];
  agents: number;
  routers: number;
  /** Names in the run folder. */
  sockets: string[];
  /** What runs and belongs to none of these. */
  others: string[];
}

export function tracesOf(platform: Platform): Traces {
  const node = path.join(platform.home, 'nodes', 'node-1');
  const family = familyOf([holderOf(platform), runInfo(platform).pid, ...processesNaming(platform.home).map(({ pid }) => pid)]);
  const [agent] = agents(platform);
  const containers = listOf(path.join(node, 'runtime/containers'));
  const isMade = (id: string) => existsSync(path.join(node, 'runtime/containers', id, 'container.json'));
  // Its first process sleeps, too.
  const machine = linkOf(`/proc/${holderOf(platform)}/ns/net`);
  return {
    podFolders: listOf(path.join(node, 'runtime/pods')).sort(),
    podMounts: mountsBelow(agent, path.join(node, 'runtime/pods')),
    sleepers: family.filter(({ command }) => command === 'sleep 2147483647' || /^sh -c [^]* slipway-pod /.test(command)).filter(({ pid }) => linkOf(`/proc/${pid}/ns/net`) !== machine).length,
    ports: agent === undefined ? -1 : portsIn(platform, agent),
    containerFolders: containers.filter(isMade).sort(),
    spareContainers: containers.filter((id) => !isMade(id)).length,
    shims: shims(platform).flatMap(({ containers }) => containers).sort(),
    agentFolders: listOf(path.join(node, 'pods')).sort(),
    agents: agents(platform).length,
    routers: processesOf(platform, 'router').length,
    sockets: listOf(runInfo(platform).runDirectory).sort(),
    others: family.filter(({ command }) => /^(?:unshare|nsenter|sh) /.test(command) && /\bstart\.sh/.test(command) && !/waitText|"\$@"; exit/.test(command)).map(({ command }) => command.slice(0, 160)),
  };
}

function agents(platform: Platform): number[] {
  return processesNaming(path.join(platform.home, 'versions')).filter(({ command }) => command.includes('agent.js') && !command.startsWith('nsenter')).map(({ pid }) => pid);
}

interface FoundShim extends FoundProcess {
  /** Ids of those in its care, whose pipes it holds. */
  containers: string[];
}

function shims(platform: Platform): FoundShim[] {
  return processesNaming(path.join(platform.home, 'versions')).filter(({ command }) => command.includes('shim.js')).map((one) => {
    const files = listOf(`/proc/${one.pid}/fd`).map((name) => linkOf(`/proc/${one.pid}/fd/${name}`));
    return { ...one, containers: [...new Set(files.flatMap((file) => /\/containers\/([0-9a-f]+)\//.exec(file)?.[1] ?? []))] };
  });
}

function listOf(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function linkOf(file: string): string {
  try {
    return readlinkSync(file);
  } catch {
    return '';
  }
}

function mountsBelow(pid: number | undefined, folder: string): number {
  try {
    return readFileSync(`/proc/${pid ?? 0}/mountinfo`, 'utf8').split('\n').filter((line) => line.split(' ')[4]?.startsWith(`${folder}/`)).length;
  } catch {
    return -1;
  }
}

/** Pods' ends of the bridge of the node, in whose network its agent is. */
function portsIn(platform: Platform, agent: number): number {
  const enter = process.getuid?.() === 0 ? [] : ['-U', '--preserve-credentials'];
  try {
    return execFileSync('nsenter', ['-t', String(agent), ...enter, '-n', 'ip', '-o', 'link'], { encoding: 'utf8', env: { PATH: '/usr/sbin:/sbin:/usr/bin:/bin' } }).split('\n').filter((line) => /^\d+: p[0-9a-f]{6}@/.test(line)).length;
  } catch {
    return -1;
  }
}
