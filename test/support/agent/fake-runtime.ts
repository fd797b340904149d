/** A runtime of bookkeeping only, to see what the sync loop decides. Containers run until a test ends them. */
import { PassThrough, type Duplex } from 'node:stream';
import { appendFileSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Emitter } from '../../../src/base/emitter.ts';
import { connect } from 'node:net';
import {
  RuntimeFailure, type Capabilities, type ContainerConfig, type ContainerLimits, type ContainerStatus, type ExecSession, type ImageAuth, type ImageInfo, type PodSandbox, type PodSandboxConfig, type Runtime,
} from '../../../src/agent/runtime/runtime.ts';

export class FakeRuntime implements Runtime {
  readonly name = 'sandbox';
  readonly version = 'fake';
  readonly capabilities: Capabilities = { rootfs: true, podNetwork: true, memoryLimit: 'poll', cpuLimit: 'none', multipleUids: false, tty: 'none' };
  /** What was asked of it, in order: `create web #0`. */
  readonly calls: string[] = [];
  readonly sandboxes = new Map<string, PodSandbox>();
  readonly containers = new Map<string, ContainerStatus & { config: ContainerConfig }>();
  /** References that cannot be pulled, with the reason. */
  readonly missing = new Map<string, string>();
  readonly auths = new Map<string, ImageAuth | undefined>();
  portMap: Record<number, number> | undefined;
  /** Containers that heed TERM; others run until they are killed. */
  heedsTerm = true;
  readonly #changes = new Emitter<string>();
  readonly #present = new Map<string, ImageInfo>();
  #serial = 0;

  readonly images = {
    status: (reference: string) => Promise.resolve(this.#present.get(reference)),
    pull: (reference: string, auth: ImageAuth | undefined) => {
      this.auths.set(reference, auth);
      const why = this.missing.get(reference);
      if (why) return Promise.reject(new RuntimeFailure('ErrImagePull', why));
      const image: ImageInfo = { id: `sha256:${reference}`, reference: `${reference}@sha256:0`, size: 10, config: { env: [], entrypoint: ['/run'], cmd: [], exposedPorts: [], labels: {} } };
      this.#present.set(reference, image);
      return Promise.resolve(image);
    },
    list: () => Promise.resolve([...this.#present.values()]),
    remove: (id: string) => {
      for (const [reference, image] of this.#present) if (image.id === id) this.#present.delete(reference);
      return Promise.resolve();
    },
  };

  runPodSandbox(config: PodSandboxConfig): Promise<PodSandbox> {
    this.calls.push(`sandbox ${config.name} #${config.attempt}`);
    const sandbox: PodSandbox = { id: `sandbox-${this.#serial++}`, config, ready: true, ip: '127.0.0.1', createdAt: new Date().toISOString(), ...(this.portMap && { portMap: this.portMap }) };
    this.sandboxes.set(sandbox.id, sandbox);
    return Promise.resolve(sandbox);
  }

  stopPodSandbox(id: string): Promise<void> {
    const sandbox = this.sandboxes.get(id);
    if (sandbox?.ready) {
      this.calls.push(`stop sandbox ${sandbox.config.name}`);
      this.sandboxes.set(id, { ...sandbox, ready: false });
    }
    return Promise.resolve();
  }

  removePodSandbox(id: string): Promise<void> {
    this.sandboxes.delete(id);
    for (const [containerId, { sandboxId }] of this.containers) if (sandboxId === id) this.containers.delete(containerId);
    return Promise.resolve();
  }

  listPodSandboxes = () => Promise.resolve([...this.sandboxes.values()]);

  createContainer(sandboxId: string, config: ContainerConfig): Promise<string> {
    const id = `container-${this.#serial++}`;
    this.calls.push(`create ${config.name} #${config.attempt}`);
    const logPath = path.join(config.logDirectory, `${config.attempt}.log`);
    mkdirSync(config.logDirectory, { recursive: true });
    writeFileSync(logPath, '');
    this.containers.set(id, { id, sandboxId, name: config.name, attempt: config.attempt, imageId: config.imageId, state: 'created', createdAt: new Date().toISOString(), logPath, config });
    return Promise.resolve(id);
  }

  startContainer(id: string): Promise<void> {
    this.#set(id, { state: 'running', startedAt: new Date().toISOString() });
    return Promise.resolve();
  }

  async stopContainer(id: string, graceSeconds: number): Promise<void> {
    const container = this.containers.get(id);
    if (container?.state !== 'running') return;
    this.calls.push(`stop ${container.name} within ${Math.round(graceSeconds)}`);
    if (this.heedsTerm) this.end(id, 143);
    else if (graceSeconds <= 2) this.end(id, 137);
    else await new Promise<void>((resolve) => {
      const listening = this.onChange((changed) => {
        if (changed !== id || this.containers.get(id)?.state === 'running') return;
        void listening.dispose();
        resolve();
      });
    });
  }

  changeLimits(id: string, { memoryLimit, cpuLimit, cpuRequest }: ContainerLimits): Promise<void> {
    this.calls.push(`limit ${this.containers.get(id)?.name} ${memoryLimit} ${cpuLimit} ${cpuRequest}`);
    return Promise.resolve();
  }

  removeContainer(id: string): Promise<void> {
    this.containers.delete(id);
    return Promise.resolve();
  }

  containerStatus = (id: string) => Promise.resolve(this.containers.get(id));
  listContainers = () => Promise.resolve([...this.containers.values()]);
  onChange = (listener: (id: string) => void) => this.#changes.on(listener);

  exec(id: string, argv: string[], { stdin }: { stdin: boolean }): Promise<ExecSession> {
    this.calls.push(`exec ${this.containers.get(id)?.name}: ${argv.join(' ')}`);
    const made = session(argv);
    if (!stdin) made.stdin.end();
    return Promise.resolve(made);
  }

  attach = (id: string, options: { stdin: boolean }) => this.exec(id, ['attached'], options);
  dial = (_sandbox: string, port: number): Promise<Duplex> => new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => resolve(socket)).once('error', reject);
  });
  stats = () => Promise.resolve({ cpuNanoseconds: 5, usageBytes: 9, workingSetBytes: 7, rssBytes: 6, processes: 1 });
  dispose = () => undefined;

  /** The container of that name that runs. */
  running(name: string) {
    return [...this.containers.values()].find((container) => container.name === name && container.state === 'running');
  }

  say(name: string, line: string): void {
    const container = this.running(name);
    if (container) appendFileSync(container.logPath, `${new Date().toISOString().replace('Z', '000000Z')} stdout F ${line}\n`);
  }

  end(id: string, exitCode: number, message?: string): void {
    const container = this.containers.get(id);
    const mount = container?.config.mounts.find(({ containerPath }) => containerPath === '/dev/termination-log');
    if (message && mount && existsSync(mount.hostPath)) writeFileSync(mount.hostPath, message);
    this.#set(id, { state: 'exited', exitCode, finishedAt: new Date().toISOString(), reason: exitCode === 0 ? 'Completed' : 'Error' });
  }

  #set(id: string, change: Partial<ContainerStatus>): void {
    const container = this.containers.get(id);
    if (!container) return;
    this.containers.set(id, { ...container, ...change });
    this.#changes.fire(id);
  }
}

/** Echoes its input after a first line; `exit 3` as arguments ends with 3. */
function session(argv: string[]): ExecSession {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  stdout.write(`ran ${argv.join(' ')}\n`);
  stdin.pipe(stdout);
  stderr.end('to the other side\n');
  let resolve: (end: { code: number }) => void = () => undefined;
  const exit = new Promise<{ code: number }>((done) => (resolve = done));
  stdin.on('end', () => resolve({ code: argv[0] === 'exit' ? Number(argv[1]) : 0 }));
  return { stdin, stdout, stderr, exit, resize: (width, height) => void stdout.write(`${width}x${height}\n`), kill: () => resolve({ code: 137 }) };
}
