/** Which folders of this machine an image may ask for. The label is only text that anyone who may push can write. */
import { existsSync, realpathSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

/** Parents that hold toolchains; below them a prefix may be seen, never they themselves. */
const systemParents = ['/opt', '/usr', '/nix', '/snap', '/home/linuxbrew'];
/** Folders in a home where version managers keep toolchains. */
const homeParents = [
  '.nvm/versions', '.pyenv/versions', '.rbenv/versions', '.volta/tools', '.asdf/installs', '.local/share/mise/installs', '.local/share/uv/python', '.fnm', '.local/share/fnm', '.n/versions', '.nodenv/versions', '.sdkman/candidates', '.bun', '.deno', 'n/versions', 'miniconda3', 'anaconda3', 'miniforge3',
];

/**
 * A toolchain's prefix: it has a `bin` folder and lies below a place where toolchains lie. Answers the reason for a refusal.
 */
export function refuseHostPath(path: string, home = homedir()): string | undefined {
  if (!path.startsWith('/') || resolve(path) !== path) return 'it is not an absolute path in its plain form';
  if (!existsSync(path) || !statSync(path).isDirectory()) return 'there is no such folder on this machine';
  const real = realpathSync(path);
  const parents = [...systemParents, ...homeParents.map((parent) => join(home, parent))].map((parent) => (existsSync(parent) ? realpathSync(parent) : parent));
  const below = (folder: string) => real.startsWith(`${folder}/`) || (real === folder && parents.indexOf(folder) >= systemParents.length && existsSync(join(folder, 'bin')));
  if (!parents.some(below)) return 'it is no place where toolchains lie';
  if (![real, dirname(real)].some((folder) => existsSync(join(folder, 'bin')))) return 'it has no bin folder, so it is no toolchain';
  return undefined;
}
