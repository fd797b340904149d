import { join } from 'node:path';
import { findPrograms, isReadable, type Machine } from './command.ts';
import { packagesOf } from './install-hint.ts';
import { hostPathsOf, prefixOf, type Rejected, type Search } from './search.ts';

/** Oldest Python whose `venv` and `pip` current packages still support. */
const oldestMinor = 8;

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
  const rejected: Rejected[] = [];
  const seen = new Set<string>();
  for (const path of await findPrograms(machine, 'python3', 'python')) {
    // -I: neither the user's site nor variables of the environment decide what is found.
    const asked = await machine.run(path, ['-I', '-c', question]);
    if (asked.code !== 0) {
      rejected.push({ program: path, why: `does not run (${asked.stderr.trim().split('\n').pop() || `exit code ${asked.code}`})` });
      continue;
    }
    const answer = JSON.parse(asked.stdout) as Answer;
    if (seen.has(answer.executable)) continue;
    seen.add(answer.executable);
    const why = await unusable(answer);
    if (why) {
      rejected.push({ program: answer.executable, why });
      continue;
    }
    const prefixes = [answer.prefix, answer.exec, prefixOf(answer.executable)];
    return {
      found: { version: answer.version, program: answer.executable, hostPaths: hostPathsOf(prefixes, machine.platform), programs: {} },
      rejected,
      packages: packagesOf.python,
    };
  }
  return { rejected, packages: packagesOf.python };
}

async function unusable({ version, minor, missing, prefix, executable }: Answer): Promise<string | undefined> {
  const [major, lesser] = minor;
  if (major !== 3 || lesser < oldestMinor) return `version ${version} is older than 3.${oldestMinor}`;
  if (missing.length > 0) return `its ${missing.join(', ')} ${missing.length === 1 ? 'module is' : 'modules are'} missing, so no environment with pip can be made`;
  if (!(await isReadable(join(prefix, 'lib'))) && !(await isReadable(prefix))) return `its folder ${prefix} is not readable by this user`;
  return (await isReadable(executable)) ? undefined : 'is not readable by this user';
}
