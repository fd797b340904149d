import { realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { findPrograms, isReadable, type Machine } from './command.ts';
import { packagesOf } from './install-hint.ts';
import { hostPathsOf, prefixOf, type Rejected, type Search } from './search.ts';

/** Releases older than this lack what current npm packages and our own scripts expect. */
const oldestMajor = 16;

interface Candidate {
  program: string;
  version: string;
  npm: string | undefined;
}

/** The first Node of the path that works and has an npm of its own; else the first Node with any npm of this machine. */
export async function findNode(machine: Machine, needs: { npm: boolean }): Promise<Search> {
  const rejected: Rejected[] = [];
  const candidates: Candidate[] = [];
  for (const path of await findPrograms(machine, 'node', 'nodejs')) {
    const asked = await machine.run(path, ['-p', 'JSON.stringify([process.execPath, process.versions.node])']);
    if (asked.code !== 0) {
      rejected.push({ program: path, why: `does not run (${asked.stderr.trim().split('\n').pop() || `exit code ${asked.code}`})` });
      continue;
    }
    const [execPath, version] = JSON.parse(asked.stdout) as [string, string];
    const program = await realpath(execPath).catch(() => execPath);
    if (Number(version.split('.')[0]) < oldestMajor) rejected.push({ program, why: `version ${version} is older than ${oldestMajor}` });
    else if (!(await isReadable(prefixOf(program)))) rejected.push({ program, why: `its folder ${prefixOf(program)} is not readable by this user` });
    else if (!candidates.some((one) => one.program === program)) candidates.push({ program, version, npm: await npmBeside(program) });
  }
  const anyNpm = candidates.find((one) => one.npm)?.npm ?? (await npmOnPath(machine));
  const chosen = candidates.find((one) => one.npm) ?? candidates[0];
  if (!chosen) return { rejected, packages: packagesOf.nodejs };
  const npm = chosen.npm ?? anyNpm;
  if (needs.npm && npm === undefined) {
    return { rejected: [...rejected, { program: chosen.program, why: 'npm is missing' }], packages: packagesOf.npm };
  }
  const prefixes = [prefixOf(chosen.program), ...(npm === undefined ? [] : [await npmFolder(npm)])];
  return {
    found: { version: chosen.version, program: chosen.program, hostPaths: hostPathsOf(prefixes, machine.platform), programs: npm === undefined ? {} : { npm } },
    rejected,
    packages: packagesOf.nodejs,
  };
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
  for (const path of await findPrograms(machine, 'npm')) {
    const real = await realpath(path).catch(() => undefined);
    if (real !== undefined && /npm-cli\.js$/.test(real) && (await isReadable(real))) return real;
  }
  return undefined;
}

/** `…/node_modules/npm/bin/npm-cli.js` gives `…/node_modules/npm`. */
async function npmFolder(npm: string): Promise<string> {
  return dirname(dirname(await realpath(npm)));
}
