/** Starts the control plane of a home, detached or owned by the caller. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdir, open, type FileHandle } from 'node:fs/promises';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { RunInfo, StartFailureReason, StartPhase, StartReport } from '../../protocol/daemon.ts';
import { homeLayout } from '../../protocol/home.ts';
import { installBundles } from './install.ts';
import { oldestNode } from '../../detect/node-runtime.ts';
import { findNodeRuntime } from './node-runtime.ts';

export interface StartOptions {
  home: string;
  /** Folder with the bundles of this product, e.g. the extension's `dist`. */
  bundles: string;
  /** True: it lives on after this process. False: it ends with its standard input. */
  detached: boolean;
  apiPort?: number | undefined;
  runtime?: string | undefined;
  /** Address of the container engine for the runtime `engine`; else it is looked for. */
  engine?: string | undefined;
  /** `slipway` (default) or `haproxy`: what serves routes. */
  router?: string | undefined;
  httpPort?: number | undefined;
  httpsPort?: number | undefined;
  /** Salvage what is readable of a damaged store and start with that. */
  recover?: boolean | undefined;
  onPhase?(phase: StartPhase): void;
  signal?: AbortSignal;
}

export interface StartedPlatform {
  info: RunInfo;
  process: ChildProcess;
}

/** Why the control plane did not start, and what to do. */
export class StartFailure extends Error {
  readonly reason: StartFailureReason;
  readonly fix: string | undefined;
  constructor(reason: StartFailureReason, message: string, fix?: string) {
    super(message);
    this.name = 'StartFailure';
    this.reason = reason;
    this.fix = fix;
  }
}

/** Variables a control plane may inherit: it outlives the window that started it, and pods must not see the user's secrets. */
const inherited = ['HOME', 'USER', 'LOGNAME', 'PATH', 'LANG', 'LC_ALL', 'LC_CTYPE', 'TZ', 'TMPDIR', 'XDG_RUNTIME_DIR', 'SSL_CERT_FILE', 'NODE_EXTRA_CA_CERTS', 'DOCKER_HOST', 'DOCKER_CERT_PATH', 'DOCKER_TLS_VERIFY', 'DOCKER_CONTEXT', 'DOCKER_CONFIG', 'CONTAINER_HOST', 'SLIPWAY_ENGINE_RELAY', 'SLIPWAY_ENGINE_TOOLS',
  'SLIPWAY_NODES', 'SLIPWAY_SERVICE_PROXY', 'SLIPWAY_CGROUP', 'DBUS_SESSION_BUS_ADDRESS', 'SLIPWAY_REQUEST_LOG', 'HTTP_PROXY', 'HTTPS_PROXY', 'NO_PROXY', 'http_proxy', 'https_proxy', 'no_proxy', 'SystemRoot', 'USERPROFILE', 'APPDATA', 'LOCALAPPDATA', 'TEMP', 'TMP', 'COMSPEC', 'PATHEXT'];

export async function startPlatform(options: StartOptions): Promise<StartedPlatform> {
  const node = await findNodeRuntime();
  if (!node) throw new StartFailure('MissingRuntime', `Slipway needs Node.js ${oldestNode} or newer.`, 'Install a current Node.js and start again.');
  const { bundles, log } = await prepareHome(options).catch((error: NodeJS.ErrnoException) => {
    throw unusableHome(options.home, error);
  });
  try {
    const child = spawn(node.binary, ['--no-warnings', path.join(bundles, 'control-plane.js'), ...argumentsOf(options)], {
      cwd: options.home,
      detached: options.detached,
      windowsHide: true,
      env: environmentOf(node.electron),
      stdio: [options.detached ? 'ignore' : 'pipe', 'pipe', log.fd],
    });
    const info = await ready(child, options);
    if (options.detached) {
      child.stdout?.destroy();
      child.unref();
    }
    return { info, process: child };
  } finally {
    await log.close();
  }
}

async function prepareHome({ home, bundles: from }: StartOptions): Promise<{ bundles: string; log: FileHandle }> {
  const logs = path.join(home, homeLayout.logs);
  await mkdir(logs, { recursive: true, mode: 0o700 });
  const bundles = await installBundles(from, home);
  return { bundles, log: await open(path.join(logs, 'control-plane.err'), 'a', 0o600) };
}

function unusableHome(home: string, error: NodeJS.ErrnoException): Error {
  if (error.code === 'ENOSPC' || error.code === 'EDQUOT') return new StartFailure('DiskFull', `The disk that holds "${home}" is full.`, 'Free some space and start again.');
  if (!['EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EEXIST'].includes(error.code ?? '')) return error;
  return new StartFailure('Unknown', `The home "${home}" cannot be written: ${error.message}.`, 'Choose another folder with --home DIR.');
}

function argumentsOf(options: StartOptions): string[] {
  const given: [string, string | number | undefined][] = [
    ['--home', options.home], ['--api-port', options.apiPort], ['--runtime', options.runtime], ['--engine', options.engine], ['--router', options.router], ['--http-port', options.httpPort], ['--https-port', options.httpsPort],
  ];
  const flags = given.flatMap(([name, value]) => (value === undefined ? [] : [name, String(value)]));
  if (!options.detached) flags.push('--attached');
  if (options.recover) flags.push('--recover');
  return flags;
}

function environmentOf(electron: boolean): NodeJS.ProcessEnv {
  const environment: NodeJS.ProcessEnv = {};
  for (const name of inherited) if (process.env[name] !== undefined) environment[name] = process.env[name];
  if (electron) environment.ELECTRON_RUN_AS_NODE = '1';
  return environment;
}

function ready(child: ChildProcess, options: StartOptions): Promise<RunInfo> {
  return new Promise((resolve, reject) => {
    const cancel = () => child.kill('SIGTERM');
    const settle = (end: () => void) => {
      options.signal?.removeEventListener('abort', cancel);
      end();
    };
    options.signal?.addEventListener('abort', cancel, { once: true });
    if (options.signal?.aborted) cancel();
    child.once('error', (error) => settle(() => reject(new StartFailure('Unknown', `The control plane could not be started: ${error.message}`))));
    child.once('exit', (code, signal) =>
      settle(() => reject(new StartFailure('Unknown', `The control plane ended while starting (${signal ?? `exit code ${code}`}).`, `Look at ${path.join(options.home, homeLayout.logs, 'control-plane.log')}.`))),
    );
    if (!child.stdout) return;
    createInterface({ input: child.stdout }).on('line', (line) => {
      const report = parseReport(line);
      if (!report) return;
      if ('phase' in report) options.onPhase?.(report.phase);
      else if ('ready' in report) settle(() => resolve(report.ready));
      else settle(() => reject(new StartFailure(report.failed.reason, report.failed.message, report.failed.fix)));
    });
  });
}

function parseReport(line: string): StartReport | undefined {
  try {
    return JSON.parse(line) as StartReport;
  } catch {
    return undefined;
  }
}
