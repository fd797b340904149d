/** Starts shims. One is kept ready for a while after each use, since a Node process takes longer to start than a container. */
import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { toDisposable, type Disposable } from '../../base/disposable.ts';

export interface ShimLauncherOptions {
  nodeBinary: string;
  /** Folder of `shim.js`. */
  bundles: string;
  /** Takes what a failing shim says. */
  logFile: string;
  /** Milliseconds that an unused spare lives. */
  spareLife?: number;
}

const launchLimit = 20_000;
/** The code runs once and small: fewer threads and a small young generation save memory in each of many processes. */
const flags = ['--v8-pool-size=0', '--max-semi-space-size=1', '--no-warnings'];

export class ShimLauncher implements Disposable {
  readonly #options: ShimLauncherOptions;
  #spare: ChildProcess | undefined;
  #spareTimer: NodeJS.Timeout | undefined;
  #refill: NodeJS.Timeout | undefined;
  #disposed = false;

  constructor(options: ShimLauncherOptions) {
    this.#options = options;
  }

  /** Makes sure that the next `launch` finds a process that has started already. */
  prepare(): void {
    if (this.#disposed) return;
    clearTimeout(this.#refill);
    if (!this.#spare) {
      const spare = this.#spawn([]);
      this.#spare = spare;
      spare.once('exit', () => {
        if (this.#spare === spare) this.#spare = undefined;
      });
    }
    clearTimeout(this.#spareTimer);
    this.#spareTimer = setTimeout(() => this.#dropSpare(), this.#options.spareLife ?? 60_000);
    this.#spareTimer.unref();
  }

  /** Resolves when the shim listens for the container whose files lie in `directory`. */
  launch(directory: string): Promise<void> {
    const shim = this.#spare ?? this.#spawn([]);
    this.#spare = undefined;
    clearTimeout(this.#spareTimer);
    // Later, so that the new container has the processors first.
    clearTimeout(this.#refill);
    this.#refill = setTimeout(() => this.prepare(), 500);
    this.#refill.unref();
    shim.stdin?.end(`${directory}\n`);
    return whenReady(shim);
  }

  /** Starts `shim.js` in another of its roles through `prefix`. */
  async run(prefix: readonly string[], args: readonly string[]): Promise<Disposable & { readonly ended: Promise<void> }> {
    const child = this.#spawn(args, prefix);
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    await whenReady(child);
    return { ...toDisposable(() => void child.kill('SIGKILL')), ended };
  }

  dispose(): void {
    this.#disposed = true;
    clearTimeout(this.#refill);
    this.#dropSpare();
  }

  #dropSpare(): void {
    clearTimeout(this.#spareTimer);
    this.#spare?.stdin?.end();
    this.#spare = undefined;
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
