/** Podman with runc, asked over its API: the peer of what runs pods. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { eventually } from '../support/platform/platform.ts';
import { installed } from './platform.ts';

export type AskPodman = (method: string, target: string, body?: object) => Promise<unknown>;

/** With an image `bench` that holds Node.js. Undefined where it is not installed or cannot run. */
export async function withPodman<T>(use: (ask: AskPodman) => Promise<T>): Promise<T | undefined> {
  const [engine, runtime] = [installed('podman'), installed('runc')];
  if (!engine || !runtime) return undefined;
  const folder = mkdtempSync(path.join(tmpdir(), 'slipway-bench-podman-'));
  const config = path.join(folder, 'containers.conf');
  writeFileSync(config, '[engine]\nruntime = "runc"\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n[containers]\ndefault_ulimits = ["nofile=10000:10000","nproc=4096:4096"]\n');
  const store = ['--root', path.join(folder, 'storage'), '--runroot', path.join(folder, 'run')];
  const env = { ...process.env, CONTAINERS_CONF: config };
  const socketPath = path.join(folder, 'podman.sock');
  let service: ChildProcess | undefined;
  try {
    importImage(engine, store, env, path.join(folder, 'root'));
    service = spawn(engine, [...store, 'system', 'service', '--time', '0', `unix://${socketPath}`], { env, stdio: 'ignore' });
    await eventually('podman answers', async () => (existsSync(socketPath) && (await statusOf({ socketPath, path: '/v4.0.0/libpod/_ping' })) === 200 ? true : undefined));
    return await use((method, target, body) => ask(socketPath, method, `/v4.0.0/libpod${target}`, body));
  } catch (error) {
    console.log(`  podman cannot be measured: ${(error as Error).message}`);
    return undefined;
  } finally {
    service?.kill('SIGKILL');
    execFileSync('sh', ['-c', 'awk \'{print $2}\' /proc/mounts | grep "^$1/" | sort -r | xargs -r umount -l; rm -rf "$1"', 'sh', folder]);
  }
}

/** Node and the libraries it needs, as an image. */
function importImage(engine: string, store: readonly string[], env: NodeJS.ProcessEnv, root: string): void {
  mkdirSync(path.join(root, 'bin'), { recursive: true });
  copyFileSync(process.execPath, path.join(root, 'bin', 'node'));
  const libraries = [...execFileSync('ldd', [process.execPath], { encoding: 'utf8' }).matchAll(/(\/\S+)/g)].map(([, library]) => library ?? '');
  for (const library of libraries) {
    mkdirSync(path.dirname(path.join(root, library)), { recursive: true });
    copyFileSync(library, path.join(root, library));
  }
  execFileSync('sh', ['-c', 'root=$1; shift; tar -C "$root" -c . | "$@" >/dev/null 2>&1', 'sh', root, engine, ...store, 'import', '-', 'bench'], { env });
  rmSync(root, { recursive: true });
}

/** 0 if nobody answers. */
export function statusOf(options: http.RequestOptions): Promise<number> {
  return new Promise((resolve) => {
    const request = http.get({ agent: false, ...options, timeout: 2_000 }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    request.on('timeout', () => request.destroy()).on('error', () => resolve(0));
  });
}

function ask(socketPath: string, method: string, target: string, body?: object): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const request = http.request({ socketPath, method, path: target, agent: false, headers: { 'content-type': 'application/json' } }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => (text += part)).on('end', () => {
        if ((response.statusCode ?? 500) >= 300) reject(new Error(`${method} ${target}: ${response.statusCode} ${text}`));
        else resolve(text ? JSON.parse(text) : undefined);
      });
    });
    request.on('error', reject).end(body && JSON.stringify(body));
  });
}
