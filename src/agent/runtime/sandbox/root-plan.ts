/** Plans a container's root: overlay, mount points, table of mounts. Looks at layers, changes nothing but missing mount points inside volumes. */
import { existsSync, lstatSync, mkdirSync, opendirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { RuntimeFailure, type Mount } from '../runtime.ts';
import { resolveInLayers } from './merged-path.ts';
import { bind, type MountEntry, type MountPoint } from './mount-table.ts';
import type { NodeRoot } from './node-root.ts';

export interface RootInput {
  node: Pick<NodeRoot, 'devices' | 'sysfs'>;
  /** Mount point of the container's root. */
  root: string;
  /** Topmost first, absolute. */
  layers: string[];
  /** This machine's own folders, read-only at the same path. */
  hostBinds: { path: string; directory: boolean; source?: string }[];
  /** The pod's terminals and shared memory. */
  pod: { terminals: string; sharedMemory: string };
  /** Files of the pod and of this container, by their path inside. */
  generated: { source: string; target: string }[];
  mounts: Mount[];
  workingDir: string;
  /** The kernel's files stay as they are, so that nested namespaces may mount their own /proc. */
  unmasked: boolean;
  points: readonly MountPoint[];
}

export interface RootPlan {
  /** Folders that are missing as mount points are made by mount itself. */
  entries: MountEntry[];
  /** What else has to be made first, absolute on this machine, below `root`. */
  directories: string[];
  files: string[];
}

/** Of the machine, not the container; and no use to an application. */
const masked = ['/proc/kcore', '/proc/keys', '/proc/timer_list', '/proc/sched_debug', '/proc/latency_stats'];
const emptied = ['/proc/acpi', '/proc/scsi'];
const frozen = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];

export function planRoot(input: RootInput): RootPlan {
  const { root, node, points } = input;
  const plan: RootPlan = { entries: [], directories: [], files: [] };
  const at = (path: string) => (path === '/' ? root : root + path);
  const target = (path: string, directory: boolean) => place(input, plan, path, directory);
  const missing = new Set<string>();
  const folder = (path: string) => {
    const found = target(path, true);
    if (plan.directories.at(-1) === at(found)) missing.add(plan.directories.pop()!);
    return at(found);
  };

  for (const host of input.hostBinds) plan.entries.push(...hostBind(input, host));
  plan.entries.push({ source: node.devices, target: folder('/dev'), type: 'none', options: ['rbind', 'ro', 'nosuid', 'noexec'] });
  plan.entries.push(...bind(input.pod.terminals, at('/dev/pts'), false, []), ...bind(input.pod.sharedMemory, at('/dev/shm'), false, []));
  plan.entries.push({ source: 'proc', target: folder('/proc'), type: 'proc', options: ['nosuid', 'nodev', 'noexec'] });
  const sys = folder('/sys');
  plan.entries.push(node.sysfs ? { source: 'sysfs', target: sys, type: 'sysfs', options: ['ro', 'nosuid', 'nodev', 'noexec'] } : emptyFolder(sys));
  if (!input.unmasked) {
    for (const path of masked.filter(existsSync)) plan.entries.push({ source: '/dev/null', target: at(path), type: 'none', options: ['bind'] });
    for (const path of emptied.filter(existsSync)) plan.entries.push(emptyFolder(at(path)));
    for (const path of frozen.filter(existsSync)) plan.entries.push({ source: at(path), target: at(path), type: 'none', options: ['bind', 'ro', 'nosuid', 'nodev', 'noexec'] });
    if (node.sysfs && existsSync('/sys/firmware')) plan.entries.push(emptyFolder(at('/sys/firmware')));
  }
  for (const { source, target: path } of input.generated) plan.entries.push(...bind(source, at(target(path, false)), false, points));
  const placed: { path: string; mount: Mount }[] = [];
  for (const mount of [...input.mounts].sort((one, other) => depth(one.containerPath) - depth(other.containerPath))) {
    let directory: boolean;
    try {
      directory = statSync(mount.hostPath).isDirectory();
    } catch (cause) {
      throw new RuntimeFailure('CreateContainerError', `the volume for ${mount.containerPath} is not there: ${mount.hostPath}`, { cause });
    }
    const outer = placed.findLast(({ mount: one }) => under(mount.containerPath, one.containerPath));
    const path = outer ? outer.path + insideVolume(outer.mount, mount.containerPath, directory) : directory ? folder(mount.containerPath) : at(target(mount.containerPath, false));
    plan.entries.push(...bind(mount.hostPath, path, mount.readOnly, points));
    placed.push({ path, mount });
  }
  if (!placed.some(({ mount }) => under(input.workingDir, mount.containerPath))) target(input.workingDir, true);
  for (const entry of plan.entries) if (missing.delete(entry.target)) entry.options = [...entry.options, 'X-mount.mkdir'];
  plan.directories = [...new Set(plan.directories)];
  plan.files = [...new Set(plan.files)];
  return plan;
}

/** Resolves a mount point and notes it if it has to be made. */
function place(input: RootInput, plan: RootPlan, wanted: string, directory: boolean): string {
  const resolved = resolveInLayers(input.layers, wanted);
  const shared = input.hostBinds.find(({ path }) => under(resolved.path, path)) ?? (under(resolved.path, '/dev') && resolved.path !== '/dev' ? { path: '/dev', source: input.node.devices } : undefined);
  if (shared && resolved.path !== shared.path) {
    const there = join(shared.source ?? shared.path, resolved.path.slice(shared.path.length));
    if (existsSync(there)) return resolved.path;
    throw new RuntimeFailure('CreateContainerError', `nothing can be mounted at ${wanted}: ${shared.path} is read-only and has no such ${directory ? 'folder' : 'file'}`);
  }
  if (resolved.stat) {
    if (resolved.stat.isDirectory() !== directory) throw new RuntimeFailure('CreateContainerError', `${wanted} in the image is ${directory ? 'a file, the volume is a folder' : 'a folder, the volume is a file'}`);
    return resolved.path;
  }
  if (directory) plan.directories.push(input.root + resolved.path);
  else {
    const parent = dirname(resolved.path);
    if (parent !== '/') plan.directories.push(input.root + parent);
    plan.files.push(input.root + resolved.path);
  }
  return resolved.path;
}

/** A mount inside another volume: its mount point is made in that volume, never through a link that the application may have left there. */
function insideVolume(outer: Mount, path: string, directory: boolean): string {
  const rest = path.slice(outer.containerPath.replace(/\/+$/, '').length);
  const parts = rest.split('/').filter(Boolean);
  let here = outer.hostPath;
  for (const [index, part] of parts.entries()) {
    here = join(here, part);
    const stat = lstatSync(here, { throwIfNoEntry: false });
    const last = index === parts.length - 1;
    if (stat?.isSymbolicLink() || part === '..') throw new RuntimeFailure('CreateContainerError', `${path} leads through a link in the volume at ${outer.containerPath}`);
    if (stat) continue;
    if (last && !directory) writeFileSync(here, '', { flag: 'wx' });
    else mkdirSync(here);
  }
  return rest.replace(/\/+$/, '');
}

/** A host folder that layers of the image add to is shown merged with them. */
function hostBind(input: RootInput, host: RootInput['hostBinds'][number]): MountEntry[] {
  const source = host.source ?? host.path;
  const target = input.root + host.path;
  if (host.directory) {
    const additions: string[] = [];
    for (const layer of input.layers) {
      const path = layer + host.path;
      // The lowest layer has an empty mount point there.
      if (lstatSync(path, { throwIfNoEntry: false })?.isDirectory() && notEmpty(path)) additions.push(path);
    }
    if (additions.length > 0) return [{ source: 'overlay', target, type: 'overlay', options: [`lowerdir=${[...additions, source].join(':')}`, 'userxattr', 'ro', 'nosuid', 'nodev'] }];
  }
  return bind(source, target, true, input.points);
}

function notEmpty(path: string): boolean {
  const folder = opendirSync(path);
  const first = folder.readSync();
  folder.closeSync();
  return first !== null;
}

function emptyFolder(target: string): MountEntry {
  return { source: 'tmpfs', target, type: 'tmpfs', options: ['ro', 'nosuid', 'nodev', 'noexec', 'size=4k'] };
}

function depth(path: string): number {
  return path.split('/').filter(Boolean).length;
}

function under(path: string, folder: string): boolean {
  const clean = folder.replace(/\/+$/, '');
  return path === clean || path.startsWith(`${clean}/`);
}
