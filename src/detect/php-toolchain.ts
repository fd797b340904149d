import { realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isReadable, type Machine } from './command.ts';
import { packagesOf } from './install-hint.ts';
import { compareVersions } from './node-runtime.ts';
import { programsAt } from './places.ts';
import { ask, hostPathsOf, judgeAll, prefixOf, type Search, type Verdict } from './search.ts';

/** Oldest PHP that current Composer runs on with what it installs by default. */
const oldest = '7.4';
const places = ['~/.phpenv/versions/*/bin', '~/.asdf/installs/php/*/bin', '~/.local/share/mise/installs/php/*/bin', '/opt/homebrew/bin', '/usr/local/bin'];

interface Answer {
  version: string;
  binary: string;
}

/** PHP's command-line program; with it, where they are there, Composer, and php-fpm and Apache httpd that serve together. */
export async function findPhp(machine: Machine): Promise<Search> {
  return judgeAll(await programsAt(machine, ['php'], places), packagesOf.php, async (path): Promise<Verdict> => {
    const answer = await ask(machine, path, ['-n', '-r', 'echo json_encode(["version" => PHP_VERSION, "binary" => PHP_BINARY]);'], ({ stdout }) => JSON.parse(stdout) as Answer);
    if ('why' in answer) return answer;
    const program = await realpath(answer.binary || path).catch(() => path);
    const version = /^\d+\.\d+\.\d+/.exec(answer.version)?.[0] ?? answer.version;
    if (compareVersions(version, oldest) < 0) return { why: `version ${version} is older than ${oldest}`, program };
    const prefix = prefixOf(program);
    if (!(await isReadable(prefix))) return { why: `its folder ${prefix} is not readable by this user`, program };
    const short = version.split('.').slice(0, 2).join('.');
    const system = ['/usr/sbin', '/usr/local/sbin', join(prefix, 'sbin')];
    const [fpm] = await programsAt(machine, [`php-fpm${short}`, `php-fpm${short.replace('.', '')}`, 'php-fpm'], system, [join(prefix, 'sbin')]);
    const [httpd] = await programsAt(machine, ['apache2', 'httpd'], system);
    return {
      version, program, hostPaths: hostPathsOf([prefix], machine.platform),
      programs: {
        ...(await composerOf(machine, prefix)),
        // One without the other serves nothing.
        ...(fpm && httpd && (await ofVersion(machine, fpm, short)) && { 'php-fpm': await realpath(fpm), httpd: await realpath(httpd) }),
      },
    };
  });
}

/** A Composer that the root of a build shows: below `/usr`, or in PHP's own prefix. */
async function composerOf(machine: Machine, prefix: string): Promise<Record<string, string>> {
  for (const path of await programsAt(machine, ['composer', 'composer.phar'], [join(prefix, 'bin'), '/usr/local/bin'])) {
    const real = await realpath(path);
    if (real.startsWith('/usr/') || dirname(real).startsWith(prefix)) return { composer: real };
  }
  return {};
}

async function ofVersion(machine: Machine, fpm: string, short: string): Promise<boolean> {
  return (await machine.run(fpm, ['-v'])).stdout.startsWith(`PHP ${short}.`);
}
