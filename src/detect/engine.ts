/** Container engines of this machine, by asking them over the Docker Engine API on their sockets. */
import { request } from 'node:http';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { findPrograms, thisMachine, type Machine } from './command.ts';

export interface Engine {
  name: 'docker' | 'podman';
  /** Of the engine that answered, else of the program. */
  version?: string;
  program?: string;
  /** Socket that answered. */
  socket?: string;
  /** Why it cannot be used, with what to do; absent if it can. */
  why?: string;
}

interface Known {
  name: Engine['name'];
  sockets(machine: Machine): string[];
  start: string;
}

const runtimeFolder = (machine: Machine) => machine.env.XDG_RUNTIME_DIR ?? `/run/user/${process.getuid?.() ?? 0}`;
const fromVariable = (value: string | undefined) => (value?.startsWith('unix://') ? [value.slice('unix://'.length)] : []);

const known: readonly Known[] = [
  {
    name: 'docker',
    sockets: (machine) =>
      machine.platform === 'win32'
        ? ['//./pipe/docker_engine']
        : [...fromVariable(machine.env.DOCKER_HOST), '/var/run/docker.sock', join(runtimeFolder(machine), 'docker.sock'), join(homedir(), '.docker/run/docker.sock')],
    start: 'start Docker, and let this user reach its socket',
  },
  {
    name: 'podman',
    sockets: (machine) =>
      machine.platform === 'win32'
        ? ['//./pipe/podman-machine-default']
        : [...fromVariable(machine.env.CONTAINER_HOST), join(runtimeFolder(machine), 'podman/podman.sock'), '/run/podman/podman.sock', join(homedir(), '.local/share/containers/podman/machine/podman.sock')],
    start: 'run: systemctl --user enable --now podman.socket',
  },
];

/** Engines that are installed or answer; others are left out. */
export async function detectEngines(machine: Machine = thisMachine): Promise<Engine[]> {
  const all = await Promise.all(known.map((one) => detectEngine(machine, one)));
  return all.filter((one) => one !== undefined);
}

async function detectEngine(machine: Machine, { name, sockets, start }: Known): Promise<Engine | undefined> {
  const [program] = await findPrograms(machine, name);
  for (const socket of sockets(machine)) {
    const version = await askVersion(socket, name);
    if (version !== undefined) return { name, version, socket, ...(program && { program }) };
  }
  if (program === undefined) return undefined;
  const asked = await machine.run(program, ['--version']);
  const version = /\d+\.\d+\.\d+/.exec(asked.stdout)?.[0];
  return { name, program, ...(version && { version }), why: `no socket of ${name} answers: ${start}` };
}

/** The engine's version, or nothing if it does not answer within two seconds or is the other engine behind that socket. */
function askVersion(socketPath: string, name: Engine['name']): Promise<string | undefined> {
  return new Promise((resolve) => {
    const asking = request({ socketPath, path: '/version', timeout: 2000 }, (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('error', () => resolve(undefined));
      response.on('end', () => resolve(readVersion(Buffer.concat(parts).toString('utf8'), name)));
    });
    asking.on('timeout', () => asking.destroy());
    asking.on('error', () => resolve(undefined));
    asking.end();
  });
}

function readVersion(text: string, name: Engine['name']): string | undefined {
  try {
    const answer = JSON.parse(text) as { Version?: string; Components?: { Name?: string }[] };
    const isPodman = answer.Components?.some((part) => part.Name === 'Podman Engine') ?? false;
    return isPodman === (name === 'podman') ? answer.Version : undefined;
  } catch {
    return undefined;
  }
}
