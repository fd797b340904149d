import { createHash } from 'node:crypto';
import { homedir, tmpdir } from 'node:os';
import path from 'node:path';
import { runLayout } from '../../protocol/home.ts';

/** `--home`, else `SLIPWAY_HOME`, else `~/.slipway`; absolute. */
export function resolveHome(asked: string | undefined, environment: NodeJS.ProcessEnv = process.env): string {
  return path.resolve(asked ?? environment.SLIPWAY_HOME ?? path.join(homedir(), '.slipway'));
}

/**
 * Folder of the platform's sockets. It follows from user and home alone, so that an agent finds a restarted control plane,
 * and it is short: the system cuts socket paths over 107 bytes silently.
 */
export function runDirectoryOf(home: string): string {
  const hash = createHash('sha256').update(home).digest('hex').slice(0, 10);
  const base = process.platform === 'win32' ? tmpdir() : '/tmp';
  return path.join(base, `slipway-${process.getuid?.() ?? 0}-${hash}`);
}

/** Address of a named socket: a path, or a named pipe on Windows, where sockets are no files. */
export function socketPath(runDirectory: string, name: keyof typeof runLayout): string {
  return process.platform === 'win32' ? `\\\\.\\pipe\\${path.basename(runDirectory)}-${runLayout[name]}` : path.join(runDirectory, runLayout[name]);
}
