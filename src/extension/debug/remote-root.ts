/** Where the folder of this machine lies in a container: where the program runs, else found by its file. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Debuggee } from './debuggee.ts';

/** `workingDir`: as the container says. */
export function remoteRootOf({ process }: Debuggee, folder: string | undefined, workingDir?: string, exists: (file: string) => boolean = existsSync): string {
  const file = process.args.at(-1) ?? '';
  return process.cwd || workingDir || (folder !== undefined && above(file, folder, exists)) || path.posix.dirname(file);
}

/** `/app/dist/server.js` with `dist/server.js` in the folder → `/app`. */
function above(file: string, folder: string, exists: (file: string) => boolean): string | undefined {
  const parts = file.split('/');
  const at = parts.findIndex((_, index) => index > 0 && exists(path.join(folder, ...parts.slice(index))));
  return at > 0 ? parts.slice(0, at).join('/') || '/' : undefined;
}
