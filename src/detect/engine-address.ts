/** Where a container engine may answer: what the user said, what `docker` itself would use, and the places where engines put their sockets. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Machine } from './command.ts';

export interface EngineAddress {
  /** `unix:///run/user/1000/podman/podman.sock`, `npipe:////./pipe/docker_engine`, `tcp://127.0.0.1:2375`. */
  url: string;
  /** Who named it, in words for the user. */
  source: string;
  /** Unix socket or named pipe. */
  socketPath?: string;
  tcp?: { host: string; port: number; /** Folder with `ca.pem`, `cert.pem`, `key.pem`. */ tls?: string };
}

export class InvalidEngineAddress extends Error {
  constructor(url: string, why: string) {
    super(`the engine address "${url}" cannot be used: ${why}`);
    this.name = 'InvalidEngineAddress';
  }
}

type Variables = Machine['env'];

/** `certificates`: folder for TLS; without one only this machine's loopback is spoken to in plain. */
export function parseEngineUrl(url: string, source: string, certificates: string | undefined): EngineAddress {
  const [, scheme = '', rest = ''] = /^([a-z]+):\/\/(.*)$/.exec(url) ?? [];
  switch (scheme) {
    case 'unix':
      if (!rest.startsWith('/')) throw new InvalidEngineAddress(url, 'a unix socket is named by its absolute path, as in unix:///var/run/docker.sock');
      return { url, source, socketPath: rest };
    case 'npipe':
      return { url, source, socketPath: rest.replaceAll('\\', '/') };
    case 'tcp':
    case 'http':
    case 'https': {
      const [, name = '', number = ''] = /^(\[[0-9a-fA-F:]+\]|[^:/]+):(\d{1,5})\/?$/.exec(rest) ?? [];
      const host = name.replace(/^\[|\]$/g, '');
      const port = Number(number);
      if (!host || port < 1 || port > 65535) throw new InvalidEngineAddress(url, 'it needs a host and a port, as in tcp://127.0.0.1:2376');
      if (certificates !== undefined) return { url, source, tcp: { host, port, tls: certificates } };
      if (!['127.0.0.1', 'localhost', '::1'].includes(host)) throw new InvalidEngineAddress(url, 'an engine on another machine is spoken to over TLS only: set DOCKER_CERT_PATH to the folder with ca.pem, cert.pem and key.pem');
      return { url, source, tcp: { host, port } };
    }
    case 'ssh':
      throw new InvalidEngineAddress(url, 'ssh is not spoken here; forward the socket (ssh -L /tmp/engine.sock:/var/run/docker.sock HOST) and use unix:///tmp/engine.sock');
    default:
      throw new InvalidEngineAddress(url, 'it begins with unix://, npipe:// or tcp://');
  }
}

function certificatesOf(env: Variables): string | undefined {
  if (env.DOCKER_CERT_PATH) return env.DOCKER_CERT_PATH;
  return env.DOCKER_TLS_VERIFY ? join(homedir(), '.docker') : undefined;
}

/** In the order in which they are tried. `given`: what the user asked for, and then nothing else counts. */
export async function engineAddresses(machine: Machine, given?: string): Promise<EngineAddress[]> {
  const { env, platform } = machine;
  if (given !== undefined) return [parseEngineUrl(given, '--engine', certificatesOf(env))];
  const named = [['DOCKER_HOST', env.DOCKER_HOST], ['CONTAINER_HOST', env.CONTAINER_HOST]] as const;
  for (const [name, url] of named) if (url) return [parseEngineUrl(url, name, certificatesOf(env))];
  const context = await contextAddress(env);
  const sockets = usualSockets(platform, env).map(([path, source]): EngineAddress => ({ url: platform === 'win32' ? `npipe://${path}` : `unix://${path}`, source, socketPath: path }));
  return [...(context ? [context] : []), ...sockets];
}

function usualSockets(platform: NodeJS.Platform, env: Variables): [path: string, source: string][] {
  const home = homedir();
  if (platform === 'win32') return [['//./pipe/docker_engine', 'Docker'], ['//./pipe/dockerDesktopLinuxEngine', 'Docker Desktop'], ['//./pipe/podman-machine-default', 'Podman machine']];
  if (platform === 'darwin')
    return [
      ['/var/run/docker.sock', 'Docker'], [join(home, '.docker/run/docker.sock'), 'Docker Desktop'], [join(home, '.colima/default/docker.sock'), 'Colima'], [join(home, '.orbstack/run/docker.sock'), 'OrbStack'],
      [join(home, '.local/share/containers/podman/machine/podman.sock'), 'Podman machine'], [join(env.TMPDIR ?? '/tmp', 'podman/podman-machine-default-api.sock'), 'Podman machine'],
    ];
  const runtime = env.XDG_RUNTIME_DIR ?? `/run/user/${process.getuid?.() ?? 0}`;
  return [
    ['/var/run/docker.sock', 'Docker'], [join(runtime, 'docker.sock'), 'rootless Docker'], [join(home, '.docker/desktop/docker.sock'), 'Docker Desktop'],
    [join(runtime, 'podman/podman.sock'), 'Podman'], ['/run/podman/podman.sock', 'Podman of this machine'],
  ];
}

/** What `docker` is set to use (`docker context use`), read from its own files. */
async function contextAddress(env: Variables): Promise<EngineAddress | undefined> {
  const folder = env.DOCKER_CONFIG ?? join(homedir(), '.docker');
  const name = env.DOCKER_CONTEXT ?? (await readJson<{ currentContext?: string }>(join(folder, 'config.json')))?.currentContext;
  if (!name || name === 'default') return undefined;
  const id = createHash('sha256').update(name).digest('hex');
  const meta = await readJson<{ Endpoints?: { docker?: { Host?: string } } }>(join(folder, 'contexts/meta', id, 'meta.json'));
  const url = meta?.Endpoints?.docker?.Host;
  if (!url) return undefined;
  const tls = join(folder, 'contexts/tls', id, 'docker');
  const secured = await readFile(join(tls, 'ca.pem')).then(() => true, () => false);
  try {
    return parseEngineUrl(url, `docker context "${name}"`, secured ? tls : undefined);
  } catch {
    // A context of ssh, for example: the usual places are looked at instead.
    return undefined;
  }
}

async function readJson<T>(file: string): Promise<T | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as T;
  } catch {
    return undefined;
  }
}
