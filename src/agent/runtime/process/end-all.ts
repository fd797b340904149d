/** Ends what a process driver left running: without a machine's holder nothing else does when the platform is stopped. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { shimFiles, type ShimStatus } from '../../../protocol/shim.ts';
import type { ContainerRecord } from '../containers.ts';
import { watchShim } from '../shim-connection.ts';
import { readState } from '../state-file.ts';
import { endStrays } from './process-tree.ts';

/** Of the driver's folder; one folder a container below it. */
export const containersFolder = 'containers';
/** Seconds between TERM and KILL: databases get the time to close their files. */
const graceSeconds = 5;
/** After the grace, until a shim that says nothing is given up. */
const patienceMs = 10_000;

/** `directory`: the driver's own. No agent may run on it. Every container there has ended when this resolves; whoever starts an agent again finds them ended. */
export async function endAllProcesses(directory: string): Promise<void> {
  const root = join(directory, containersFolder);
  if (!existsSync(root)) return;
  await Promise.all(readdirSync(root).map((id) => endOne(join(root, id), id)));
}

async function endOne(folder: string, id: string): Promise<void> {
  const state = readState<ShimStatus>(join(folder, shimFiles.status))?.state;
  if (state !== undefined && state !== 'exited') {
    const signal = readState<ContainerRecord>(join(folder, 'container.json'))?.stopSignal ?? 'SIGTERM';
    await askShim(folder, signal).catch(() => undefined);
  }
  await endStrays(id);
}

async function askShim(folder: string, signal: string): Promise<void> {
  let ended: () => void = () => undefined;
  const end = new Promise<void>((resolve) => (ended = resolve));
  const shim = await watchShim(folder, ({ state }) => state === 'exited' && ended(), ended);
  const late = setTimeout(ended, graceSeconds * 1000 + patienceMs);
  shim.send({ op: 'stop', signal, graceSeconds });
  await end;
  clearTimeout(late);
  shim.close();
}
