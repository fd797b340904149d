/** Command lines of images as this machine starts them. */
import { openSync, readSync, closeSync } from 'node:fs';
import { basename, join } from 'node:path';

/** The built-in image's own places (agent/image/tools-image.ts), which are files of the product here. */
export interface ToolsPlaces {
  nodeBinary: string;
  program: string;
  /** Folder of its other programs. */
  programs: string;
}

const toolsHome = '/opt/slipway';

export function toolsWord(word: string, { nodeBinary, program, programs }: ToolsPlaces): string {
  if (word === `${toolsHome}/bin/node`) return nodeBinary;
  if (word.startsWith(`${toolsHome}/bin/`)) return join(programs, word.slice(`${toolsHome}/bin/`.length));
  return word === `${toolsHome}/tools.js` ? program : word;
}

/** Windows does not read the first line of a script: its interpreter is looked up in the search path. */
export function startable(argv: readonly string[], platform: NodeJS.Platform = process.platform): string[] {
  const [file = '', ...rest] = argv;
  const interpreter = platform === 'win32' ? interpreterOf(file) : undefined;
  return [...(interpreter ?? []), file, ...rest];
}

/** Of a script `#!/usr/bin/env -S node --flag`: `node`, `--flag`. */
export function interpreterOf(file: string): string[] | undefined {
  let first: string;
  try {
    const head = Buffer.alloc(256);
    const descriptor = openSync(file, 'r');
    const length = readSync(descriptor, head);
    closeSync(descriptor);
    first = head.toString('utf8', 0, length).split('\n', 1)[0] ?? '';
  } catch {
    return undefined;
  }
  if (!first.startsWith('#!')) return undefined;
  const [program = '', ...words] = first.slice(2).trim().split(/\s+/);
  const named = basename(program);
  if (named !== 'env') return [named, ...words];
  const rest = words.filter((word) => word !== '-S');
  return rest.length > 0 ? rest : undefined;
}
