/** Why a program did not start, in the words that the sandbox's own start has for it. */
import { existsSync } from 'node:fs';

const reasons: Record<string, string> = { ENOENT: 'executable file not found in PATH', EACCES: 'permission denied', ENOEXEC: 'it is no program of this machine', E2BIG: 'its arguments and variables are too long' };

export function startFailure(program: string, folder: string | undefined, error: NodeJS.ErrnoException): string {
  if (folder !== undefined && !existsSync(folder)) return `the working directory ${folder} is gone`;
  return `exec: ${program}: ${reasons[error.code ?? ''] ?? error.message}`;
}

/** As a shell has it: found but not to be executed, or not found. */
export function startFailureCode(error: NodeJS.ErrnoException): number {
  return error.code === 'EACCES' || error.code === 'ENOEXEC' ? 126 : 127;
}
