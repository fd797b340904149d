import { readFileSync, statfsSync } from 'node:fs';
import path from 'node:path';
import { networkDisk } from '../failure.ts';

/** `f_type` of statfs(2) for file systems whose server is another machine (linux/magic.h and the file systems' own headers). */
const remoteMagic: Record<number, string> = {
  0x6969: 'nfs', 0x517b: 'smb', 0xff534d42: 'cifs', 0xfe534d42: 'smb2', 0x564c: 'ncp', 0x5346414f: 'afs', 0x73757245: 'coda', 0x00c36400: 'ceph', 0x0bd00bd0: 'lustre',
  0x47504653: 'gpfs', 0x20030528: 'orangefs',
};
const fuseMagic = 0x65735546;
/** File systems behind FUSE that lie on this machine. Any other could be anywhere, and few of them keep what fsync promises. */
const localFuse = ['fuseblk', 'fuse.gocryptfs', 'fuse.encfs', 'fuse.cryfs', 'fuse.fuse-overlayfs', 'fuse.bindfs', 'fuse.ext4', 'fuse.lxcfs'];

export interface DiskProbe {
  magic(folder: string): number;
  /** /proc/self/mountinfo (proc(5)); empty where there is none. */
  mounts(): string;
}

const machine: DiskProbe = {
  magic: (folder) => Number(BigInt.asUintN(32, BigInt(statfsSync(folder).type))),
  mounts() {
    try {
      return readFileSync('/proc/self/mountinfo', 'utf8');
    } catch {
      return '';
    }
  },
};

/** Throws unless `folder` lies on this machine: SQLite's log and locks are not safe across a network (sqlite.org/wal.html, "all processes must be on the same host"). */
export function requireLocalDisk(folder: string, probe: DiskProbe = machine, platform: NodeJS.Platform = process.platform): void {
  if (platform === 'win32') {
    if (/^[\\/]{2}(?![?.][\\/])/.test(path.win32.resolve(folder))) throw networkDisk(folder, 'a share');
    return;
  }
  if (platform !== 'linux') return;
  const magic = probe.magic(folder);
  const remote = remoteMagic[magic];
  if (remote) throw networkDisk(folder, remote);
  const mount = mountOf(probe.mounts(), path.posix.resolve(folder));
  if (magic === fuseMagic && mount && !localFuse.includes(mount.type)) throw networkDisk(folder, mount.type);
  // Windows drives inside WSL: a file server as well, with locks that do not hold.
  if (mount?.type === '9p' && mount.options.includes('drvfs')) throw networkDisk(folder, 'a Windows drive in WSL');
}

/** The mount a folder lies on: the longest mount point above it, the last one if mounted over. */
function mountOf(mountinfo: string, folder: string): { type: string; options: string } | undefined {
  let best: { point: string; type: string; options: string } | undefined;
  for (const line of mountinfo.split('\n')) {
    const [left, right] = line.split(' - ');
    const point = left?.split(' ')[4]?.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)));
    if (!point || !right) continue;
    const above = point === '/' || folder === point || folder.startsWith(`${point}/`);
    if (!above || (best && best.point.length > point.length)) continue;
    const [type = '', ...options] = right.split(' ');
    best = { point, type, options: options.join(' ') };
  }
  return best;
}
