/** The scripts of a host builder as ordinary processes in a folder of their own, with programs of the test's making where the real ones are not wanted. */
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { hostBuilders } from '../../../src/controlplane/catalog/host-builders.ts';

export interface ScriptStage {
  /** Runs a script to its end. */
  run(script: string, env?: Record<string, string>): { code: number; log: string };
  /** Text of a file below `/opt/app-root`. */
  read(name: string): string | undefined;
  exists(name: string): boolean;
  /** `/opt/app-root`. */
  root: string;
  close(): void;
}

/** `programs`: shell scripts by name, put before all else on the path; `real`: programs of this machine that are shown beside the system's basic ones. */
export function scriptStage(builder: string, { files = {}, artifacts = {}, programs = {}, real = [] }: { files?: Record<string, string>; artifacts?: Record<string, string>; programs?: Record<string, string>; real?: readonly string[] } = {}): ScriptStage {
  const folder = mkdtempSync(path.join(tmpdir(), 'slipway-scripts-'));
  const put = (name: string, text: string, mode = 0o644) => {
    const at = path.join(folder, name);
    mkdirSync(path.dirname(at), { recursive: true });
    writeFileSync(at, text);
    chmodSync(at, mode);
  };
  for (const [name, text] of Object.entries(hostBuilders.find((one) => one.name === builder)?.scripts ?? {})) put(`opt/s2i/${name}`, text, 0o755);
  for (const [name, text] of Object.entries(programs)) put(`opt/s2i/bin/${name}`, `#!/bin/sh\n${text}\n`, 0o755);
  for (const [name, text] of Object.entries(files)) put(`tmp/src/${name}`, text, name.endsWith('w') ? 0o755 : 0o644);
  for (const [name, text] of Object.entries(artifacts)) put(`tmp/artifacts/${name}`, text);
  // A path of what every system has, so that what this machine has besides does not decide.
  mkdirSync(path.join(folder, 'system'));
  mkdirSync(path.join(folder, 'tmp/src'), { recursive: true });
  const basic = ['sh', 'cat', 'chmod', 'cp', 'cut', 'dirname', 'echo', 'env', 'find', 'grep', 'head', 'ls', 'mkdir', 'mktemp', 'mv', 'printf', 'rm', 'sed', 'sort', 'tail', 'tar', 'touch', 'tr', 'uname', 'wc'];
  for (const name of [...basic, ...real]) {
    const at = ['/usr/bin', '/bin', '/usr/local/bin'].map((one) => path.join(one, name)).find(existsSync);
    if (at) symlinkSync(at, path.join(folder, 'system', name));
  }
  if (real.includes('node')) {
    rmSync(path.join(folder, 'system/node'), { force: true });
    symlinkSync(process.execPath, path.join(folder, 'system/node'));
  }
  const root = path.join(folder, 'opt/app-root');
  return {
    root,
    run(script, env = {}) {
      const { status, stdout, stderr } = spawnSync(path.join(folder, 'opt/s2i', script), [], {
        encoding: 'utf8', cwd: folder, timeout: 60_000,
        env: { PATH: `${path.join(folder, 'opt/s2i/bin')}:${path.join(folder, 'system')}`, HOME: folder, APP_ROOT: root, S2I_SOURCE: path.join(folder, 'tmp/src'), ...env },
      });
      return { code: status ?? -1, log: stdout + stderr };
    },
    read: (name) => (existsSync(path.join(root, name)) ? readFileSync(path.join(root, name), 'utf8') : undefined),
    exists: (name) => existsSync(path.join(root, name)),
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}
