/** Podman's service of an ordinary user: subordinate ids, a network by slirp4netns. In a mount namespace of its own, where that user may open the tunnel device. */
import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { engineClient } from '../../../src/agent/runtime/engine/engine-client.ts';
import { account, ordinaryUserName } from '../platform/ordinary-user.ts';
import { endProcess, familyOf, processesNaming } from '../platform/processes.ts';
import { mountsBelow } from './leftovers.ts';
import type { TestEngine } from './test-engine.ts';

/** Undefined if it can be started here. */
export function whyNotRootless(): string | undefined {
  const missing = ['newuidmap', 'newgidmap', 'slirp4netns', 'mknod'].find((program) => spawnSync('sh', ['-c', 'command -v "$0"', program]).status !== 0);
  if (missing !== undefined) return `${missing} is not installed`;
  account();
  const ranges = existsSync('/etc/subuid') ? readFileSync('/etc/subuid', 'utf8') : '';
  return ranges.split('\n').some((line) => line.startsWith(`${ordinaryUserName}:`)) ? undefined : `the user ${ordinaryUserName} has no subordinate ids`;
}

export async function startRootlessPodman(identity: { uid: number; gid: number }): Promise<TestEngine> {
  const directory = mkdtempSync('/var/tmp/slipway-rootless-');
  const inside = (name: string) => join(directory, name);
  // Podman looks for the user's own folder of that name, and makes what lives as long as a login there.
  const runtime = `/run/user/${identity.uid}`;
  const made = !existsSync(runtime);
  for (const folder of [runtime, inside('home'), inside('tmp')]) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    chownSync(folder, identity.uid, identity.gid);
  }
  chownSync(directory, identity.uid, identity.gid);
  writeFileSync(inside('containers.conf'), '[engine]\nruntime = "runc"\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n');
  execFileSync('mknod', ['-m', '666', inside('tun'), 'c', '10', '200']);
  const socketPath = inside('engine.sock');
  const url = `unix://${socketPath}`;
  const env = { PATH: process.env.PATH, HOME: inside('home'), TMPDIR: inside('tmp'), XDG_RUNTIME_DIR: runtime, CONTAINERS_CONF: inside('containers.conf') };
  const podman = ['podman', '--storage-driver', 'vfs'];
  const script = 'tun=$1 uid=$2 gid=$3; shift 3; mount --make-rshared / && mkdir -p /dev/net && { [ -e /dev/net/tun ] || : > /dev/net/tun; } && mount --bind "$tun" /dev/net/tun && exec setpriv --reuid "$uid" --regid "$gid" --clear-groups "$@"';
  const asUser = (...argv: string[]) => ['unshare', '--mount', '--propagation', 'private', 'sh', '-c', script, 'sh', inside('tun'), String(identity.uid), String(identity.gid), ...argv];
  let service: ChildProcess;
  const resume = async () => {
    const [program = '', ...argv] = asUser(...podman, 'system', 'service', '--time', '0', url);
    service = spawn(program, argv, { stdio: ['ignore', 'ignore', 'inherit'], env });
    for (let looks = 0; !existsSync(socketPath); looks += 1) {
      if (looks > 600 || service.exitCode !== null) throw new Error('podman does not serve its user');
      await sleep(50);
    }
  };
  const halt = async () => {
    for (const { pid } of processesNaming(url)) endProcess(pid);
    rmSync(socketPath, { force: true });
  };
  await resume();
  const client = await engineClient({ url, source: 'the test', socketPath });
  return {
    directory, socketPath, url, client, halt, resume,
    async stop() {
      client.close();
      const pause = Number(existsSync(join(runtime, 'libpod/tmp/pause.pid')) ? readFileSync(join(runtime, 'libpod/tmp/pause.pid'), 'utf8') : 0);
      const [program = '', ...argv] = asUser(...podman, 'rm', '--all', '--force', '--time', '0');
      spawnSync(program, argv, { env, stdio: 'ignore' });
      for (const { pid } of familyOf(processesNaming(directory).map((one) => one.pid))) endProcess(pid);
      if (pause > 1) endProcess(pause);
      for (const mount of mountsBelow(directory)) spawnSync('umount', ['-l', mount]);
      rmSync(directory, { recursive: true, force: true });
      for (const name of made ? [''] : ['libpod', 'containers', 'netns']) rmSync(join(runtime, name), { recursive: true, force: true });
    },
  };
}
