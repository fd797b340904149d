/** What an engine sees of this machine, found out by letting it mount a folder and look: an engine may run in a virtual machine, or on another one. */
import { randomUUID } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { readState, writeState } from '../state-file.ts';
import { ownLabels, type Owner } from './container-body.ts';
import { isEngineError, type EngineClient } from './engine-client.ts';
import { EntryReader } from './stream-frames.ts';

export interface EngineMachine {
  /** Whether the engine mounts folders of this machine, and how it names them. */
  folders: 'same' | 'wsl' | 'none';
  /** It is this very machine: its programs can be mounted into containers. */
  same: boolean;
}

export interface LookOptions {
  engine: EngineClient;
  owner: Owner;
  directory: string;
  /** An image with a shell, and what is bound into it. */
  image: { name: string; binds: string[] };
}

/** Distributions of Windows' own Linux see drives below /mnt. */
export function pathAtEngine(path: string, folders: EngineMachine['folders']): string {
  const [, drive, rest] = /^([A-Za-z]):[\\/](.*)$/.exec(path) ?? [];
  return folders === 'wsl' && drive !== undefined ? `/mnt/${drive.toLowerCase()}/${rest?.replaceAll('\\', '/') ?? ''}` : path;
}

/** The answer of an earlier agent, while machine and engine are the same. */
export async function knownMachine(directory: string, key: string): Promise<EngineMachine | undefined> {
  const known = readState<{ key: string; machine: EngineMachine }>(join(directory, 'machine.json'));
  return known?.key === `${key} ${await bootId()}` ? known.machine : undefined;
}

export async function rememberMachine(directory: string, key: string, machine: EngineMachine): Promise<void> {
  writeState(join(directory, 'machine.json'), { key: `${key} ${await bootId()}`, machine });
}

/** Rejects with what the engine said if the image itself cannot run. */
export async function lookAtMachine(options: LookOptions): Promise<EngineMachine> {
  const folder = join(options.directory, 'shared');
  const word = randomUUID();
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  writeFileSync(join(folder, 'word'), word, { mode: 0o644 });
  try {
    for (const folders of process.platform === 'win32' ? (['same', 'wsl'] as const) : (['same'] as const)) {
      const seen = await look(options, pathAtEngine(folder, folders)).catch((error: unknown) => {
        // A folder that is not there, which some engines refuse and others make.
        if (isEngineError(error)) return '';
        throw error;
      });
      const [text = '', boot = '', usr = ''] = seen.split('\n').map((line) => line.trim());
      if (text !== word) continue;
      const own = await stat('/usr', { bigint: true }).then(({ ino }) => String(ino), () => '');
      return { folders, same: process.platform === 'linux' && boot !== '' && boot === (await bootId()) && usr === own };
    }
    return { folders: 'none', same: false };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function look({ engine, owner, image }: LookOptions, folder: string): Promise<string> {
  const script = 'cat /slipway-shared/word; echo; cat /proc/sys/kernel/random/boot_id; stat -c %i /usr';
  const { Id } = await engine.call<{ Id: string }>('POST', '/containers/create', {
    body: {
      Image: image.name, Entrypoint: ['sh', '-c', script], Cmd: [], User: '0:0', WorkingDir: '/', Labels: ownLabels(owner, 'helper'),
      HostConfig: { NetworkMode: 'none', Binds: [...image.binds, `${folder}:/slipway-shared:ro`], SecurityOpt: ['label=disable'], RestartPolicy: { Name: 'no' } },
    },
  });
  try {
    await engine.call('POST', `/containers/${Id}/start`);
    await engine.call('POST', `/containers/${Id}/wait`, { timeout: 30_000 });
    let text = '';
    const reader = new EntryReader((_stream, entry) => (text += entry.toString('utf8')));
    for await (const chunk of await engine.stream('GET', `/containers/${Id}/logs`, { query: { stdout: 1 } })) reader.push(chunk as Buffer);
    return text;
  } finally {
    await engine.call('DELETE', `/containers/${Id}`, { query: { force: true, v: true } }).catch(() => undefined);
  }
}

async function bootId(): Promise<string> {
  return (await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => process.platform)).trim();
}
