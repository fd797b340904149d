/** Docker's own daemon, beside any other of this machine: no bridge and no packet filter of its own, so that nothing outside its folder changes. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { chmodSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { askEngine } from '../../../src/detect/engine.ts';
import { engineClient } from '../../../src/agent/runtime/engine/engine-client.ts';
import type { EngineNetwork, ListedContainer } from '../../../src/agent/runtime/engine/engine-objects.ts';
import { endProcess, familyOf, processesNaming } from '../platform/processes.ts';
import { mountsBelow } from './leftovers.ts';
import type { TestEngine } from './test-engine.ts';

export async function startDockerd(): Promise<TestEngine> {
  // Not /tmp: the layers need a file system that can carry overlays.
  const directory = mkdtempSync('/var/tmp/slipway-docker-');
  chmodSync(directory, 0o755);
  const socketPath = join(directory, 'engine.sock');
  const url = `unix://${socketPath}`;
  const address = { url, source: 'the test', socketPath };
  const configFile = join(directory, 'daemon.json');
  writeFileSync(configFile, '{}');
  const argv = [
    '--data-root', join(directory, 'data'), '--exec-root', join(directory, 'exec'), '--pidfile', join(directory, 'pid'), '--host', url, '--config-file', configFile,
    '--bridge', 'none', '--iptables=false', '--ip6tables=false', '--ip-forward=false', '--userland-proxy=false', '--live-restore', '--storage-driver', 'overlay2',
  ];
  let service: ChildProcess;
  const end = async (signal: NodeJS.Signals) => {
    if (service.exitCode !== null || service.signalCode !== null) return;
    const ended = new Promise((resolve) => service.once('exit', resolve));
    service.kill(signal);
    await ended;
  };
  const resume = async () => {
    const log = openSync(join(directory, 'log'), 'a');
    service = spawn('dockerd', argv, { stdio: ['ignore', log, log] });
    for (let looks = 0; !(await askEngine(address)).ok; looks += 1) {
      if (looks > 600 || service.exitCode !== null) throw new Error(`dockerd does not serve: ${readFileSync(join(directory, 'log'), 'utf8').slice(-2000)}`);
      await sleep(50);
    }
    // As a member of the group docker would: whoever reaches the folder may use the engine.
    chmodSync(socketPath, 0o666);
  };
  await resume();
  const client = await engineClient(address);
  return {
    directory, socketPath, url, client, resume,
    // As a service manager does; a daemon that is killed leaves its containerd behind, and the next one waits for it.
    halt: () => end('SIGTERM'),
    async stop() {
      const list = <T>(path: string) => client.call<T[]>('GET', path, { query: { all: true } }).catch(() => []);
      for (const { Id } of await list<ListedContainer>('/containers/json')) await client.call('DELETE', `/containers/${Id}`, { query: { force: true, v: true } }).catch(() => undefined);
      for (const { Name, Labels } of await list<EngineNetwork>('/networks')) if (Labels && Object.keys(Labels).length > 0) await client.call('DELETE', `/networks/${Name}`).catch(() => undefined);
      client.close();
      await end('SIGTERM');
      // What a daemon that failed left: containers are children of shims that name the folder.
      for (const { pid } of familyOf(processesNaming(directory).map((one) => one.pid))) endProcess(pid);
      for (const mount of mountsBelow(directory)) spawnSync('umount', ['-l', mount]);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
