import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CommonBuildSpec } from '../../../src/api/kinds/build.ts';
import { buildMachine, registryName, tarOf, type BuildMachine } from '../../support/build/build-machine.ts';
import { startGitServer } from '../../support/build/git-server.ts';
import { startPackageIndex, zipOf, type PackageIndex } from '../../support/build/package-index.ts';

const apps = 'test/fixtures/apps';
const shell = '#!/bin/sh\n';

describe('Source-to-Image', () => {
  let machine: BuildMachine;
  let index: PackageIndex;
  let nodejs: string;

  beforeAll(async () => {
    machine = await buildMachine();
    index = await startPackageIndex(['node_modules/ms']);
    nodejs = await machine.publish('nodejs');
  });
  afterAll(async () => {
    await index.close();
    await machine.close();
  });

  const strategy = (env: Record<string, string> = {}, builder = nodejs): CommonBuildSpec['strategy'] => ({
    type: 'Source',
    sourceStrategy: { from: { kind: 'DockerImage', name: builder }, env: Object.entries({ NPM_MIRROR: index.npm, PIP_INDEX_URL: index.pip, ...env }).map(([name, value]) => ({ name, value })) },
  });
  /** A Node application of these files. */
  const files = (more: Record<string, string>) => Readable.from(zipOf({ 'server.js': 'setInterval(() => 0, 1000)', ...more }));
  /** A builder of the source's own making on top of ours: `assemble` is this script. */
  const scripted = async (assemble: string, more: Record<string, string> = {}) => tarOf(`${apps}/node-noscript`, { '.s2i/bin/assemble': shell + assemble, ...more });
  const leftovers = () => readdirSync(machine.folder).filter((name) => name.startsWith('work-')).flatMap((name) => readdirSync(join(machine.folder, name)).filter((one) => one.startsWith('build-')));

  test('builds the Node sample from its lock file, as an unprivileged user', async () => {
    const done = await machine.build({ name: 'hello-1', builder: nodejs, input: await tarOf(`${apps}/node-hello`, { 'debug.log': 'left out', 'node_modules/ms/index.js': 'left out' }), spec: { strategy: strategy() } });
    expect(done.log).toContain('npm ci');
    expect(done.code).toBe(0);
    expect(done.steps.map(({ step, state }) => `${step} ${state}`)).toEqual(['SourceFetched done', 'BuilderStarted done', 'Assemble done', 'ImageCommitted done', 'ImagePushed done']);
    const { config, digest, manifest } = await machine.image('demo/app');
    expect(done.termination.imageDigest).toBe(digest);
    expect(done.termination.stages.map(({ name }) => name)).toEqual(['FetchInputs', 'PullImages', 'Build', 'PushImage']);
    expect(manifest.layers).toHaveLength(2);
    expect(config.config).toMatchObject({ Cmd: ['/opt/s2i/run'], User: '1001', WorkingDir: '/opt/app-root/src', ExposedPorts: { '8080/tcp': {} } });
    expect(config.config?.Env).toEqual(expect.arrayContaining(['OPENSHIFT_BUILD_NAME=hello-1', 'OPENSHIFT_BUILD_NAMESPACE=demo', `NPM_MIRROR=${index.npm}`]));
    expect(config.config?.Labels).toMatchObject({ 'io.openshift.build.name': 'hello-1', 'io.openshift.build.image': nodejs, 'io.k8s.display-name': 'demo/app:latest', 'slipway.dev/base': 'host', 'io.openshift.s2i.scripts-url': 'image:///opt/s2i' });
    const layer = await machine.topLayer('demo/app');
    expect([...layer.keys()]).toEqual(expect.arrayContaining(['opt/app-root/src/server.js', 'opt/app-root/src/node_modules/ms/package.json']));
    expect([...layer.keys()].filter((name) => !/^opt(\/app-root(\/|$)|$)/.test(name))).toEqual([]);
    expect(layer.has('opt/app-root/src/debug.log')).toBe(false);
    expect(layer.get('opt/app-root/src/node_modules/ms/index.js')).toContain('module.exports');
    expect(layer.get('opt/app-root/etc/start.sh')).toContain('exec node server.js');
  });

  test('builds the Python sample', async () => {
    const python = await machine.publish('python');
    const done = await machine.build({ builder: python, input: await tarOf(`${apps}/python-hello`), spec: { strategy: strategy({}, python) } });
    expect(done.log).toContain('Successfully installed inflection-0.5.1');
    expect(done.code).toBe(0);
    const layer = await machine.topLayer('demo/app');
    expect([...layer.keys()].some((name) => /^opt\/app-root\/lib\/python3\.\d+\/site-packages\/inflection\.py$/.test(name))).toBe(true);
    expect([...layer.keys()].some((name) => name.includes('site-packages/pip/'))).toBe(false);
  });

  test('builds the static sample', async () => {
    const builder = await machine.publish('static');
    const done = await machine.build({ builder, input: await tarOf(`${apps}/static-hello`), spec: { strategy: strategy({}, builder) } });
    expect(done.code).toBe(0);
    expect((await machine.topLayer('demo/app')).get('opt/app-root/etc/static-root')).toBe('public');
  });

  test('a failing assemble leaves its exit code and last lines, and no image', async () => {
    const before = await machine.client.resolve('demo/app', 'latest');
    const done = await machine.build({ builder: nodejs, input: await tarOf(`${apps}/broken-node`), spec: { strategy: strategy() } });
    expect(done).toMatchObject({ code: 1, termination: { reason: 'AssembleFailed', message: 'Assemble script failed: exit code 3.' } });
    expect(done.termination.logSnippet).toContain('the sources are broken on purpose');
    expect(done.steps.at(-1)).toMatchObject({ step: 'Assemble', state: 'failed' });
    expect(await machine.client.resolve('demo/app', 'latest')).toBe(before);
    expect(leftovers()).toEqual([]);
  });

  test('an application without a start command is told how to name one', async () => {
    const done = await machine.build({ builder: nodejs, input: await tarOf(`${apps}/node-noscript`), spec: { strategy: strategy() } });
    expect(done.code).toBe(1);
    expect(done.termination.logSnippet).toMatch(/nothing tells how to start the application.*"start": "node server.js"/);
    const named = await machine.build({ builder: nodejs, input: await tarOf(`${apps}/node-noscript`), spec: { strategy: strategy({ NODE_CMD: 'node service.js' }) } });
    expect(named.code).toBe(0);
  });

  test('assemble sees its image, no power, and nothing of this machine', async () => {
    writeFileSync(join(machine.folder, 'secret-of-the-host'), 'x');
    const done = await machine.build({
      builder: nodejs, spec: { strategy: strategy() },
      input: await scripted(`id -u; id -g; grep -E '^(CapEff|CapPrm|NoNewPrivs)' /proc/self/status
ls -d /build /var/run/secrets ${machine.folder} /home/* 2>&1 | grep -v 'No such' ; ls / ; ls /proc | grep -c '^[0-9]'
touch /usr/x /opt/s2i/x 2>&1; mount -t tmpfs t /mnt 2>&1; cat /proc/1/environ 2>&1
unshare -r chroot /tmp ls .. 2>&1; hostname
env | grep -E 'BUILD=|SLIPWAY' ; false`),
    });
    expect(done.log).toMatch(/1001\n0\nCapPrm:\s0+\nCapEff:\s0+\nNoNewPrivs:\s1\n/);
    expect(done.log).not.toContain('secret-of-the-host');
    expect(done.log).not.toContain(machine.folder);
    expect(done.log).toContain("touch: cannot touch '/usr/x': Read-only file system");
    expect(done.log).toMatch(/mount: .*(permission denied|must be superuser)/);
    expect(done.log).not.toMatch(/^(BUILD|SLIPWAY)/m);
  });

  test("the source's own scripts, environment and labels", async () => {
    const done = await machine.build({
      builder: nodejs, spec: { strategy: strategy({ FROM_CONFIG: 'config' }), output: { to: { kind: 'DockerImage', name: `${registryName}/demo/own:v1` }, imageLabels: [{ name: 'team', value: 'configured' }] } },
      input: await scripted(`"$STI_SCRIPTS_PATH/assemble" || exit 1
mkdir -p /tmp/.s2i && echo '{"labels":[{"team":"written"},{"tier":"web"}]}' > /tmp/.s2i/image_metadata.json
rm /opt/s2i/usage; echo "$FROM_FILE $FROM_CONFIG" > /opt/app-root/src/seen`, {
        '.s2i/bin/run': `${shell}exec node service.js`, '.s2i/bin/helper': shell,
        '.s2i/environment': '# build\nFROM_FILE = file \nFROM_CONFIG=file\nNODE_CMD=node service.js\n',
      }),
    });
    expect(done.code).toBe(0);
    const { config } = await machine.image('demo/own', 'v1');
    expect(config.config).toMatchObject({ Cmd: ['/opt/s2i/source/run'], Labels: { team: 'configured', tier: 'web' } });
    expect(config.config?.Env).toEqual(expect.arrayContaining(['FROM_FILE=file', 'FROM_CONFIG=config']));
    const layer = await machine.topLayer('demo/own', 'v1');
    expect(layer.get('opt/s2i/source/run')).toContain('service.js');
    expect(layer.has('opt/s2i/.wh.usage')).toBe(true);
    expect(layer.get('opt/app-root/src/seen')).toBe('file config\n');
    expect(layer.has('opt/app-root/src/.s2i/bin/helper')).toBe(true);
    expect(layer.has('opt/app-root/src/.s2i/bin/assemble')).toBe(false);
  });

  test('secrets reach assemble and not the image; config maps stay', async () => {
    const mounts = join(machine.folder, 'mounts');
    for (const [folder, name, text] of [['secrets', 'token', 'hush'], ['configs', 'settings', 'loud']] as const) {
      const at = join(mounts, 'var/run', folder, 'openshift.io/build/inputs');
      mkdirSync(at, { recursive: true });
      writeFileSync(join(at, name), text);
    }
    const done = await machine.build({
      builder: nodejs,
      spec: { strategy: strategy(), source: { type: 'Binary', binary: {}, secrets: [{ secret: { name: 'inputs' }, destinationDir: 'private' }], configMaps: [{ configMap: { name: 'inputs' }, destinationDir: '/opt/app-root/etc' }] } },
      input: await scripted('cd /opt/app-root/src; echo "got $(cat private/token)"; cp -R /tmp/src/. .; ln -s /etc/hostname private/link'),
    });
    expect(done.log).toContain('got hush');
    expect(done.code).toBe(0);
    const layer = await machine.topLayer('demo/app');
    expect(layer.get('opt/app-root/src/private/token')).toBe('');
    expect(layer.get('opt/app-root/etc/settings')).toBe('loud');
  });

  test('post-commit hooks decide, and leave nothing behind', async () => {
    const build = (script: string, repository: string) => machine.build({
      builder: nodejs, input: files({}), spec: { strategy: strategy(), output: { to: { kind: 'DockerImage', name: `${registryName}/demo/${repository}:latest` } }, postCommit: { script, args: ['one'] } },
    });
    const good = await build('test -f server.js && touch left && echo "hook $1 in $PWD"', 'hooked');
    expect(good.log).toContain('hook one in /opt/app-root/src');
    expect(good.code).toBe(0);
    expect(good.termination.stages.map(({ name }) => name)).toContain('PostCommit');
    expect((await machine.topLayer('demo/hooked')).has('opt/app-root/src/left')).toBe(false);
    const bad = await build('exit 9', 'refused');
    expect(bad).toMatchObject({ code: 1, termination: { reason: 'PostCommitHookFailed', message: 'Build failed because of post commit hook: exit code 9.' } });
    expect(await machine.client.resolve('demo/refused', 'latest')).toBeUndefined();
  });

  test('cancelled in the middle of assemble, it ends at once and cleans up', async () => {
    const done = await machine.build({
      builder: nodejs, spec: { strategy: strategy() }, input: await scripted('echo waiting; sleep 600 & sleep 600'),
      on: { line: /^waiting$/m, run: (child) => void child.kill('SIGTERM') },
    });
    expect(done).toMatchObject({ code: 1, termination: { reason: 'CancelledBuild' } });
    expect(done.milliseconds).toBeLessThan(30_000);
    expect(leftovers()).toEqual([]);
    expect(execFileSync('ps', ['-eo', 'args'], { encoding: 'utf8' })).not.toContain('sleep 600');
  });

  test.each([['no-overlay'], ['plain']] as const)('%s: the same application comes out', async (mode) => {
    const spec = { strategy: strategy(), output: { to: { kind: 'DockerImage', name: `${registryName}/demo/${mode}:latest` } } };
    const done = await machine.build({ builder: nodejs, input: await tarOf(`${apps}/node-hello`), spec, mode });
    expect(done.log).toContain('Build completed');
    expect(done.code).toBe(0);
    const layer = await machine.topLayer(`demo/${mode}`);
    expect([...layer.keys()].filter((name) => /^(tmp|proc|dev|usr|etc|build)/.test(name))).toEqual([]);
    expect(layer.get('opt/app-root/src/node_modules/ms/index.js')).toContain('module.exports');
    expect(layer.get('opt/app-root/src/server.js')).toContain('node-hello');
    expect([...layer.values()].join('\n')).not.toContain(machine.folder);
  });

  test('builds from a single file, and says what an upload is not', async () => {
    const single = await machine.build({ builder: nodejs, input: Readable.from(['console.log(1)']), spec: { strategy: strategy(), source: { type: 'Binary', binary: { asFile: 'server.js' } } } });
    expect(single.code).toBe(0);
    const rubbish = await machine.build({ builder: nodejs, input: Readable.from(['console.log(1)'.repeat(100)]), spec: { strategy: strategy() } });
    expect(rubbish).toMatchObject({ code: 1, termination: { reason: 'FetchSourceFailed' } });
    expect(rubbish.termination.message).toMatch(/neither tar nor zip/);
    const nothing = await machine.build({ builder: nodejs, spec: { strategy: strategy() } });
    expect(nothing.termination.message).toMatch(/upload is empty/);
  });

  test('a builder that cannot be pulled, and one that is none', async () => {
    const absent = await machine.build({ builder: `${registryName}/openshift/nowhere:latest`, input: files({}) });
    expect(absent).toMatchObject({ code: 1, termination: { reason: 'PullBuilderImageFailed' } });
    const plain = await machine.build({ builder: nodejs, input: files({}), spec: { strategy: { type: 'Source', sourceStrategy: { from: { name: nodejs }, scripts: 'image:///nowhere' } } } });
    expect(plain).toMatchObject({ code: 1, termination: { reason: 'FetchScriptsFailed' } });
  });

  describe('from Git', () => {
    let bare: string;
    let first: string;

    beforeAll(() => {
      const work = join(machine.folder, 'git-work');
      bare = join(machine.folder, 'app.git');
      mkdirSync(join(work, 'apps/hello'), { recursive: true });
      const git = (...args: string[]) => execFileSync('git', ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.org', ...args], { cwd: work, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
      git('init', '-q', '-b', 'main');
      writeFileSync(join(work, 'apps/hello/server.js'), '// first\n');
      git('add', '.');
      git('commit', '-q', '-m', 'First');
      first = git('rev-parse', 'HEAD');
      git('tag', 'v1');
      writeFileSync(join(work, 'apps/hello/server.js'), '// second\n');
      git('commit', '-q', '-am', 'Second');
      execFileSync('git', ['clone', '-q', '--bare', work, bare]);
      execFileSync('git', ['-C', bare, 'update-server-info']);
      chmodSync(bare, 0o755);
    });

    const spec = (more: object, contextDir = 'apps/hello'): Partial<CommonBuildSpec> => ({ strategy: strategy(), source: { type: 'Git', git: { uri: `file://${bare}`, ...more }, contextDir } });

    test('a branch, a tag, a commit', async () => {
      const head = await machine.build({ builder: nodejs, spec: spec({}) });
      expect(head.termination.message).toBeUndefined();
      expect(head.code).toBe(0);
      expect((await machine.topLayer('demo/app')).get('opt/app-root/src/server.js')).toBe('// second\n');
      expect(head.termination.revision).toMatchObject({ message: 'Second', author: { name: 'Ada', email: 'ada@example.org' } });
      for (const ref of ['v1', first]) {
        const done = await machine.build({ builder: nodejs, spec: spec({ ref }) });
        expect(done.code).toBe(0);
        expect(done.termination.revision?.commit).toBe(first);
      }
      const { config } = await machine.image('demo/app');
      expect(config.config?.Labels).toMatchObject({ 'io.openshift.build.commit.id': first, 'io.openshift.build.commit.message': 'First', 'io.openshift.build.source-context-dir': 'apps/hello', 'io.openshift.build.commit.author': 'Ada <ada@example.org>' });
      expect(config.config?.Env).toContain(`OPENSHIFT_BUILD_COMMIT=${first}`);
      expect([...(await machine.topLayer('demo/app')).keys()].some((name) => name.includes('.git'))).toBe(false);
    });

    test('what is not there is named', async () => {
      expect((await machine.build({ builder: nodejs, spec: spec({ ref: 'nope' }) })).termination).toMatchObject({ reason: 'FetchSourceFailed', message: expect.stringContaining('"nope" is no branch, tag or commit') as string });
      expect((await machine.build({ builder: nodejs, spec: spec({}, 'apps/none') })).termination).toMatchObject({ reason: 'InvalidContextDirectory' });
      expect((await machine.build({ builder: nodejs, spec: spec({ uri: `file://${bare}x` }) })).termination.message).toContain('there is no Git repository');
    });

    test('over HTTP: a private repository asks for a secret, and takes one', async () => {
      const server = await startGitServer(machine.folder, { username: 'ada', password: 'word' });
      const uri = `${server.url}/app.git`;
      try {
        const refused = await machine.build({ builder: nodejs, spec: spec({ uri }) });
        expect(refused.termination).toMatchObject({ reason: 'FetchSourceFailed' });
        expect(refused.termination.message).toMatch(/asks for a password.*sourceSecret/);
        const secret = join(machine.folder, 'mounts/secret');
        mkdirSync(secret, { recursive: true });
        writeFileSync(join(secret, 'username'), 'ada\n');
        writeFileSync(join(secret, 'password'), 'word\n');
        const taken = await machine.build({ builder: nodejs, spec: spec({ uri }), env: { SOURCE_SECRET_PATH: '/secret' } });
        expect(taken.log).not.toContain('word');
        expect(taken.code).toBe(0);
        // The same without git's program.
        const programs = join(machine.folder, 'programs');
        mkdirSync(programs);
        for (const name of ['unshare', 'setpriv', 'nsenter', 'mount', 'umount', 'sh', 'mkdir', 'ln']) symlinkSync(`/usr/bin/${name}`, join(programs, name));
        for (const ref of [undefined, 'main', 'v1', first]) {
          const without = await machine.build({ builder: nodejs, spec: spec({ uri, ...(ref && { ref }) }), env: { SOURCE_SECRET_PATH: '/secret', PATH: programs } });
          expect(without.termination.message).toBeUndefined();
          expect(without.termination.revision?.message).toBe(ref === 'v1' || ref === first ? 'First' : 'Second');
        }
        expect((await machine.build({ builder: nodejs, spec: spec({ uri }), env: { PATH: programs } })).termination.message).toMatch(/asks for a password/);
      } finally {
        await server.close();
      }
    });
  });
});
