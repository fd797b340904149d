/** Which Node.js runs the control plane: one found on the machine, else the editor's own. */
import { execFile } from 'node:child_process';
import { access } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The oldest version with an unflagged `node:sqlite` and zstd in `node:zlib`. */
export const oldestNode = [22, 15] as const;

export interface NodeRuntime {
  binary: string;
  version: string;
  /** The editor's Electron, which needs ELECTRON_RUN_AS_NODE. */
  electron: boolean;
}

export function newEnough(version: string): boolean {
  const [major = 0, minor = 0] = version.replace(/^v/, '').split('.').map(Number);
  return major > oldestNode[0] || (major === oldestNode[0] && minor >= oldestNode[1]);
}

/** The running binary if it is a plain Node.js, else the first on PATH that is new enough, else the running binary as Electron. */
export async function findNodeRuntime(environment: NodeJS.ProcessEnv = process.env): Promise<NodeRuntime | undefined> {
  const electron = process.versions.electron !== undefined;
  if (!electron && newEnough(process.version)) return { binary: process.execPath, version: process.version, electron };
  const name = process.platform === 'win32' ? 'node.exe' : 'node';
  for (const folder of (environment.PATH ?? '').split(path.delimiter)) {
    const binary = path.join(folder, name);
    if (!folder || !(await access(binary).then(() => true, () => false))) continue;
    try {
      const { stdout } = await run(binary, ['-p', 'process.versions.electron ? "" : process.version'], { timeout: 5_000 });
      const version = stdout.trim();
      if (version && newEnough(version)) return { binary, version, electron: false };
    } catch {
      // A broken or foreign binary of that name: the next folder may hold a good one.
    }
  }
  return newEnough(process.version) ? { binary: process.execPath, version: process.version, electron } : undefined;
}
