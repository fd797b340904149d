/** What every container of a node shares, mounted once in the holder's mount namespace: the device folder, and facts found by trying. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { idsFromZero, parseIdMap, usefulIds } from '../../../base/id-map.ts';
import { run, shellQuote } from '../run.ts';
import { systemEnvironment } from '../system-path.ts';
import { prepareKit, type Kit } from './kit.ts';
import { readMountPoints } from './mount-table.ts';

export interface NodeRoot {
  kit: Kit;
  /** A read-only `/dev` with its submounts; terminals and shared memory are the pod's. */
  devices: string;
  /** The kernel lets this user mount a new sysfs. */
  sysfs: boolean;
  /** Overlay mounts work here. */
  overlay: boolean;
  /** Users and groups that the holder's namespace knows, from 0 on; 0: containers have one user. */
  users: number;
}

const deviceNames = ['null', 'zero', 'full', 'random', 'urandom', 'tty'];

/** `directory` belongs to the driver and lies on the file system of the containers' roots. */
export async function prepareNodeRoot(directory: string): Promise<NodeRoot> {
  const kit = await prepareKit(join(directory, 'kit'));
  const devices = join(directory, 'dev');
  mkdirSync(devices, { recursive: true, mode: 0o755 });
  const mounts = readMountPoints().filter(({ path }) => path === devices || path.startsWith(`${devices}/`));
  // A new kit is another folder than the one still mounted.
  if (mounts.length > 0 && !existsSync(join(devices, '.slipway', 'kit.json'))) await run(['umount', '-R', '-l', devices], { env: systemEnvironment });
  if (!existsSync(join(devices, '.slipway', 'kit.json'))) {
    const q = shellQuote;
    await run(['sh', '-ec', [
      `mount -t tmpfs -o mode=755,size=64k tmpfs ${q(devices)}`, `cd ${q(devices)}`,
      'mkdir .slipway pts shm mqueue', ': > termination-log', 'ln -s pts/ptmx ptmx', 'ln -s /proc/self/fd fd', 'ln -s /proc/self/fd/0 stdin', 'ln -s /proc/self/fd/1 stdout', 'ln -s /proc/self/fd/2 stderr',
      ...deviceNames.map((name) => `: > ${name}; mount --bind /dev/${name} ${name}`),
      `mount -o bind,ro,nosuid,nodev ${q(kit.directory)} .slipway`,
    ].join('\n')], { env: systemEnvironment });
  }
  const works = async (script: string): Promise<boolean> => {
    const scratch = mkdtempSync(join(directory, 'try-'));
    try {
      await run(['unshare', '-nm', '--propagation', 'private', 'sh', '-ec', script], { cwd: scratch, env: systemEnvironment });
      return true;
    } catch {
      return false;
    } finally {
      rmSync(scratch, { recursive: true, force: true });
    }
  };
  const plain = !/[,:\\"]/.test(directory);
  const [sysfs, overlay] = await Promise.all([
    works('mkdir m; mount -t sysfs -o ro sysfs m'),
    plain ? works('mkdir l u w m; mount -t overlay overlay -o "lowerdir=$PWD/l,upperdir=$PWD/u,workdir=$PWD/w,userxattr" m; : > m/x') : false,
  ]);
  return { kit, devices, sysfs, overlay, users: knownUsers() };
}

function knownUsers(): number {
  const count = Math.min(...['uid_map', 'gid_map'].map((name) => idsFromZero(parseIdMap(readFileSync(`/proc/self/${name}`, 'utf8')))));
  return count < usefulIds ? 0 : count;
}
