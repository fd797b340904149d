/** A data folder of the platform for one test, stopped and removed with everything in it. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

export interface TestHome {
  folder: string;
  kubeconfig: string;
  /** Runs the `slipway` command on it; its output, or an error with what it said. */
  slipway(...args: string[]): string;
  /** Runs `kubectl` on it. */
  kubectl(...args: string[]): string;
  remove(): void;
}

export function testHome(environment: NodeJS.ProcessEnv = {}): TestHome {
  // As for a user who never started it: the folder is not there yet.
  const folder = path.join(mkdtempSync(path.join(tmpdir(), 'slipway-home-')), 'home');
  const run = (program: string, args: string[], env: NodeJS.ProcessEnv) => {
    const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', env: { ...process.env, ...environment, ...env }, timeout: 120_000 });
    if (status !== 0) throw new Error(`${path.basename(program)} ${args.join(' ')} ended with ${status}: ${stdout}${stderr}`);
    return stdout;
  };
  const slipway = (...args: string[]) => run(process.execPath, ['--no-warnings', path.resolve('dist/slipway.js'), ...args, '--home', folder], {});
  const kubeconfig = path.join(folder, 'kubeconfig');
  return {
    folder,
    kubeconfig,
    slipway,
    kubectl: (...args) => run('kubectl', args, { KUBECONFIG: kubeconfig }),
    remove() {
      slipway('down');
      rmSync(path.dirname(folder), { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
    },
  };
}
