/** Where a language's programs lie: on the path, and where version managers and installers put them, since an editor started from a desktop has not the path of a shell. */
import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { findPrograms, type Machine } from './command.ts';
import { compareVersions } from './node-runtime.ts';

/**
 * Programs of these names: of the path first, then of `places`, each real file once. A place is an absolute folder, or begins with `~` (the user's home) or `$NAME`
 * (a variable, left out if unset); one `*` in it stands for every name, newest version first.
 */
export async function programsAt(machine: Machine, names: readonly string[], places: readonly string[], first: readonly string[] = []): Promise<string[]> {
  const expand = async (list: readonly string[]) => (await Promise.all(list.map((place) => foldersAt(machine, place)))).flat();
  const [before, after] = [await expand(first), await expand(places)];
  const path = machine.env.PATH ?? machine.env.Path ?? '';
  const delimiter = machine.platform === 'win32' ? ';' : ':';
  return findPrograms({ ...machine, env: { ...machine.env, PATH: [...before, path, ...after].filter(Boolean).join(delimiter) } }, ...names);
}

async function foldersAt({ env }: Machine, place: string): Promise<string[]> {
  const home = env.HOME ?? env.USERPROFILE;
  if (place.startsWith('~') && home === undefined) return [];
  let missing = false;
  const path = place.replace(/^~/, home ?? '').replace(/^\$(\w+)/, (_, name: string) => env[name] || ((missing = true), ''));
  if (missing) return [];
  const star = path.indexOf('*');
  if (star < 0) return [path];
  const parent = dirname(path.slice(0, star + 1));
  const [prefix = '', rest = ''] = [path.slice(parent.length + 1, star), path.slice(star + 1)];
  const names = await readdir(parent).catch(() => []);
  return names.filter((name) => name.startsWith(prefix)).sort((a, b) => compareVersions(numbers(b), numbers(a))).map((name) => join(parent, name) + rest);
}

/** `java-17-openjdk-amd64` gives `17`. */
function numbers(name: string): string {
  return /\d+(\.\d+)*/.exec(name)?.[0] ?? '0';
}
