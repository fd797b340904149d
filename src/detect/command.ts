import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access, realpath, stat } from 'node:fs/promises';
import { delimiter, join } from 'node:path';

export interface CommandResult {
  /** Exit code; -1 if it could not be started or took too long. */
  code: number;
  stdout: string;
  stderr: string;
}

/** The machine as detection sees it; tests hand in their own. */
export interface Machine {
  platform: NodeJS.Platform;
  env: NodeJS.ProcessEnv;
  /** Runs a program; never rejects. Output over 1 MiB and times over 10 s end it. */
  run(file: string, args: readonly string[], env?: NodeJS.ProcessEnv): Promise<CommandResult>;
}

export const thisMachine: Machine = {
  platform: process.platform,
  env: process.env,
  run: (file, args, env) =>
    new Promise((resolve) => {
      execFile(file, [...args], { timeout: 10_000, maxBuffer: 1 << 20, encoding: 'utf8', env: env ?? process.env, windowsHide: true }, (error, stdout, stderr) => {
        resolve({ code: error ? (typeof error.code === 'number' ? error.code : -1) : 0, stdout, stderr });
      });
    }),
};

/** Every program of that name on the path, in order, without folders that hold the same file again. */
export async function findPrograms(machine: Machine, ...names: string[]): Promise<string[]> {
  const folders = (machine.env.PATH ?? machine.env.Path ?? '').split(delimiter).filter(Boolean);
  const endings = machine.platform === 'win32' ? ['.exe', '.cmd', ''] : [''];
  const found = new Map<string, string>();
  for (const name of names) {
    for (const folder of folders) {
      for (const ending of endings) {
        const path = join(folder, name + ending);
        if (!(await isExecutable(path))) continue;
        const real = await realpath(path);
        if (!found.has(real)) found.set(real, path);
      }
    }
  }
  return [...found.values()];
}

async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}

export async function isReadable(path: string): Promise<boolean> {
  return access(path, constants.R_OK).then(() => true, () => false);
}
