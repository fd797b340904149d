import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { thisMachine, type Machine } from '../../../src/detect/command.ts';
import { installLine, packageManagerOf, packagesOf } from '../../../src/detect/install-hint.ts';
import { compareVersions, detectNodeRuntimes } from '../../../src/detect/node-runtime.ts';
import { hostPathsOf, prefixOf } from '../../../src/detect/search.ts';
import { detectToolchains, type Toolchain } from '../../../src/detect/toolchain.ts';

describe('toolchains found through shims', () => {
  let folder: string;
  beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), 'slipway-toolchain-'))));
  afterEach(() => rm(folder, { recursive: true }));

  const program = async (path: string, script: string): Promise<string> => {
    const at = join(folder, path);
    await mkdir(dirname(at), { recursive: true });
    await writeFile(at, `#!/bin/sh\n${script}\n`);
    await chmod(at, 0o755);
    return at;
  };
  const machine = (...path: string[]): Machine => ({ ...thisMachine, platform: 'linux', env: { PATH: path.map((one) => join(folder, one)).join(':') } });
  const found = async (on: Machine, builder: string): Promise<Toolchain> => (await detectToolchains(on)).find((one) => one.builder === builder) as Toolchain;

  test('Node: the version manager\'s shim leads to the real prefix, with its npm', async () => {
    const real = await program('versions/22.1.0/bin/node', 'exit 9');
    await program('versions/22.1.0/lib/node_modules/npm/bin/npm-cli.js', '');
    await program('shims/node', `echo '["${real}","22.1.0"]'`);
    expect((await found(machine('shims'), 'nodejs')).found).toEqual({
      version: '22.1.0', program: real, hostPaths: [join(folder, 'versions/22.1.0')], programs: { npm: join(folder, 'versions/22.1.0/lib/node_modules/npm/bin/npm-cli.js') },
    });
  });

  test('Node without npm is passed over for one that has it; the static builder does not mind', async () => {
    const bare = await program('bare/bin/node', '');
    await program('bare/bin/node', `echo '["${bare}","24.0.0"]'`);
    const whole = await program('whole/bin/node', '');
    await program('whole/bin/node', `echo '["${whole}","20.0.0"]'`);
    await program('whole/lib/node_modules/npm/bin/npm-cli.js', '');
    const on = machine('bare/bin', 'whole/bin');
    expect((await found(on, 'nodejs')).found?.program).toBe(whole);
    const alone = await found(machine('bare/bin'), 'nodejs');
    expect(alone.missing?.why).toContain('npm is missing');
    expect((await found(machine('bare/bin'), 'static')).found?.program).toBe(bare);
  });

  test('what does not work is told with its reason, and the line that brings it', async () => {
    await program('bin/node', 'echo broken >&2; exit 3');
    await program('bin/python3', `echo '${JSON.stringify({ version: '3.11.2', prefix: '/usr', exec: '/usr', minor: [3, 11], missing: ['ensurepip'], executable: '/usr/bin/python3.11' })}'`);
    expect((await found(machine('bin'), 'nodejs')).missing).toMatchObject({ why: expect.stringContaining('does not run (broken)') as string, install: expect.stringMatching(/nodejs|node/) as string });
    expect((await found(machine('bin'), 'python')).missing?.why).toContain('its ensurepip module is missing');
    expect((await found(machine('none'), 'python')).missing?.why).toBe('python3 is not on this machine');
  });

  test('Python: an environment on the path leads to its base', async () => {
    const real = await program('opt/py/bin/python3.12', '');
    await program('venv/bin/python3', `echo '${JSON.stringify({ version: '3.12.1', prefix: join(folder, 'opt/py'), exec: join(folder, 'opt/py'), minor: [3, 12], missing: [], executable: real })}'`);
    expect((await found(machine('venv/bin'), 'python')).found).toMatchObject({ program: real, hostPaths: [join(folder, 'opt/py')] });
  });

  const at = (...parts: string[]) => join(folder, ...parts);
  /** Answers only what is meant for it: a version manager's shim and a program of the machine would answer otherwise. */
  const home = (...path: string[]): Machine => ({ ...machine(...path), env: { PATH: path.map((one) => at(one)).join(':'), HOME: folder } });

  test('version managers are looked into where a shell\'s path is missing; every version once, newest first, unfit ones with their reason', async () => {
    for (const version of ['20.1.0', '22.3.0', '9.0.0']) {
      const node = await program(`.nvm/versions/node/v${version}/bin/node`, '');
      await program(`.nvm/versions/node/v${version}/bin/node`, `echo '["${node}","${version}"]'`);
      await program(`.nvm/versions/node/v${version}/lib/node_modules/npm/bin/npm-cli.js`, '');
    }
    const nodes = await found(home('none'), 'nodejs');
    expect(nodes.found).toMatchObject({ version: '22.3.0', hostPaths: [at('.nvm/versions/node/v22.3.0')] });
    expect(nodes.others.map(({ version }) => version)).toEqual(['20.1.0']);
    expect(nodes.rejected).toEqual([{ program: at('.nvm/versions/node/v9.0.0/bin/node'), why: 'version 9.0.0 is older than 16' }]);
  });

  test('Ruby: rbenv\'s shim leads to its prefix, gems of the system come along', async () => {
    const real = await program('.rbenv/versions/3.3.1/bin/ruby', '');
    await mkdir(at('gems'));
    await program('.rbenv/shims/ruby', `echo '${JSON.stringify({ version: '3.3.1', program: real, prefix: at('.rbenv/versions/3.3.1'), gems: [at('gems')] })}'`);
    expect((await found(home('.rbenv/shims'), 'ruby')).found).toEqual({ version: '3.3.1', program: real, hostPaths: [at('.rbenv/versions/3.3.1'), at('gems')], programs: {} });
  });

  test('Go: what GOROOT says, without fetching another', async () => {
    const real = await program('sdk/go1.22.1/bin/go', '');
    await program('sdk/go1.22.1/bin/go', `[ "$GOTOOLCHAIN" = local ] && echo '{"GOROOT":"${at('sdk/go1.22.1')}","GOVERSION":"go1.22.1"}'`);
    expect((await found(home('none'), 'golang')).others.concat((await found(home('none'), 'golang')).found ?? [])).toContainEqual({ version: '1.22.1', program: real, hostPaths: [at('sdk/go1.22.1')], programs: {} });
  });

  test('Java: JAVA_HOME first, a JRE is told as such, sdkman\'s Maven comes along', async () => {
    const properties = (path: string, version: string) => `cat >&2 <<'TEXT'\n    java.home = ${at(path)}\n    java.version = ${version}\nTEXT`;
    const jdk = await program('jdk/bin/java', properties('jdk', '21.0.2'));
    await program('jdk/bin/javac', '');
    await program('jre/bin/java', properties('jre', '1.8.0_392'));
    const mvn = await program('.sdkman/candidates/maven/current/bin/mvn', '');
    await mkdir(at('.sdkman/candidates/maven/current/lib'));
    const on = home('jre/bin');
    const java = await found({ ...on, env: { ...on.env, JAVA_HOME: at('jdk') } }, 'java');
    expect(java.found).toEqual({ version: '21.0.2', program: jdk, hostPaths: [at('.sdkman/candidates/maven/current'), at('jdk')], programs: { mvn } });
    expect(java.rejected).toContainEqual({ program: at('jre/bin/java'), why: 'has no compiler: it is a JRE, a JDK is needed' });
  });

  test('.NET: the newest SDK of its folder; runtimes alone are told', async () => {
    const dotnet = await program('.dotnet/dotnet', "echo '6.0.400 [/x/sdk]'; echo '8.0.100-rc.1 [/x/sdk]'");
    expect((await found(home('none'), 'dotnet')).found).toEqual({ version: '8.0.100', program: dotnet, hostPaths: [at('.dotnet')], programs: {} });
    await program('.dotnet/dotnet', '');
    expect((await found(home('none'), 'dotnet')).missing).toEqual({ why: `${dotnet}: has runtimes and no SDK`, install: expect.stringMatching(/dotnet/) as string });
  });

  test('PHP: php-fpm of another version serves nothing', async () => {
    const php = await program('opt/php/bin/php', '');
    await program('opt/php/bin/php', `echo '${JSON.stringify({ version: '9.3.1', binary: php })}'`);
    const fpm = await program('opt/php/sbin/php-fpm', 'echo "PHP 9.2.0 (fpm-fcgi)"');
    const composer = await program('opt/php/bin/composer', '');
    const httpd = await program('opt/bin/httpd', '');
    const on = home('opt/php/bin', 'opt/bin');
    expect((await found(on, 'php')).found).toMatchObject({ version: '9.3.1', hostPaths: [at('opt/php')], programs: { composer } });
    expect((await found(on, 'php')).found?.programs['php-fpm']).toBeUndefined();
    await program('opt/php/sbin/php-fpm', 'echo "PHP 9.3.1 (fpm-fcgi)"');
    expect((await found(on, 'php')).found?.programs).toMatchObject({ 'php-fpm': fpm, httpd: expect.stringMatching(/apache2$|httpd$/) as string });
    expect(httpd).toBeDefined();
  });

  test('Perl: its own cpanm and plackup', async () => {
    const perl = await program('.plenv/versions/5.38.0/bin/perl', `printf '5.38.0\\n${at('.plenv/versions/5.38.0/bin/perl')}\\n${at('.plenv/versions/5.38.0')}\\n'`);
    const cpanm = await program('.plenv/versions/5.38.0/bin/cpanm', '');
    const perls = await found(home('none'), 'perl');
    expect(perls.found).toMatchObject({ version: '5.38.0', program: perl, programs: { cpanm } });
  });

  test('Node runtimes: each once, newest first', async () => {
    const node = await program('a/node', '');
    await program('a/node', `echo '["${node}","20.1.0",false]'`);
    await mkdir(join(folder, 'b'));
    await symlink(node, join(folder, 'b/node'));
    expect(await detectNodeRuntimes(machine('a', 'b'))).toEqual([{ program: node, version: '20.1.0', suitable: false }]);
  });
});

test('this machine has what the tests need', async () => {
  const toolchains = await detectToolchains();
  expect(toolchains.map(({ builder, found }) => [builder, found !== undefined])).toEqual([['nodejs', true], ['static', true], ['python', true], ['php', true], ['ruby', true], ['perl', true], ['golang', true], ['java', true], ['dotnet', expect.any(Boolean)]]);
});

test.each([
  [['/usr/lib/python3', '/usr'], []],
  [['/home/a/.nvm/v22', '/home/a/.nvm/v22/lib'], ['/home/a/.nvm/v22']],
  [['/opt/b', '/opt/a', '/opt/b'], ['/opt/a', '/opt/b']],
])('%j needs %j', (prefixes, paths) => {
  expect(hostPathsOf(prefixes, 'linux')).toEqual(paths);
});

test('a program outside a bin folder is taken with its own folder', () => {
  expect(['/opt/node/bin/node', '/srv/node'].map(prefixOf)).toEqual(['/opt/node', '/srv']);
});

test.each<[NodeJS.Platform, string, string]>([
  ['linux', 'ID=ubuntu\nID_LIKE=debian', 'sudo apt-get install -y nodejs npm'],
  ['linux', 'ID="rocky"\nID_LIKE="rhel centos fedora"', 'sudo dnf install -y nodejs npm'],
  ['linux', 'ID=opensuse-tumbleweed', 'sudo zypper install -y nodejs npm'],
  ['linux', '', 'sudo apt-get install -y nodejs npm'],
  ['darwin', '', 'brew install node'],
  ['win32', '', 'winget install --id OpenJS.NodeJS.LTS --exact'],
])('%s %j installs with: %s', (platform, osRelease, line) => {
  expect(installLine(packageManagerOf(platform, osRelease), packagesOf.nodejs)).toBe(line);
});

test.each([['22.15.0', '22.4.1', 1], ['v22.15.0', '22.15.0', 0], ['20.20.2', '22.0.0-rc.1', -1]])('%s against %s', (a, b, sign) => {
  expect(Math.sign(compareVersions(a, b))).toBe(sign);
});
