/** A platform as a user starts it: the command, in a home of its own. */
import { spawn, spawnSync, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { connect, type Connection } from '../../../src/client/connection.ts';
import { loadKubeconfig } from '../../../src/client/kubeconfig.ts';
import type { StatusDocument } from '../../../src/protocol/daemon.ts';
import { ordinaryUser, type OrdinaryUser } from './ordinary-user.ts';

export interface Result {
  code: number | null;
  stdout: string;
  stderr: string;
}

export class Platform {
  readonly user: OrdinaryUser;
  readonly home: string;

  constructor(user = ordinaryUser(), home = path.join(user.home, 'slipway')) {
    this.user = user;
    this.home = home;
  }

  get kubeconfig(): string {
    return path.join(this.home, 'kubeconfig');
  }

  environment(more: Record<string, string> = {}): NodeJS.ProcessEnv {
    const { NODE_EXTRA_CA_CERTS, SSL_CERT_FILE } = process.env;
    return { PATH: `${path.dirname(this.user.node)}:/usr/local/bin:/usr/bin:/bin`, HOME: this.user.home, LANG: 'C.UTF-8', ...(NODE_EXTRA_CA_CERTS && { NODE_EXTRA_CA_CERTS }), ...(SSL_CERT_FILE && { SSL_CERT_FILE }), ...more };
  }

  /** `through`: a program and its arguments that runs the command, e.g. with fewer powers. */
  spawn(args: readonly string[], options: SpawnOptions = {}, through: readonly string[] = []): ChildProcess {
    const [verb = 'help', ...given] = args;
    const [program = '', ...rest] = [...through, this.user.node, '--no-warnings', path.join(this.user.bundles, 'slipway.js'), verb, '--home', this.home, ...given];
    return spawn(program, rest, { cwd: this.user.home, env: this.environment(), ...this.user.identity, ...options });
  }

  /** Runs `slipway <args>` to its end. */
  run(args: readonly string[], options: { timeoutMs?: number; input?: string; env?: Record<string, string> } = {}): Promise<Result> {
    const child = this.spawn(args, { stdio: ['pipe', 'pipe', 'pipe'], env: this.environment(options.env) });
    return collect(child, options);
  }

  async up(args: readonly string[] = [], env: Record<string, string> = {}): Promise<Result> {
    const result = await this.run(['up', '--detach', ...args], { timeoutMs: 90_000, env });
    if (result.code !== 0) throw new Error(`slipway up failed (${result.code}): ${result.stdout}${result.stderr}\n${this.log()}`);
    return result;
  }

  async status(): Promise<StatusDocument> {
    return JSON.parse((await this.run(['status', '--output', 'json'])).stdout) as StatusDocument;
  }

  /** `kubectl` of the version that the API names, with this platform's kubeconfig. */
  kubectl(args: readonly string[], options: { timeoutMs?: number; input?: string; env?: Record<string, string> } = {}): Promise<Result> {
    return collect(this.spawnKubectl(args, options.env), options);
  }

  spawnKubectl(args: readonly string[], env: Record<string, string> = {}): ChildProcess {
    return spawn('kubectl', args, { env: { ...process.env, KUBECONFIG: this.kubeconfig, HOME: this.user.home, ...env }, stdio: ['pipe', 'pipe', 'pipe'] });
  }

  /** As `kubectl`, but a failure is thrown with what it printed. */
  async kube(...args: string[]): Promise<string> {
    const result = await this.kubectl(args, { timeoutMs: 90_000 });
    if (result.code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${result.stderr}${result.stdout}`);
    return result.stdout;
  }

  async json<T>(...args: string[]): Promise<T> {
    return JSON.parse(await this.kube(...args, '-o', 'json')) as T;
  }

  /** The project's own client, as administrator. Ended by whoever asked for it. */
  async connection(): Promise<Connection> {
    const [context] = (await loadKubeconfig([this.kubeconfig])).contexts;
    if (!context) throw new Error(`${this.kubeconfig} names no context`);
    return connect(context);
  }

  /** The last lines of the control plane's and the node's logs, for failures. */
  log(lines = 40): string {
    return ['control-plane.log', 'control-plane.err', 'node-1.log'].map((name) => path.join(this.home, 'log', name)).filter(existsSync)
      .map((file) => `── ${path.basename(file)}\n${readFileSync(file, 'utf8').split('\n').slice(-lines).join('\n')}`).join('\n');
  }

  async down(): Promise<void> {
    await this.run(['down'], { timeoutMs: 60_000 });
  }

  async dispose(): Promise<void> {
    await this.down();
    this.user.dispose();
  }
}

/** Answer of a route, dialled on the loopback whatever its name resolves to. */
export function fetchRoute(url: string, options: { method?: string; path?: string; timeoutMs?: number } = {}): Promise<{ status: number; body: string; headers: http.IncomingHttpHeaders }> {
  const target = new URL(options.path ?? '', url);
  return new Promise((resolve, reject) => {
    const request = http.request({ host: '127.0.0.1', port: target.port || 80, method: options.method ?? 'GET', path: target.pathname, headers: { host: target.host }, agent: false, timeout: options.timeoutMs ?? 10_000 }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => (body += text)).on('end', () => resolve({ status: response.statusCode ?? 0, body, headers: response.headers }));
    });
    request.on('timeout', () => request.destroy(new Error('no answer in time'))).on('error', reject).end();
  });
}

/** Tries until `probe` gives something but undefined or throws no more; the last failure is told. */
export async function eventually<T>(what: string, probe: () => Promise<T | undefined>, limitMs = 30_000): Promise<T> {
  const until = Date.now() + limitMs;
  let last: unknown;
  for (;;) {
    try {
      const value = await probe();
      if (value !== undefined) return value;
    } catch (error) {
      last = error;
    }
    if (Date.now() > until) throw new Error(`${what} did not happen in ${limitMs / 1000} s${last instanceof Error ? `: ${last.message}` : ''}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

export function hasNamespaces(): boolean {
  return process.platform === 'linux' && spawnSync('unshare', ['-Urnm', 'true']).status === 0;
}

/** A child's end and all that it printed. What runs too long is killed, so that a hang shows as a failure with its output. */
export function collect(child: ChildProcess, { timeoutMs = 60_000, input }: { timeoutMs?: number; input?: string } = {}): Promise<Result> {
  return new Promise((resolve, reject) => {
    let stdout = '';
    let stderr = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    const limit = setTimeout(() => {
      child.kill('SIGKILL');
      stderr += `\n(killed after ${timeoutMs} ms)`;
    }, timeoutMs);
    child.on('error', reject);
    child.on('close', (code) => {
      clearTimeout(limit);
      resolve({ code, stdout, stderr });
    });
    child.stdin?.on('error', () => undefined).end(input ?? '');
  });
}
