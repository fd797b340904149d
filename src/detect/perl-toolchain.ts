import { realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { isReadable, type Machine } from './command.ts';
import { packagesOf } from './install-hint.ts';
import { compareVersions } from './node-runtime.ts';
import { programsAt } from './places.ts';
import { ask, hostPathsOf, judgeAll, prefixOf, type Search, type Verdict } from './search.ts';

/** Oldest Perl that Plack supports. */
const oldest = '5.12';
const places = ['~/.plenv/versions/*/bin', '~/perl5/perlbrew/perls/*/bin', '~/.asdf/installs/perl/*/bin', '~/.local/share/mise/installs/perl/*/bin'];

/** Perl; with it cpanm, plackup and starman where they are there. */
export async function findPerl(machine: Machine): Promise<Search> {
  return judgeAll(await programsAt(machine, ['perl'], places), packagesOf.perl, async (path): Promise<Verdict> => {
    const answer = await ask(machine, path, ['-MConfig', '-e', 'printf "%vd\\n%s\\n%s\\n", $^V, $^X, $Config{prefix}'], ({ stdout }) => {
      const [version = '', running = '', prefix = ''] = stdout.split('\n');
      return version && prefix ? { version, running, prefix } : undefined;
    });
    if ('why' in answer) return answer;
    const { version, prefix } = answer;
    const program = await realpath(answer.running).catch(() => path);
    if (compareVersions(version, oldest) < 0) return { why: `version ${version} is older than ${oldest}`, program };
    if (!(await isReadable(prefix))) return { why: `its folder ${prefix} is not readable by this user`, program };
    const programs: Record<string, string> = {};
    for (const name of ['cpanm', 'plackup', 'starman']) {
      const [tool] = await programsAt(machine, [name], [], [join(prefix, 'bin')]);
      const real = tool && (await realpath(tool));
      if (real && [prefix, '/usr'].some((folder) => real.startsWith(`${folder}/`))) programs[name] = real;
    }
    return { version, program, hostPaths: hostPathsOf([prefix, prefixOf(program)], machine.platform), programs };
  });
}
