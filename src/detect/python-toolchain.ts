import { join } from 'node:path';
import { isReadable, type Machine } from './command.ts';
import { packagesOf } from './install-hint.ts';
import { programsAt } from './places.ts';
import { ask, hostPathsOf, judgeAll, prefixOf, type Search, type Verdict } from './search.ts';

/** Oldest Python whose `venv` and `pip` current packages still support. */
const oldestMinor = 8;
const places = ['~/.pyenv/versions/*/bin', '~/.asdf/installs/python/*/bin', '~/.local/share/mise/installs/python/*/bin', '~/.local/share/uv/python/cpython-*/bin', '/opt/homebrew/bin'];

/** Tells where it really lies (a venv or shim on the path leads to its base) and whether environments can be made. */
const question = `
import json, os, sys
out = {"version": "%d.%d.%d" % sys.version_info[:3], "prefix": sys.base_prefix, "exec": sys.base_exec_prefix, "minor": sys.version_info[:2], "missing": []}
out["executable"] = os.path.realpath(getattr(sys, "_base_executable", None) or sys.executable)
for module in ("venv", "ensurepip", "ssl", "zlib"):
    try:
        __import__(module)
    except Exception:
        out["missing"].append(module)
print(json.dumps(out))
`;

interface Answer {
  version: string;
  prefix: string;
  exec: string;
  minor: [number, number];
  missing: string[];
  executable: string;
}

/** The first Python 3 of the path that works and can make environments with pip. */
export async function findPython(machine: Machine): Promise<Search> {
  return judgeAll(await programsAt(machine, ['python3', 'python'], places), packagesOf.python, async (path): Promise<Verdict> => {
    // -I: neither the user's site nor variables of the environment decide what is found.
    const answer = await ask(machine, path, ['-I', '-c', question], ({ stdout }) => JSON.parse(stdout) as Answer);
    if ('why' in answer) return answer;
    const { version, executable, prefix, exec } = answer;
    const why = await unusable(answer);
    if (why) return { why, program: executable };
    return { version, program: executable, hostPaths: hostPathsOf([prefix, exec, prefixOf(executable)], machine.platform), programs: {} };
  });
}

async function unusable({ version, minor, missing, prefix, executable }: Answer): Promise<string | undefined> {
  const [major, lesser] = minor;
  if (major !== 3 || lesser < oldestMinor) return `version ${version} is older than 3.${oldestMinor}`;
  if (missing.length > 0) return `its ${missing.join(', ')} ${missing.length === 1 ? 'module is' : 'modules are'} missing, so no environment with pip can be made`;
  if (!(await isReadable(join(prefix, 'lib'))) && !(await isReadable(prefix))) return `its folder ${prefix} is not readable by this user`;
  return (await isReadable(executable)) ? undefined : 'is not readable by this user';
}
