import { realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isReadable, type Machine } from './command.ts';
import { packagesOf } from './install-hint.ts';
import { programsAt } from './places.ts';
import { ask, hostPathsOf, judgeAll, prefixOf, type FoundToolchain, type Rejected, type Search, type Verdict } from './search.ts';

/** Releases older than this lack what current npm packages and our own scripts expect. */
const oldestMajor = 16;
const places = ['~/.nvm/versions/node/*/bin', '~/.volta/tools/image/node/*/bin', '~/.asdf/installs/nodejs/*/bin', '~/.local/share/mise/installs/node/*/bin', '~/.local/share/fnm/node-versions/*/installation/bin', '~/.fnm/node-versions/*/installation/bin', '~/.nodenv/versions/*/bin', '~/n/bin', '/opt/homebrew/bin'];

/** The first Node of the path that works and has an npm of its own; else the first Node with any npm of this machine. */
export async function findNode(machine: Machine, needs: { npm: boolean }): Promise<Search> {
  const npms = new Map<string, string | undefined>();
  const { found, others = [], rejected } = await judgeAll(await programsAt(machine, ['node', 'nodejs'], places), packagesOf.nodejs, async (path): Promise<Verdict> => {
    const answer = await ask(machine, path, ['-p', 'JSON.stringify([process.execPath, process.versions.node])'], ({ stdout }) => JSON.parse(stdout) as [string, string]);
    if ('why' in answer) return answer;
    const [execPath, version] = answer;
    const program = await realpath(execPath).catch(() => execPath);
    if (Number(version.split('.')[0]) < oldestMajor) return { why: `version ${version} is older than ${oldestMajor}`, program };
    if (!(await isReadable(prefixOf(program)))) return { why: `its folder ${prefixOf(program)} is not readable by this user`, program };
    npms.set(program, await npmBeside(program));
    return { version, program, hostPaths: [], programs: {} };
  });
  const candidates = [...(found ? [found] : []), ...others];
  const withNpm = candidates.filter(({ program }) => npms.get(program));
  const chosen = withNpm[0] ?? candidates[0];
  if (!chosen) return { rejected, packages: packagesOf.nodejs };
  const anyNpm = [...npms.values()].find(Boolean) ?? (await npmOnPath(machine));
  const complete = ({ version, program }: FoundToolchain): FoundToolchain => {
    const npm = npms.get(program) ?? anyNpm;
    const prefixes = [prefixOf(program), ...(npm === undefined ? [] : [dirname(dirname(npm))])];
    return { version, program, hostPaths: hostPathsOf(prefixes, machine.platform), programs: npm === undefined ? {} : { npm } };
  };
  if (needs.npm && !npms.get(chosen.program) && anyNpm === undefined) {
    const bare: Rejected = { program: chosen.program, why: 'npm is missing' };
    return { rejected: [...rejected, bare], packages: packagesOf.npm };
  }
  // One that would borrow another's npm is offered only where there is no better.
  const more = needs.npm ? withNpm.filter((one) => one !== chosen).map(complete) : [];
  return { found: complete(chosen), ...(more.length > 0 && { others: more }), rejected, packages: packagesOf.nodejs };
}

/** npm's `npm-cli.js` that came with this Node: in its prefix (nvm, official archives) or linked beside it (distributions). */
async function npmBeside(node: string): Promise<string | undefined> {
  const prefix = prefixOf(node);
  for (const path of [join(prefix, 'lib/node_modules/npm/bin/npm-cli.js'), join(dirname(node), 'npm'), join(dirname(node), 'node_modules/npm/bin/npm-cli.js')]) {
    const real = await realpath(path).catch(() => undefined);
    if (real !== undefined && /npm-cli\.js$/.test(real) && (await isReadable(real))) return real;
  }
  return undefined;
}

async function npmOnPath(machine: Machine): Promise<string | undefined> {
  for (const path of await programsAt(machine, ['npm'], places)) {
    const real = await realpath(path).catch(() => undefined);
    if (real !== undefined && /npm-cli\.js$/.test(real) && (await isReadable(real))) return real;
  }
  return undefined;
}
