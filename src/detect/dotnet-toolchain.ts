import { realpath } from 'node:fs/promises';
import { dirname } from 'node:path';
import { isReadable, type Machine } from './command.ts';
import { packagesOf } from './install-hint.ts';
import { compareVersions } from './node-runtime.ts';
import { programsAt } from './places.ts';
import { ask, hostPathsOf, judgeAll, type Search, type Verdict } from './search.ts';

const oldest = '6.0';
const places = ['~/.dotnet', '/usr/share/dotnet', '/usr/lib/dotnet', '/usr/lib64/dotnet', '/usr/local/share/dotnet', '/usr/local/lib/dotnet', '/opt/dotnet', '/opt/homebrew/bin'];

/** A .NET SDK; one program serves all versions in its folder, and the newest is taken. */
export async function findDotnet(machine: Machine): Promise<Search> {
  return judgeAll(await programsAt(machine, ['dotnet'], places, ['$DOTNET_ROOT']), packagesOf.dotnet, async (path): Promise<Verdict> => {
    const program = await realpath(path).catch(() => path);
    const env = { ...machine.env, DOTNET_CLI_TELEMETRY_OPTOUT: '1', DOTNET_NOLOGO: '1' };
    // `8.0.404 [/usr/share/dotnet/sdk]`
    const answer = await ask(machine, path, ['--list-sdks'], ({ stdout }) => ({ versions: [...stdout.matchAll(/^(\d+\.\d+\.\d+)\S* \[/gm)].map(([, version]) => version ?? '') }), env);
    if ('why' in answer) return { ...answer, program };
    const [version] = answer.versions.sort((a, b) => compareVersions(b, a));
    if (version === undefined) return { why: 'has runtimes and no SDK', program };
    if (compareVersions(version, oldest) < 0) return { why: `its newest SDK ${version} is older than ${oldest}`, program };
    const folder = dirname(program);
    if (!(await isReadable(folder))) return { why: `its folder ${folder} is not readable by this user`, program };
    return { version, program, hostPaths: hostPathsOf([folder], machine.platform), programs: {} };
  });
}
