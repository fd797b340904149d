import { realpath } from 'node:fs/promises';
import { isReadable, type Machine } from './command.ts';
import { packagesOf } from './install-hint.ts';
import { compareVersions } from './node-runtime.ts';
import { programsAt } from './places.ts';
import { ask, hostPathsOf, judgeAll, prefixOf, type Search, type Verdict } from './search.ts';

const oldest = '2.7';
const places = ['~/.rbenv/versions/*/bin', '~/.rvm/rubies/ruby-*/bin', '~/.rubies/ruby-*/bin', '/opt/rubies/ruby-*/bin', '~/.asdf/installs/ruby/*/bin', '~/.local/share/mise/installs/ruby/*/bin'];

/** Shims lead to the real program; gems of the system lie where `Gem.path` says, those of the user's home are nobody else's. */
const question = 'require "json"; require "rbconfig"; puts JSON.generate("version" => RUBY_VERSION, "program" => RbConfig.ruby, "prefix" => RbConfig::CONFIG["prefix"], "gems" => Gem.path.select { |path| File.directory?(path) && !path.start_with?(Dir.home) })';

interface Answer {
  version: string;
  program: string;
  prefix: string;
  gems: string[];
}

export async function findRuby(machine: Machine): Promise<Search> {
  return judgeAll(await programsAt(machine, ['ruby'], places), packagesOf.ruby, async (path): Promise<Verdict> => {
    const answer = await ask(machine, path, ['-e', question], ({ stdout }) => JSON.parse(stdout) as Answer);
    if ('why' in answer) return answer;
    const { version, prefix, gems } = answer;
    const program = await realpath(answer.program).catch(() => answer.program);
    if (compareVersions(version, oldest) < 0) return { why: `version ${version} is older than ${oldest}`, program };
    if (!(await isReadable(prefix))) return { why: `its folder ${prefix} is not readable by this user`, program };
    return { version, program, hostPaths: hostPathsOf([prefix, prefixOf(program), ...gems], machine.platform), programs: {} };
  });
}
