import { realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { isReadable, type Machine } from './command.ts';
import { packagesOf } from './install-hint.ts';
import { compareVersions } from './node-runtime.ts';
import { programsAt } from './places.ts';
import { ask, hostPathsOf, judgeAll, type Search, type Verdict } from './search.ts';

/** Oldest Go whose module mode our script relies on. */
const oldest = '1.16';
const places = ['/usr/local/go/bin', '/usr/lib/go-*/bin', '/usr/lib/go/bin', '/usr/lib/golang/bin', '~/sdk/go*/bin', '~/.asdf/installs/golang/*/go/bin', '~/.local/share/mise/installs/go/*/bin', '~/.goenv/versions/*/bin'];

interface Answer {
  GOROOT: string;
  GOVERSION: string;
}

export async function findGo(machine: Machine): Promise<Search> {
  return judgeAll(await programsAt(machine, ['go'], places), packagesOf.golang, async (path): Promise<Verdict> => {
    // Neither the user's settings nor a newer toolchain that would be fetched decide what is here.
    const env = { ...machine.env, GOTOOLCHAIN: 'local', GOENV: 'off', GOFLAGS: '', GO111MODULE: 'off' };
    const answer = await ask(machine, path, ['env', '-json', 'GOROOT', 'GOVERSION'], ({ stdout }) => JSON.parse(stdout) as Answer, env);
    if ('why' in answer) return answer;
    const version = /^go(\d+\.\d+(\.\d+)?)/.exec(answer.GOVERSION)?.[1];
    if (!version) return { why: `tells no version (${answer.GOVERSION})` };
    const root = await realpath(answer.GOROOT).catch(() => answer.GOROOT);
    const program = await realpath(join(root, 'bin/go')).catch(() => path);
    if (compareVersions(version, oldest) < 0) return { why: `version ${version} is older than ${oldest}`, program };
    if (!(await isReadable(root))) return { why: `its folder ${root} is not readable by this user`, program };
    return { version, program, hostPaths: hostPathsOf([root], machine.platform), programs: {} };
  });
}
