/**
 * Every host builder whose toolchain Debian has: from source to URL, with dependencies from servers of this test, and again without asking them. .NET is not in Debian: its
 * scripts are tested with a stand-in of the program (test/unit/controlplane/catalog/scripts.test.ts).
 */
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startLanguageIndex, type LanguageIndex } from '../support/build/language-index.ts';
import { eventually, fetchRoute, Platform, type Result } from '../support/platform/platform.ts';

let platform: Platform;
let index: LanguageIndex;
const here = () => `http://host.slipway.internal:${index.port}`;
const urlOf = ({ stdout }: Result) => /^url (\S+)$/m.exec(stdout)?.[1] ?? '';

beforeAll(async () => {
  platform = new Platform();
  index = await startLanguageIndex(['rack', 'webrick', 'puma', 'nio4r']);
  await platform.up(['--runtime', 'sandbox']);
});
afterAll(async () => {
  await platform?.dispose();
  await index?.close();
});

/** A sample with files laid over, as the user's own folder. */
function sourceOf(app: string, files: Record<string, string> = {}): string {
  const folder = path.join(platform.user.home, app);
  cpSync(`test/fixtures/apps/${app}`, folder, { recursive: true });
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), text);
  }
  platform.user.own(folder);
  return folder;
}

async function create(folder: string, name: string, ...more: string[]): Promise<Result> {
  const created = await platform.run(['new-app', folder, '--name', name, ...more], { timeoutMs: 170_000 });
  if (created.code !== 0) throw new Error(`${created.stdout}${created.stderr}${await platform.kubectl(['logs', `${name}-1-build`]).then(({ stdout }) => stdout)}${platform.log()}`);
  return created;
}

const buildLog = (build: string) => platform.kube('logs', `${build}-build`);
const podLog = (name: string) => platform.kube('logs', '-l', `deploymentconfig=${name}`, '--tail=-1');

test('each builder is an image stream as OpenShift annotates them', async () => {
  type Streams = { items: { metadata: { name: string }; spec: { tags: { name: string; annotations: Record<string, string> }[] } }[] };
  const latest = await eventually('every builder', async () => {
    const { items } = await platform.json<Streams>('get', 'imagestreams', '-n', 'openshift');
    const found = Object.fromEntries(items.map(({ metadata, spec }) => [metadata.name, spec.tags.find(({ name }) => name === 'latest')?.annotations]));
    return ['golang', 'java', 'nodejs', 'perl', 'php', 'python', 'ruby', 'static'].every((name) => found[name]) ? found : undefined;
  });
  expect(latest.golang).toMatchObject({ tags: 'builder,golang', iconClass: 'icon-go-gopher', supports: expect.stringMatching(/^golang,golang:1\.\d+,go,go:1\.\d+$/), 'openshift.io/display-name': expect.stringMatching(/^Go 1\.\d+ \(latest\)$/), sampleRepo: expect.stringContaining('golang-ex') });
});

describe('PHP', () => {
  test('is served by Apache httpd and php-fpm, with the .htaccess of the source', async () => {
    const created = await create(sourceOf('php-hello'), 'php-hello', '--env', 'PHP_MEMORY_LIMIT=64M');
    expect(created.stdout).toMatch(/^builder php:latest \(PHP: index\.php\)$/m);
    const url = urlOf(created);
    expect((await fetchRoute(url)).body).toMatch(/^Hello from php-hello 1\.0\.0 on php-hello-1-\w+, memory 64M, server fpm-fcgi\n$/);
    expect(await fetchRoute(url, { path: '/healthz' })).toMatchObject({ status: 200, body: 'ok\n' });
    expect(await fetchRoute(url, { path: '/style.css' })).toMatchObject({ status: 200, headers: { 'content-type': 'text/css' } });
    expect((await fetchRoute(url, { path: '/.htaccess' })).status).toBe(403);
  });

  test("PHP's own server says what it is", async () => {
    const url = urlOf(await create(sourceOf('php-hello'), 'php-builtin', '--builder', 'php', '--env', 'PHP_BUILTIN_SERVER=true'));
    expect((await fetchRoute(url)).body).toContain('server cli-server');
    expect((await fetchRoute(url, { path: '/.htaccess' })).status).toBe(403);
    expect((await fetchRoute(url, { path: '/nope' })).status).toBe(404);
    expect(await podLog('php-builtin')).toContain("PHP's own development server");
  });
});

test('PHP with Composer: a package of the mirror; a second build asks for none', async () => {
  const files = {
    'composer.json': JSON.stringify({ name: 'example/hello', require: { 'example/words': '^1.0' } }),
    'index.php': '<?php\nrequire __DIR__ . "/vendor/autoload.php";\necho greeting() . " from composer on " . gethostname() . "\\n";\n',
  };
  const env = ['--env', `COMPOSER_MIRROR=${here()}/composer`];
  const source = sourceOf('php-hello', files);
  expect((await fetchRoute(urlOf(await create(source, 'composer', ...env)))).body).toMatch(/^Good day from composer on composer-1-\w+\n$/);
  const fetched = () => index.requests.filter((one) => one.endsWith('.tar'));
  expect(fetched()).toHaveLength(1);
  await create(source, 'composer-again', ...env);
  expect(fetched()).toHaveLength(1);
});

test('Ruby: gems of the lock file, then served by rackup; a second build asks for none', async () => {
  const { rack, webrick } = index.gems;
  const lock = `GEM\n  remote: https://rubygems.org/\n  specs:\n    rack (${rack})\n    webrick (${webrick})\n\nPLATFORMS\n  ruby\n\nDEPENDENCIES\n  rack (~> 2.2)\n  webrick\n\nBUNDLED WITH\n   2.3.0\n`;
  const source = sourceOf('ruby-hello', { 'Gemfile.lock': lock });
  const created = await create(source, 'ruby-hello', '--env', `RUBYGEM_MIRROR=${here()}/gems/`);
  expect((await fetchRoute(urlOf(created))).body).toMatch(/^Hello from ruby-hello 1\.0\.0 on ruby-hello-1-\w+, production\n$/);
  expect(await podLog('ruby-hello')).toContain('Serving with rackup (production)');
  const fetched = () => index.requests.filter((one) => one.endsWith('.gem'));
  expect(fetched()).toHaveLength(2);
  await create(source, 'ruby-again', '--env', `RUBYGEM_MIRROR=${here()}/gems/`);
  expect(fetched()).toHaveLength(2);
});

test('Ruby with puma among its gems is served by it', async () => {
  const { rack, puma, nio4r } = index.gems;
  const lock = `GEM\n  remote: https://rubygems.org/\n  specs:\n    nio4r (${nio4r})\n    puma (${puma})\n    rack (${rack})\n\nPLATFORMS\n  ruby\n\nDEPENDENCIES\n  nio4r\n  puma\n  rack (~> 2.2)\n\nBUNDLED WITH\n   2.3.0\n`;
  const source = sourceOf('ruby-hello', { Gemfile: "source 'https://rubygems.org'\n\ngem 'rack', '~> 2.2'\ngem 'puma'\ngem 'nio4r'\n", 'Gemfile.lock': lock });
  const created = await create(source, 'ruby-puma', '--env', `RUBYGEM_MIRROR=${here()}/gems/`);
  expect((await fetchRoute(urlOf(created))).body).toMatch(/^Hello from ruby-hello 1\.0\.0 on ruby-puma-1-\w+, production\n$/);
  expect(await podLog('ruby-puma')).toMatch(/Serving with puma \(production\)[^]*Puma starting in single mode/);
});

describe('Perl', () => {
  test("a PSGI application on the builder's own server, where Plack is not there", async () => {
    const created = await create(sourceOf('perl-hello'), 'perl-hello');
    expect(created.stdout).toMatch(/^builder perl:latest \(Perl: cpanfile, 5\.12 by cpanfile\)$/m);
    const url = urlOf(created);
    expect((await fetchRoute(url)).body).toMatch(/^Hello from perl-hello 1\.0\.0 on perl-hello-1-\w+\n$/);
    expect((await fetchRoute(url, { path: '/nope' })).status).toBe(404);
    expect((await fetchRoute(url, { method: 'HEAD' })).body).toBe('');
    expect(await podLog('perl-hello')).toMatch(/add Plack to the cpanfile|Serving app\.psgi with/);
  });

  test('scripts as CGI', async () => {
    const url = urlOf(await create(sourceOf('perl-cgi'), 'perl-cgi'));
    expect((await fetchRoute(url, { path: '/index.pl/a/b' })).body).toMatch(/^Hello from perl-cgi 1\.0\.0 on perl-cgi-1-\w+ GET \/a\/b \[\] \n$/);
    expect((await fetchRoute(url, { path: '/.s2i/environment' })).status).toBe(403);
  });
});

test('Go: a module with a dependency from the proxy; a second build asks for none', async () => {
  const main = readFileSync('test/fixtures/apps/go-hello/main.go', 'utf8').replace('"Hello from', 'words.Greeting()+" from').replace('"syscall"\n', '"syscall"\n\n\t"example.com/words"\n');
  const source = sourceOf('go-hello', { 'main.go': main, 'go.mod': 'module example.com/go-hello\n\ngo 1.18\n\nrequire example.com/words v1.0.0\n', 'go.sum': index.goSum });
  const env = ['--env', `GOPROXY=${here()}/go`, '--env', 'GONOSUMDB=*'];
  const created = await create(source, 'go-hello', ...env);
  expect((await fetchRoute(urlOf(created))).body).toMatch(/^Good day from go-hello 1\.0\.0 on go-hello-1-\w+\n$/);
  const fetched = () => index.requests.filter((one) => one.endsWith('.zip'));
  expect(fetched()).toHaveLength(1);
  await create(source, 'go-again', ...env);
  expect(fetched()).toHaveLength(1);
});

describe('Java', () => {
  test('Maven: plugins from the mirror; what runs is the one jar; a second build asks for none', async () => {
    const created = await create(sourceOf('java-hello'), 'java-hello', '--env', `MAVEN_MIRROR_URL=${here()}/maven/`);
    expect(created.stdout).toMatch(/^builder java:\w+ \(Java: pom\.xml, 11 by maven\.compiler\.release of pom\.xml\)$/m);
    expect((await fetchRoute(urlOf(created))).body).toMatch(/^Hello from java-hello 1\.0\.0 on java-hello-1-\w+\n$/);
    expect(await podLog('java-hello')).toContain('Starting java-hello-1.0.0.jar');
    const fetched = () => index.requests.filter((one) => one.endsWith('.jar'));
    const before = fetched().length;
    expect(before).toBeGreaterThan(10);
    await create(path.join(platform.user.home, 'java-hello'), 'java-again', '--env', `MAVEN_MIRROR_URL=${here()}/maven/`);
    expect(fetched()).toHaveLength(before);
  });

  test('Gradle: a library from a repository, a jar that holds it; a second build asks for none', async () => {
    const slf4j = readdirSync('/usr/share/maven-repo/org/slf4j/slf4j-api').find((name) => /^\d/.test(name)) ?? '';
    const env = ['--env', `LIBRARIES=${here()}/maven/`, '--env', `SLF4J_VERSION=${slf4j}`];
    const source = sourceOf('gradle-hello');
    const created = await create(source, 'gradle-hello', ...env);
    expect(created.stdout).toMatch(/^builder java:\w+ \(Java: build\.gradle, 11 by build\.gradle\)$/m);
    expect((await fetchRoute(urlOf(created))).body).toMatch(/^Hello from gradle-hello 1\.0\.0 on gradle-hello-1-\w+\n$/);
    expect(await podLog('gradle-hello')).toContain('Starting gradle-hello-1.0.0.jar');
    const fetched = () => index.requests.filter((one) => /slf4j-api-[^/]*\.jar$/.test(one));
    const before = fetched().length;
    expect(before).toBeGreaterThan(0);
    await create(source, 'gradle-again', ...env);
    expect(fetched()).toHaveLength(before);
  });

  test('a version that no toolchain here has is told before the build, and by it', async () => {
    const folder = sourceOf('java-hello');
    writeFileSync(path.join(folder, 'pom.xml'), readFileSync('test/fixtures/apps/java-hello/pom.xml', 'utf8').replace('<maven.compiler.release>11<', '<maven.compiler.release>99<'));
    const refused = await platform.run(['new-app', folder, '--name', 'java-future', '--env', `MAVEN_MIRROR_URL=${here()}/maven/`], { timeoutMs: 120_000 });
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/^warning: maven\.compiler\.release of pom\.xml asks for Java 99, and this machine has [\d.]+; the build may fail\./);
    expect(await buildLog('java-future-1')).toMatch(/pom\.xml asks for a newer Java than this machine's/);
  });
});

describe("a user's own builder", () => {
  const apply = (...where: string[]) => platform.kube('apply', '-f', path.resolve('test/fixtures/builder/notes.yaml'), ...where);
  const finished = (namespace: string) => eventually('the builder image', async () => {
    const { status } = await platform.json<{ status: { phase: string; message?: string } }>('get', 'build', 'notes-1', '-n', namespace);
    if (status.phase === 'Failed') throw new Error(`${status.message}\n${await platform.kube('logs', 'notes-1-build', '-n', namespace)}`);
    return status.phase === 'Complete' ? true : undefined;
  }, 60_000);
  const notes = () => {
    const folder = path.join(platform.user.home, 'notes');
    mkdirSync(folder, { recursive: true });
    writeFileSync(path.join(folder, 'shopping.txt'), 'bread & butter\n');
    platform.user.own(folder);
    return folder;
  };

  test('made in a project, it is offered there and nowhere else', async () => {
    await platform.kube('create', 'namespace', 'shop');
    await apply('-n', 'shop');
    await finished('shop');
    const created = await platform.run(['new-app', notes(), '--name', 'pages', '--builder', 'notes', '-n', 'shop'], { timeoutMs: 120_000 });
    expect(created.stderr + created.stdout).toContain('builder shop/notes:latest');
    expect(created.code, created.stdout + created.stderr).toBe(0);
    expect((await fetchRoute(urlOf(created), { path: '/shopping.html' })).body).toContain('bread & butter');
    const elsewhere = await platform.run(['new-app', notes(), '--builder', 'notes']);
    expect(elsewhere).toMatchObject({ code: 1, stderr: expect.stringContaining('There is no builder "notes"') });
  });

  test('in project openshift it is offered to all; a failing assemble is told as its author wrote it', async () => {
    await apply('-n', 'openshift');
    await finished('openshift');
    const created = await platform.run(['new-app', `notes~${notes()}`, '--name', 'pages'], { timeoutMs: 120_000 });
    expect(created.stdout).toContain('builder notes:latest');
    expect((await fetchRoute(urlOf(created))).body).toContain('<a href="shopping.html">shopping</a>');
    const empty = path.join(platform.user.home, 'empty');
    mkdirSync(empty);
    writeFileSync(path.join(empty, 'readme.md'), '');
    platform.user.own(empty);
    const failed = await platform.run(['new-app', empty, '--name', 'none', '--builder', 'notes'], { timeoutMs: 120_000 });
    expect(failed.code).toBe(1);
    expect(failed.stdout + failed.stderr).toContain('there is no text file (*.txt) in the source');
  });
});

test('a Dockerfile comes before all; --strategy source overrides it', async () => {
  const folder = sourceOf('node-noscript', { Dockerfile: 'FROM docker-registry.default.svc:5000/openshift/nodejs:latest\nCOPY service.js /opt/app-root/src/\nEXPOSE 8081\nCMD ["node", "service.js"]\n', 'package.json': '{"scripts":{"start":"node service.js"}}' });
  const created = await create(folder, 'docker');
  expect(created.stdout).toMatch(/^strategy docker \(Dockerfile: Dockerfile\)\nalso fits: --builder nodejs \(Node\.js: package\.json\)\n/);
  expect((await fetchRoute(urlOf(created))).body).toContain('Hello from node-noscript');
  expect(await platform.json('get', 'bc', 'docker')).toMatchObject({ spec: { strategy: { type: 'Docker', dockerStrategy: {} } } });
  expect((await create(folder, 'source', '--strategy', 'source')).stdout).toMatch(/^builder nodejs:latest \(Node\.js: package\.json\)\nalso fits: --strategy docker \(Dockerfile: Dockerfile\)\n/);
  expect((await platform.run(['new-app', sourceOf('static-hello'), '--strategy', 'docker'])).stderr).toContain('has no Dockerfile at its top');
});
