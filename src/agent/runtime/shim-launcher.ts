/** Starts shims: processes that look after a few containers each. One with room is there before it is needed, since a Node process takes longer to start than a container. */
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { toDisposable, type Disposable } from '../../base/disposable.ts';
import type { ShimNews } from '../../protocol/shim.ts';

export interface ShimLauncherOptions {
  nodeBinary: string;
  /** Folder of `shim.js`. */
  bundles: string;
  /** Takes what a failing shim says. */
  logFile: string;
  /** Milliseconds that a process without containers lives. */
  spareLife?: number;
}

interface ShimProcess {
  child: ChildProcess;
  /** Folders of containers in its care. */
  serving: Set<string>;
  /** Of folders it was given and has not answered for. */
  waiting: Map<string, (problem?: string) => void>;
}

/** Containers in the care of one process: whoever kills it ends so many at most. */
const mostContainers = 8;
const launchLimit = 20_000;
/** The code runs once and small: fewer threads and a small young generation save memory. */
const flags = ['--v8-pool-size=0', '--max-semi-space-size=1', '--no-warnings'];

export class ShimLauncher implements Disposable {
  readonly #options: ShimLauncherOptions;
  readonly #processes = new Set<ShimProcess>();
  #idle: NodeJS.Timeout | undefined;
  #refill: NodeJS.Timeout | undefined;
  #disposed = false;

  constructor(options: ShimLauncherOptions) {
    this.#options = options;
  }

  /** Makes sure that the next `launch` finds a process that has started already. */
  prepare(): void {
    if (this.#disposed) return;
    clearTimeout(this.#refill);
    if (!this.#withRoom()) this.#start();
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => this.#endIdle(), this.#options.spareLife ?? 60_000);
    this.#idle.unref();
  }

  /** Resolves when a shim listens for the container whose files lie in `directory`. */
  launch(directory: string): Promise<void> {
    const shim = this.#withRoom() ?? this.#start();
    shim.serving.add(directory);
    // Later, so that the new container has the processors first.
    clearTimeout(this.#refill);
    this.#refill = setTimeout(() => this.prepare(), 500);
    this.#refill.unref();
    return new Promise((resolve, reject) => {
      const settle = (problem?: string) => {
        clearTimeout(timer);
        shim.waiting.delete(directory);
        if (problem === undefined) return resolve();
        shim.serving.delete(directory);
        reject(new Error(`a container's shim did not start: ${problem}`));
      };
      const timer = setTimeout(() => settle('it did not answer'), launchLimit);
      shim.waiting.set(directory, settle);
      shim.child.stdin?.write(`${directory}\n`);
    });
  }

  /** A shim looks after the container, or is about to. */
  serves(directory: string): boolean {
    return [...this.#processes].some(({ serving }) => serving.has(directory));
  }

  /** Starts `shim.js` in another of its roles through `prefix`. */
  async run(prefix: readonly string[], args: readonly string[]): Promise<Disposable & { readonly ended: Promise<void> }> {
    const child = this.#spawn(args, prefix);
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    await whenReady(child);
    return { ...toDisposable(() => void child.kill('SIGKILL')), ended };
  }

  /** Those with containers go on without the agent. */
  dispose(): void {
    this.#disposed = true;
    clearTimeout(this.#refill);
    clearTimeout(this.#idle);
    for (const { child } of this.#processes) child.stdin?.end();
  }

  /** The fullest with room, so that others may run empty and end. */
  #withRoom(): ShimProcess | undefined {
    return [...this.#processes].filter(({ serving }) => serving.size < mostContainers).sort((a, b) => b.serving.size - a.serving.size)[0];
  }

  #endIdle(): void {
    for (const shim of this.#processes) {
      if (shim.serving.size > 0) continue;
      this.#processes.delete(shim);
      shim.child.stdin?.end();
    }
  }

  #start(): ShimProcess {
    const child = this.#spawn([]);
    const shim: ShimProcess = { child, serving: new Set(), waiting: new Map() };
    this.#processes.add(shim);
    const gone = (why: string) => {
      this.#processes.delete(shim);
      for (const settle of [...shim.waiting.values()]) settle(why);
    };
    child.once('error', (error) => gone(error.message));
    child.once('exit', (code) => gone(`it ended with ${code}`));
    let text = '';
    child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n')) {
        const { directory, state, problem } = JSON.parse(text.slice(0, at)) as ShimNews;
        text = text.slice(at + 1);
        if (state === 'ready') shim.waiting.get(directory)?.();
        else this.#ended(shim, directory, problem ?? 'it ended');
      }
    });
    // What talks to it must not keep this process alive.
    for (const stream of [child.stdin, child.stdout]) (stream as unknown as { unref?(): void } | null)?.unref?.();
    return shim;
  }

  #ended(shim: ShimProcess, directory: string, why: string): void {
    shim.waiting.get(directory)?.(why);
    shim.serving.delete(directory);
    if (shim.serving.size === 0 && !this.#disposed) this.prepare();
  }

  #spawn(args: readonly string[], prefix: readonly string[] = []): ChildProcess {
    const { nodeBinary, bundles, logFile } = this.#options;
    const errors = openSync(logFile, 'a', 0o600);
    const [file = '', ...rest] = [...prefix, nodeBinary, ...flags, join(bundles, 'shim.js'), ...args];
    const { PATH, SystemRoot, ELECTRON_RUN_AS_NODE } = process.env;
    const child = spawn(file, rest, { detached: true, windowsHide: true, stdio: ['pipe', 'pipe', errors], env: { PATH, ...(SystemRoot && { SystemRoot }), ...(ELECTRON_RUN_AS_NODE && { ELECTRON_RUN_AS_NODE }) } });
    closeSync(errors);
    child.on('error', () => undefined);
    child.stdin?.on('error', () => undefined);
    child.unref();
    return child;
  }
}

function whenReady(shim: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => fail('it did not answer'), launchLimit);
    const done = () => {
      clearTimeout(timer);
      shim.stdout?.destroy();
      shim.stdin?.destroy();
    };
    const fail = (why: string) => {
      done();
      reject(new Error(`a container's shim did not start: ${why}`));
    };
    shim.once('error', (error) => fail(error.message));
    shim.once('exit', (code) => fail(`it ended with ${code}`));
    shim.stdout?.once('data', () => {
      done();
      resolve();
    });
  });
}
