/** Podman's service, with storage of its own. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { processesNaming } from '../platform/processes.ts';
import { engineClient } from '../../../src/agent/runtime/engine/engine-client.ts';
import { mountsBelow } from './leftovers.ts';
import type { TestEngine } from './test-engine.ts';

export async function startPodman(): Promise<TestEngine> {
  // Not /tmp: the layers need a file system that can carry overlays.
  const directory = mkdtempSync('/var/tmp/slipway-podman-');
  chmodSync(directory, 0o755);
  const socketPath = join(directory, 'engine.sock');
  const url = `unix://${socketPath}`;
  mkdirSync(join(directory, 'networks'));
  writeFileSync(join(directory, 'containers.conf'), '[engine]\nruntime = "runc"\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n[containers]\ndefault_ulimits = ["nofile=10000:10000", "nproc=4096:4096"]\n');
  const env = { ...process.env, CONTAINERS_CONF: join(directory, 'containers.conf'), TMPDIR: directory };
  const global = ['--root', join(directory, 'root'), '--runroot', join(directory, 'run'), '--tmpdir', join(directory, 'tmp'), '--network-config-dir', join(directory, 'networks'), '--storage-driver', 'overlay', '--events-backend', 'file'];
  let service: ChildProcess;
  const halt = async () => {
    const ended = new Promise((resolve) => service.once('exit', resolve));
    service.kill('SIGKILL');
    await ended;
    rmSync(socketPath, { force: true });
  };
  const resume = async () => {
    service = spawn('podman', [...global, 'system', 'service', '--time', '0', url], { stdio: ['ignore', 'ignore', 'inherit'], env });
    for (let looks = 0; !existsSync(socketPath); looks += 1) {
      if (looks > 600 || service.exitCode !== null) throw new Error('podman does not serve');
      await sleep(50);
    }
    // As a member of the group docker would: whoever reaches the folder may use the engine.
    chmodSync(socketPath, 0o666);
  };
  await resume();
  const client = await engineClient({ url, source: 'the test', socketPath });
  return {
    directory, socketPath, url, client, halt, resume,
    async stop() {
      client.close();
      await halt();
      spawnSync('podman', [...global, 'rm', '--all', '--force', '--time', '0'], { env, stdio: 'ignore' });
      spawnSync('podman', [...global, 'network', 'prune', '--force'], { env, stdio: 'ignore' });
      // Podman's monitors of executed commands wait for minutes before they clean up, in folders that are gone by then.
      for (const { pid } of processesNaming(directory)) process.kill(pid, 'SIGKILL');
      for (const mount of mountsBelow(directory)) spawnSync('umount', ['-l', mount]);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
