/** What the builders' scripts decide, with stand-ins for the package managers; the real ones build in test/flow. */
import { afterEach, describe, expect, test } from 'vitest';
import { hostBuilders } from '../../../../src/controlplane/catalog/host-builders.ts';
import { scriptStage, type ScriptStage } from '../../../support/build/script-stage.ts';

let stage: ScriptStage | undefined;
afterEach(() => stage?.close());

type Parts = NonNullable<Parameters<typeof scriptStage>[1]>;
function assemble(builder: string, parts: Parts, env: Record<string, string> = {}): { code: number; log: string } {
  stage?.close();
  stage = scriptStage(builder, parts);
  return stage.run('assemble', env);
}

/** Tells how it was called. */
const tell = (name: string, then = '') => `echo "${name} $*"; ${then}`;
/** `jar xf FILE META-INF/MANIFEST.MF`, where FILE is the manifest itself. */
const jar = 'mkdir -p META-INF && cp "$2" META-INF/MANIFEST.MF';
const java = { java: 'echo \'openjdk version "17.0.1"\' >&2', jar };
const runnable = 'Main-Class: a.Main';

test.each(hostBuilders.map(({ name }) => name))('%s: the usage names every variable that assemble explains', (name) => {
  stage = scriptStage(name);
  const { code, log } = stage.run('usage');
  expect(code).toBe(0);
  const text = hostBuilders.find((one) => one.name === name)?.scripts.assemble ?? '';
  const explained = text.split('\nset -e')[0]?.match(/\b[A-Z]+_[A-Z_0-9]+\b/g) ?? [];
  for (const variable of explained) expect(log).toContain(variable);
});

test.each(hostBuilders.map(({ name }) => name))('%s: save-artifacts gives one tar, whatever is there', (name) => {
  stage = scriptStage(name);
  stage.run('assemble');
  expect(stage.run('save-artifacts')).toMatchObject({ code: 0 });
});

describe('what is missing is told with its fix', () => {
  test.each<[builder: string, what: string, Parts, Record<string, string>, RegExp]>([
    ['nodejs', 'no source', { real: ['node'] }, {}, /neither a package\.json nor a server\.js.*context directory/],
    ['nodejs', 'a broken manifest', { real: ['node'], files: { 'package.json': '{' } }, {}, /package\.json is no JSON/],
    ['nodejs', 'no start script', { real: ['node'], programs: { npm: tell('npm') }, files: { 'package.json': '{}' } }, {}, /nothing tells how to start the application.*"start": "node server\.js"/],
    ['nodejs', 'a script that is not there', { real: ['node'], files: { 'package.json': '{"scripts":{"serve":"x"}}' } }, { NPM_RUN: 'web' }, /NPM_RUN names the script "web".*Scripts there: serve/],
    ['nodejs', 'a lock file that does not fit', { real: ['node'], programs: { npm: 'echo not in sync >&2; exit 1' }, files: { 'package.json': '{}', 'package-lock.json': '{}', 'server.js': '' } }, {}, /npm ci failed\. If it says that package\.json and the lock file are not in sync/],
    ['php', 'no Composer, and none to fetch', { files: { 'composer.json': '{}', 'index.php': '' }, programs: { php: 'exit 1' } }, {}, /asks for Composer, which is not on this machine.*COMPOSER_INSTALLER/],
    ['php', 'another document root', { files: { 'public/index.php': '' }, programs: { php: '' } }, {}, /set DOCUMENTROOT=\/public/],
    ['php', 'a document root that is not there', { files: { 'index.php': '' }, programs: { php: '' } }, { DOCUMENTROOT: '/web' }, /DOCUMENTROOT is \/web, and the source has no such folder/],
    ['ruby', 'no Bundler', { files: { Gemfile: '' }, programs: { ruby: 'exit 1' } }, {}, /asks for Bundler, which this Ruby does not have.*apt-get install -y bundler/],
    ['ruby', 'no config.ru', { files: { 'app.rb': '' }, programs: { ruby: '' } }, {}, /there is no config\.ru/],
    ['ruby', 'no server', { files: { 'config.ru': '' }, programs: { ruby: '' } }, {}, /neither puma nor rackup/],
    ['perl', 'no cpanm', { real: ['perl'], files: { cpanfile: "requires 'Nowhere::To::Be::Found';\n", 'app.psgi': 'sub {}' } }, {}, /asks for modules \(Nowhere::To::Be::Found ?\), and cpanm is not on this machine/],
    ['perl', 'several applications', { real: ['perl'], files: { 'a.psgi': 'sub {}', 'b.psgi': 'sub {}' } }, {}, /several \.psgi files.*PSGI_FILE/],
    ['perl', 'a broken application', { real: ['perl'], files: { 'app.psgi': 'use Nowhere; sub {}' } }, {}, /app\.psgi cannot be compiled/],
    ['perl', 'nothing to start', { real: ['perl'], files: { 'lib/A.pm': '' } }, {}, /neither a \.psgi file nor a script/],
    ['golang', 'no main package', { files: { 'go.mod': 'module x', 'a.go': 'package a' }, programs: { go: 'case $1 in env) echo go1.19.8;; list) ;; esac' } }, {}, /no main package/],
    ['golang', 'several main packages', { files: { 'go.mod': 'module x' }, programs: { go: 'case $1 in env) echo go1.19.8;; list) echo "$PWD/cmd/a"; echo "$PWD/cmd/b";; esac' } }, {}, /several main packages: \.\/cmd\/a \.\/cmd\/b\. Set INSTALL_URL/],
    ['golang', 'a failing build', { files: { 'go.mod': 'module x', 'main.go': 'package main' }, programs: { go: 'case $1 in env) echo go1.19.8;; *) exit 1;; esac' } }, {}, /go build failed\. If a module could not be fetched.*go mod tidy/],
    ['java', 'no Maven', { files: { 'pom.xml': '' }, programs: java }, {}, /asks for Maven, which is not on this machine/],
    ['java', 'no Gradle', { files: { 'build.gradle': '' }, programs: java }, {}, /no Gradle wrapper.*gradle wrapper/],
    ['java', 'nothing built', { files: { 'pom.xml': '' }, programs: { ...java, mvn: 'mkdir target' } }, {}, /made no jar in target/],
    ['java', 'several modules', { files: { 'pom.xml': '' }, programs: { ...java, mvn: '' } }, {}, /made no folder target\..*MAVEN_S2I_ARTIFACT_DIRS/],
    ['java', 'several jars', { files: { 'pom.xml': '' }, programs: { ...java, mvn: 'mkdir target; touch target/a.jar target/b.jar' } }, {}, /several jars: a\.jar b\.jar\. Set JAVA_APP_JAR/],
    ['java', 'a jar that starts nothing', { files: { 'app.jar': 'none' }, programs: java }, {}, /app\.jar does not say which class to start/],
    ['java', 'a newer Java', { files: { 'pom.xml': '' }, programs: { ...java, mvn: 'exit 1' } }, {}, /pom\.xml asks for a newer Java than this machine's \(17\.0\.1\)/],
    ['dotnet', 'no project', { files: { 'readme.md': '' }, programs: { dotnet: '' } }, {}, /no project file/],
    ['dotnet', 'several projects', { files: { 'web/Web.csproj': '', 'jobs/Jobs.fsproj': '' }, programs: { dotnet: '' } }, {}, /Set DOTNET_STARTUP_PROJECT to the one that is started: jobs\/Jobs\.fsproj web\/Web\.csproj/],
    ['dotnet', 'both ways at once', { files: { 'a.csproj': '' }, programs: { dotnet: '' } }, { DOTNET_STARTUP_PROJECT: '.', DOTNET_STARTUP_ASSEMBLY: 'a.dll' }, /are both set/],
    ['dotnet', 'an SDK that is not there', { files: { 'a.csproj': '', 'global.json': '{}' }, programs: { dotnet: 'case $1 in --list-sdks) echo "8.0.100 [/usr]";; *) exit 1;; esac' } }, {}, /global\.json asks for one that is not on this machine \(8\.0\.100 \)/],
    ['dotnet', 'another assembly name', { files: { 'a.csproj': '' }, programs: { dotnet: 'echo 8.0.100' } }, {}, /made no a\.dll.*DOTNET_ASSEMBLY_NAME/],
    ['static', 'no page', { files: { 'readme.md': '' } }, {}, /STATIC_ROOT/],
  ])('%s: %s', (builder, _, parts, env, text) => {
    const { code, log } = assemble(builder, parts, env);
    expect(log).toMatch(text);
    expect(code).not.toBe(0);
  });
});

describe('Node.js', () => {
  const npm = { npm: tell('npm', '[ "$1" != ci ] || { mkdir -p node_modules/a && echo 1 > node_modules/a/index.js; }') };
  const files = { 'package.json': '{"scripts":{"start":"node ./web.js"},"dependencies":{"a":"1"}}', 'package-lock.json': '{"lockfileVersion":3}', 'web.js': '' };

  test('another lock file is told, the build script and pruning are run', () => {
    const { log, code } = assemble('nodejs', { real: ['node'], programs: npm, files: { 'package.json': '{"scripts":{"build":"x","start":"y"},"devDependencies":{"d":"1"}}', 'yarn.lock': '' } });
    expect(log).toMatch(/WARNING: yarn\.lock is another package manager's lock file[^]*npm install[^]*npm run build[^]*npm prune/);
    expect(code).toBe(0);
    expect(stage?.read('etc/start.sh')).toMatch(/exec npm start\n$/);
  });

  test('the token reaches npm through its own variable, and no file', () => {
    const { log } = assemble('nodejs', { real: ['node'], programs: { npm: 'cat "$npm_config_userconfig"; echo "$npm_config_registry"' }, files: { 'package.json': '{"scripts":{"start":"y"}}' } }, { NPM_TOKEN: 'hush', NPM_MIRROR: 'https://me:word@npm.example.com/' });
    expect(log).toContain('//npm.example.com/:_authToken=${NPM_TOKEN}');
    expect(log).toContain('Using npm mirror https://npm.example.com/');
    expect(log).not.toContain('hush');
  });

  test('node_modules of the same lock file are taken from the cache; of another, of own steps, or without a cache they are made anew', () => {
    stage = scriptStage('nodejs', { real: ['node'], programs: npm, files });
    const env = { S2I_DEPENDENCY_CACHE: `${stage.root}/../../cache` };
    expect(stage.run('assemble', env).log).toContain('npm ci');
    const restored = scriptStage('nodejs', { real: ['node'], programs: npm, files });
    const second = restored.run('assemble', env);
    expect(second.log).toMatch(/Restoring node_modules of an earlier build/);
    expect(second.log).not.toContain('npm ci');
    expect(restored.read('src/node_modules/a/index.js')).toBe('1\n');
    restored.close();
    for (const changed of [{ 'package-lock.json': '{"lockfileVersion":2}' }, { 'package.json': '{"scripts":{"start":"x","postinstall":"y"}}' }, { '.npmrc': 'a=b' }] as Record<string, string>[]) {
      const other = scriptStage('nodejs', { real: ['node'], programs: npm, files: { ...files, ...changed } });
      expect(other.run('assemble', env).log).toContain('npm ci');
      other.close();
    }
  });
});

describe('Java', () => {
  test("Maven's arguments, settings and the proxy", () => {
    const programs = { ...java, mvn: tell('mvn', 'mkdir -p target; echo "Main-Class: a" > target/app.jar; touch target/app-sources.jar target/original-app.jar') };
    const { log, code } = assemble('java', { programs, files: { 'pom.xml': '' } }, { MAVEN_ARGS_APPEND: '-X', HTTPS_PROXY: 'http://proxy:3128/', NO_PROXY: 'a,b' });
    expect(code).toBe(0);
    expect(log).toMatch(/mvn --batch-mode -Dmaven\.repo\.local=\S+\/maven .*-Dhttps\.proxyHost=proxy -Dhttps\.proxyPort=3128 -Dhttp\.nonProxyHosts=a\|b .*-e -Popenshift -DskipTests package -X/);
    expect(stage?.read('etc/java-app-jar')).toBe('app.jar');
    const own = assemble('java', { programs, files: { 'pom.xml': '' } }, { MAVEN_ARGS: 'verify', MAVEN_MIRROR_URL: 'http://me:word@mirror/' });
    expect(own.log).toContain('Using Maven repository http://mirror/');
    expect(own.log).toMatch(/--settings \S+ verify/);
  });

  test('the wrapper of the source comes before Gradle, and is where Maven is missing', () => {
    const made = 'mkdir -p build/libs target; echo "Main-Class: a" > build/libs/app.jar; touch build/libs/app-plain.jar';
    const gradle = assemble('java', { programs: { ...java, gradle: 'exit 9' }, files: { 'build.gradle': '', gradlew: `#!/bin/sh\n${tell('wrapper', made)}\n` } });
    expect(gradle.log).toContain('wrapper --no-daemon --console=plain build -x test');
    expect(gradle.code).toBe(0);
    const behind = assemble('java', { programs: { ...java, gradle: tell('gradle', made) }, files: { 'build.gradle': '' } }, { http_proxy: 'http://me:word@proxy:3128', no_proxy: 'a,b' });
    expect(behind.log).toMatch(/gradle --no-daemon --console=plain -Dhttp\.proxyHost=proxy -Dhttp\.proxyPort=3128 .*-Dhttps\.proxyHost=proxy .*-Dhttp\.nonProxyHosts=a\|b build -x test/);
    const maven = assemble('java', { programs: java, files: { 'pom.xml': '', mvnw: `#!/bin/sh\n${tell('mvnw', 'mkdir target; echo "Main-Class: a" > target/app.jar')}\n` } });
    expect(maven.log).toContain('mvnw --batch-mode');
    expect(maven.code).toBe(0);
  });

  test('jars as they are; one of several by name or by class; what is started', () => {
    expect(assemble('java', { programs: java, files: { 'app.jar': runnable } }).code).toBe(0);
    expect(assemble('java', { programs: java, files: { 'deployments/a.jar': runnable, 'deployments/b.jar': '' } }, { JAVA_APP_JAR: 'a.jar' }).code).toBe(0);
    const started = { programs: { ...java, java: 'if [ "$1" = -version ]; then echo \'version "17"\' >&2; else echo "java $*"; fi' }, files: { 'deployments/a.jar': '', 'deployments/b.jar': '' } };
    expect(assemble('java', started, { JAVA_MAIN_CLASS: 'a.Main' }).code).toBe(0);
    expect(stage?.run('run', { JAVA_MAIN_CLASS: 'a.Main', JAVA_ARGS: '--port 1', JAVA_OPTS_APPEND: '-Dx=y', JAVA_DEBUG: 'true' }).log).toMatch(/java .*-agentlib:jdwp=\S+:5005 -Dx=y -cp \.:\S+ a\.Main --port 1/);
    expect(stage?.run('run', { JAVA_APP_JAR: 'b.jar', JAVA_OPTS: '-Xmx64m' }).log).toMatch(/java -Xmx64m -jar b\.jar/);
    expect(assemble('java', { programs: { ...java, mvn: 'mkdir -p target/quarkus-app/lib; touch target/quarkus-app/quarkus-run.jar target/quarkus-app/lib/a.jar' }, files: { 'pom.xml': '' } }).code).toBe(0);
    expect(stage?.exists('deployments/lib/a.jar')).toBe(true);
    expect(stage?.read('etc/java-app-jar')).toBe('quarkus-run.jar');
  });
});

describe('.NET', () => {
  const dotnet = `case $1 in
--version) echo 8.0.100;;
publish) echo "dotnet $*"; while [ "$1" != -o ]; do shift; done; touch "$2/Web.dll";;
*) echo "dotnet $*";; esac`;

  test('restores and publishes the project', () => {
    const { log, code } = assemble('dotnet', { programs: { dotnet }, files: { 'src/Web/Web.csproj': '', 'src/Web/obj/x': '' } }, { DOTNET_STARTUP_PROJECT: 'src/Web', DOTNET_RESTORE_SOURCES: 'http://a http://b', DOTNET_TOOLS: 'libman@2.1.0', DOTNET_TEST_PROJECTS: 'tests', DOTNET_CONFIGURATION: 'Debug' });
    expect(code).toBe(0);
    expect(log).toMatch(/tool install --global --version 2\.1\.0 libman\n[^]*dotnet restore tests[^]*dotnet test tests -c Debug[^]*dotnet restore src\/Web\/Web\.csproj --source http:\/\/a --source http:\/\/b\n[^]*dotnet publish src\/Web\/Web\.csproj -c Debug --no-self-contained --no-restore -o /);
    expect(stage?.exists('src/src/Web/obj')).toBe(false);
    expect(stage?.run('run', { PORT: '9000' }).log).toContain('dotnet Web.dll');
  });

  test('takes an application that is ready', () => {
    expect(assemble('dotnet', { programs: { dotnet }, files: { 'shop.runtimeconfig.json': '{}', 'shop.dll': '' } }).code).toBe(0);
    expect(stage?.read('etc/dotnet-assembly')).toBe('shop.dll');
    expect(stage?.exists('app/shop.dll')).toBe(true);
  });
});

describe('Go', () => {
  test('without modules the source lies at its import path', () => {
    const go = 'case $1 in env) echo go1.19.8;; build) echo "in $PWD module=$GO111MODULE go $*"; touch "$3";; esac';
    const { log, code } = assemble('golang', { programs: { go }, files: { 'main.go': 'package main', 'vendor/x/x.go': '' } }, { IMPORT_URL: 'example.com/team/app', GO_BUILD_ARGS: '-tags web' });
    expect(code).toBe(0);
    expect(log).toMatch(/in \S+\/go\/src\/example\.com\/team\/app module=off go build -o \S+\/gobinary -tags web example\.com\/team\/app/);
  });

  test('a go.mod that asks for more is told', () => {
    const go = 'case $1 in env) echo go1.19.8;; build) touch "$3";; esac';
    expect(assemble('golang', { programs: { go }, files: { 'main.go': 'package main', 'go.mod': 'module x\ngo 1.22\n' } }).log).toContain('WARNING: go.mod asks for Go 1.22 and this machine has go1.19.8');
    expect(assemble('golang', { programs: { go }, files: { 'main.go': 'package main', 'go.mod': 'module x\ngo 1.9\n' } }).log).not.toContain('WARNING');
  });
});

test('PHP: Composer of the source, with its mirror and arguments', () => {
  const { log, code } = assemble('php', { programs: { php: tell('php') }, artifacts: { 'vendor/a': '' }, files: { 'composer.json': '{}', 'composer.phar': '', 'index.php': '', 'php-post-assemble/a.sh': 'echo after' } }, { COMPOSER_MIRROR: 'http://me:word@mirror', COMPOSER_ARGS: '--no-dev' });
  expect(code).toBe(0);
  expect(log).toMatch(/Restoring vendor[^]*Using Composer repository http:\/\/mirror\n[^]*php composer\.phar config --global repositories\.packagist composer \S+\n[^]*secure-http false[^]*WARNING: there is no composer\.lock[^]*composer\.phar install .*--optimize-autoloader --no-dev\n[^]*after/);
});

test('Perl: modules by cpanm, from the mirror', () => {
  const { log, code } = assemble('perl', { real: ['perl'], programs: { cpanm: tell('cpanm') }, files: { cpanfile: "requires 'Plack';", 'app.psgi': 'sub {}' } }, { CPAN_MIRROR: 'http://mirror' });
  expect(code).toBe(0);
  expect(log).toContain('cpanm --notest --mirror http://mirror --mirror-only -l extlib --installdeps .');
  expect(stage?.read('etc/psgi')).toBe('app.psgi');
});
