/** Container engines of this machine, by asking them over the Docker Engine API. */
import { readFileSync } from 'node:fs';
import { request as httpRequest, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { join } from 'node:path';
import { findPrograms, thisMachine, type Machine } from './command.ts';
import { engineAddresses, type EngineAddress } from './engine-address.ts';

export interface Engine {
  name: 'docker' | 'podman';
  /** Of the engine that answered, else of the program. */
  version?: string;
  program?: string;
  /** Where it answered. */
  address?: EngineAddress;
  /** Why it cannot be used; absent if it can. */
  why?: string;
  /** The line or sentence that mends it. */
  fix?: string;
}

/** What an address said to `GET /version`. */
export type EngineAnswer =
  | { ok: true; name: Engine['name']; version: string; apiVersion: string; minApiVersion: string }
  /** `absent`: no such socket. `closed`: it is there and nobody listens. `forbidden`: this user may not. `strange`: no engine speaks there. */
  | { ok: false; kind: 'absent' | 'closed' | 'forbidden' | 'strange'; message: string };

/** The oldest API that is spoken: Docker 20.10, Podman 4. */
export const oldestApi = '1.41';
const askLimit = 5000;
const longestAnswer = 1 << 20;

/** The first engine that answers and can be used, with all that was asked before it. */
export async function findEngine(machine: Machine = thisMachine, given?: string): Promise<{ found?: EngineAddress & { name: Engine['name']; version: string }; asked: { address: EngineAddress; answer: EngineAnswer }[] }> {
  const asked: { address: EngineAddress; answer: EngineAnswer }[] = [];
  for (const address of await engineAddresses(machine, given)) {
    const answer = await askEngine(address);
    if (answer.ok && apiNumber(answer.apiVersion) >= apiNumber(oldestApi)) return { found: { ...address, name: answer.name, version: answer.version }, asked };
    asked.push({ address, answer: answer.ok ? { ok: false, kind: 'strange', message: `${answer.name} ${answer.version} speaks version ${answer.apiVersion} of the API, ${oldestApi} is needed (Docker 20.10, Podman 4)` } : answer });
  }
  return { asked };
}

/** Why no engine can be used, and the line that helps. */
export async function explainNoEngine(asked: readonly { address: EngineAddress; answer: EngineAnswer }[], machine: Machine = thisMachine): Promise<{ why: string; fix: string }> {
  const refused = asked.filter((one): one is { address: EngineAddress; answer: EngineAnswer & { ok: false } } => !one.answer.ok && one.answer.kind !== 'absent');
  const worst = refused.find(({ answer }) => answer.kind === 'forbidden') ?? refused[0] ?? (asked.length === 1 && asked[0]?.address.source !== 'Docker' ? (asked[0] as (typeof refused)[number]) : undefined);
  if (worst) {
    const { address, answer } = worst;
    return { why: `${address.source} at ${address.url}: ${answer.message}`, fix: fixFor(answer.kind, address, machine) };
  }
  const programs = await Promise.all((['docker', 'podman'] as const).map(async (name) => ((await findPrograms(machine, name)).length > 0 ? name : undefined)));
  const installed = programs.find((name) => name !== undefined);
  if (installed) return { why: `${installed} is installed, and no socket of it answers`, fix: startLine(installed, machine) };
  return { why: 'no container engine is installed', fix: machine.platform === 'linux' ? 'sudo apt-get install podman && systemctl --user enable --now podman.socket   (or your system\'s package of the same name)' : 'Install Docker Desktop or Podman Desktop and start it.' };
}

function fixFor(kind: (EngineAnswer & { ok: false })['kind'], address: EngineAddress, machine: Machine): string {
  if (kind === 'forbidden') return /podman/.test(address.url) ? 'systemctl --user enable --now podman.socket   (an engine of your own needs no powers)' : 'sudo usermod -aG docker "$USER"   (then log in again), or use an engine of your own: systemctl --user enable --now podman.socket';
  if (kind === 'strange') return 'Name another engine: slipway up --runtime engine --engine URL';
  return startLine(/podman/i.test(address.url) ? 'podman' : 'docker', machine);
}

function startLine(name: Engine['name'], machine: Machine): string {
  if (machine.platform !== 'linux') return name === 'docker' ? 'Start Docker Desktop.' : 'podman machine start';
  return name === 'docker' ? 'sudo systemctl start docker' : 'systemctl --user enable --now podman.socket';
}

/** Engines that are installed or answer; others are left out. */
export async function detectEngines(machine: Machine = thisMachine): Promise<Engine[]> {
  const addresses = await engineAddresses(machine).catch(() => []);
  const answers = await Promise.all(addresses.map(async (address) => ({ address, answer: await askEngine(address) })));
  const engines = await Promise.all((['docker', 'podman'] as const).map(async (name): Promise<Engine | undefined> => {
    const [program] = await findPrograms(machine, name);
    const own = answers.find(({ answer }) => answer.ok && answer.name === name);
    if (own?.answer.ok) return { name, version: own.answer.version, address: own.address, ...(program && { program }) };
    const mine = answers.filter(({ address, answer }) => !answer.ok && answer.kind !== 'absent' && /podman/i.test(address.url) === (name === 'podman'));
    if (program === undefined && mine.length === 0) return undefined;
    const version = program && /\d+\.\d+\.\d+/.exec((await machine.run(program, ['--version'])).stdout)?.[0];
    const { why, fix } = mine.length > 0 ? await explainNoEngine(mine, machine) : { why: `no socket of ${name} answers`, fix: startLine(name, machine) };
    return { name, ...(program && { program }), ...(version && { version }), why, fix };
  }));
  return engines.filter((one) => one !== undefined);
}

/** How `node:http` reaches an address. */
export function engineConnection({ socketPath, tcp }: EngineAddress): RequestOptions & { secure: boolean; ca?: Buffer; cert?: Buffer; key?: Buffer } {
  if (socketPath !== undefined) return { socketPath, secure: false };
  if (!tcp) return { secure: false };
  const { host, port, tls } = tcp;
  const file = (name: string) => readFileSync(join(tls ?? '', name));
  return { host, port, secure: tls !== undefined, ...(tls !== undefined && { ca: file('ca.pem'), cert: file('cert.pem'), key: file('key.pem') }) };
}

export async function askEngine(address: EngineAddress): Promise<EngineAnswer> {
  try {
    const { secure, ...options } = engineConnection(address);
    const text = await new Promise<string>((resolve, reject) => {
      const asking = (secure ? httpsRequest : httpRequest)({ ...options, path: '/version', timeout: askLimit, headers: { host: 'engine' } }, (response) => {
        const parts: Buffer[] = [];
        let size = 0;
        response.on('data', (part: Buffer) => ((size += part.length) > longestAnswer ? response.destroy() : parts.push(part)));
        response.on('error', reject);
        response.on('end', () => resolve(Buffer.concat(parts).toString('utf8')));
      });
      asking.on('timeout', () => asking.destroy(new Error(`no answer within ${askLimit / 1000} seconds`)));
      asking.on('error', reject);
      asking.end();
    });
    return readAnswer(text);
  } catch (error) {
    return failedAnswer(error as NodeJS.ErrnoException);
  }
}

export function failedAnswer({ code, message }: NodeJS.ErrnoException): EngineAnswer {
  if (code === 'ENOENT') return { ok: false, kind: 'absent', message: 'there is no such socket' };
  if (code === 'EACCES' || code === 'EPERM') return { ok: false, kind: 'forbidden', message: 'this user may not use its socket (permission denied)' };
  if (code === 'ECONNREFUSED') return { ok: false, kind: 'closed', message: 'it does not run (connection refused)' };
  return { ok: false, kind: code === 'ECONNRESET' || code === 'ETIMEDOUT' ? 'closed' : 'strange', message };
}

export function readAnswer(text: string): EngineAnswer {
  try {
    const { Version, ApiVersion, MinAPIVersion, Components } = JSON.parse(text) as { Version?: string; ApiVersion?: string; MinAPIVersion?: string; Components?: { Name?: string }[] };
    if (Version !== undefined && ApiVersion !== undefined) {
      const podman = Components?.some((part) => part.Name === 'Podman Engine') ?? false;
      return { ok: true, name: podman ? 'podman' : 'docker', version: Version, apiVersion: ApiVersion, minApiVersion: MinAPIVersion ?? ApiVersion };
    }
  } catch {
    // Something else listens there.
  }
  return { ok: false, kind: 'strange', message: 'what answers there does not speak the Docker Engine API' };
}

/** `1.41` as a number that can be compared. */
export function apiNumber(version: string): number {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major * 1000 + minor;
}
