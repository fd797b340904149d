import { realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isReadable, type Machine } from './command.ts';
import { packagesOf } from './install-hint.ts';
import { compareVersions } from './node-runtime.ts';
import { programsAt } from './places.ts';
import { ask, hostPathsOf, judgeAll, type Search, type Verdict } from './search.ts';

const oldest = '8';
const places = ['/usr/lib/jvm/*/bin', '~/.sdkman/candidates/java/current/bin', '~/.sdkman/candidates/java/*/bin', '~/.jenv/versions/*/bin', '~/.jdks/*/bin', '~/.asdf/installs/java/*/bin', '~/.local/share/mise/installs/java/*/bin', '/Library/Java/JavaVirtualMachines/*/Contents/Home/bin', '/opt/homebrew/opt/openjdk/bin'];
const tools = {
  mvn: ['~/.sdkman/candidates/maven/current/bin', '/opt/maven/bin', '/opt/apache-maven*/bin', '/opt/homebrew/bin'],
  gradle: ['~/.sdkman/candidates/gradle/current/bin', '/opt/gradle*/bin', '/opt/homebrew/bin'],
} as const;

/** A JDK, those that `JAVA_HOME` and the path name first; with it Maven and Gradle where they are there. */
export async function findJava(machine: Machine): Promise<Search> {
  const found = Object.fromEntries(await Promise.all(Object.entries(tools).map(async ([name, where]) => [name, await toolOf(machine, name, where)] as const)));
  const prefixes = Object.values(found).flatMap((program) => (program === undefined ? [] : [dirname(dirname(program))]));
  const programs = Object.fromEntries(Object.entries(found).flatMap(([name, program]) => (program === undefined ? [] : [[name, program]])));
  return judgeAll(await programsAt(machine, ['java'], places, ['$JAVA_HOME/bin']), packagesOf.java, async (path): Promise<Verdict> => {
    const answer = await ask(machine, path, ['-XshowSettings:properties', '-version'], ({ stdout, stderr }) => {
      const property = (name: string) => new RegExp(`^\\s*${name.replaceAll('.', '\\.')} = (.+)$`, 'm').exec(stderr + stdout)?.[1]?.trim();
      const [home, version] = [property('java.home'), property('java.version')];
      return home && version ? { home, version } : undefined;
    });
    if ('why' in answer) return answer;
    // Before 9 the property named the `jre` folder inside the JDK.
    const told = await realpath(answer.home).catch(() => answer.home);
    const home = /[\\/]jre$/.test(told) && (await isReadable(join(dirname(told), 'bin/javac'))) ? dirname(told) : told;
    const program = join(home, 'bin/java');
    // `1.8.0_392` is how 8 told its version.
    const version = answer.version.replace(/^1\./, '').replace(/_.*$/, '');
    if (compareVersions(version, oldest) < 0) return { why: `version ${answer.version} is older than ${oldest}`, program };
    if (!(await isReadable(home))) return { why: `its folder ${home} is not readable by this user`, program };
    if (!(await isReadable(join(home, 'bin/javac'))) && !(await isReadable(join(home, 'bin/javac.exe')))) return { why: 'has no compiler: it is a JRE, a JDK is needed', program };
    return { version, program, hostPaths: hostPathsOf([home, ...prefixes], machine.platform), programs };
  });
}

/** `…/bin/mvn` behind links; its folder's parent is what it needs. */
async function toolOf(machine: Machine, name: string, where: readonly string[]): Promise<string | undefined> {
  const [path] = await programsAt(machine, [name], where);
  if (path === undefined) return undefined;
  const real = await realpath(path);
  // A shim of a version manager is a script of another name's, in a folder that holds no distribution.
  return dirname(real).endsWith('bin') && (await isReadable(join(dirname(dirname(real)), 'lib'))) ? real : undefined;
}
