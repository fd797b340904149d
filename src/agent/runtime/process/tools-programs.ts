/** The built-in image's own programs as files of this machine, for its containers' search path: `node`, and what commands of a rollout call by name. */
import { chmodSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { toolsScripts } from '../../image/tools-image.ts';
import { shellQuote } from '../run.ts';
import type { ToolsPlaces } from './program.ts';

/** Written anew at every start of an agent, since the product may lie elsewhere then; what runs meanwhile keeps the file it has open. Answers `folder`. */
export function placeToolsPrograms(folder: string, { nodeBinary, program }: Pick<ToolsPlaces, 'nodeBinary' | 'program'>, platform: NodeJS.Platform = process.platform): string {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (platform === 'win32') {
    const quoted = (path: string) => `"${path}"`;
    put(join(folder, 'node.cmd'), `@${quoted(nodeBinary)} %*\r\n`);
    for (const [name, words] of Object.entries(toolsScripts)) put(join(folder, `${name}.cmd`), `@${quoted(nodeBinary)} ${quoted(program)} ${words} %*\r\n`);
    return folder;
  }
  const exec = (...words: string[]) => `#!/bin/sh\nexec ${words.join(' ')} "$@"\n`;
  // The editor's own binary looks for its parts beside the name it was called by.
  if (process.env['ELECTRON_RUN_AS_NODE']) put(join(folder, 'node'), exec(shellQuote(nodeBinary)));
  else replace(join(folder, 'node'), (path) => symlinkSync(nodeBinary, path));
  for (const [name, words] of Object.entries(toolsScripts)) put(join(folder, name), exec(shellQuote(nodeBinary), shellQuote(program), words));
  return folder;
}

function put(path: string, text: string): void {
  replace(path, (aside) => {
    writeFileSync(aside, text);
    chmodSync(aside, 0o700);
  });
}

function replace(path: string, make: (aside: string) => void): void {
  const aside = `${path}.new`;
  rmSync(aside, { force: true });
  make(aside);
  renameSync(aside, path);
}
