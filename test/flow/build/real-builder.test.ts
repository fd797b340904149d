import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pack } from 'tar-stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CommonBuildSpec } from '../../../src/api/kinds/build.ts';
import { digestOf } from '../../../src/oci/digest.ts';
import { buildImage } from '../../../src/oci/image-builder.ts';
import { mediaTypes } from '../../../src/oci/media-types.ts';
import { registryClient } from '../../../src/oci/registry-client.ts';
import { readTar } from '../../../src/oci/tar-reader.ts';
import { layerLimits } from '../../../src/oci/layer-error.ts';
import { buildMachine, registryName, type BuildMachine, type BuildOrder } from '../../support/build/build-machine.ts';
import { zipOf } from '../../support/build/package-index.ts';
import { pushShaped, shapedLabels, type ShapedImage } from '../../support/build/shaped-image.ts';
import { startRegistry } from '../../support/registry.ts';

const shell = '#!/bin/sh\n';

describe('builder images with a root of their own', () => {
  let machine: BuildMachine;
  let cache: string;
  let count = 0;

  beforeAll(async () => {
    machine = await buildMachine();
    cache = join(machine.folder, 'cache');
    mkdirSync(cache);
    execFileSync('chown', ['65534:65534', cache]);
  });
  afterAll(() => machine.close());

  const publish = async (image: ShapedImage = {}) => {
    const repository = `openshift/shaped-${++count}`;
    await pushShaped(machine.client, repository, image);
    return `${registryName}/${repository}:latest`;
  };
  const build = async (builder: string, more: Omit<BuildOrder, 'builder'> & { strategy?: Partial<NonNullable<CommonBuildSpec['strategy']['sourceStrategy']>> } = {}) => {
    const { strategy, spec, env, ...rest } = more;
    return machine.build({
      builder, input: Readable.from(zipOf({ 'index.html': '<p>hello</p>' })), env: { SLIPWAY_BUILD_CACHE: cache, ALLOWED_UIDS: '1-', ...env },
      spec: { strategy: { type: 'Source', sourceStrategy: { from: { kind: 'DockerImage', name: builder }, ...strategy } }, ...spec }, ...rest,
    });
  };
  const assemble = (script: string, more: Partial<ShapedImage> = {}): ShapedImage => ({ ...more, files: { 'usr/libexec/s2i/assemble': shell + script, ...more.files } });
  const owners = async (repository: string) => {
    const { manifest } = await machine.client.image(repository, 'latest');
    const top = manifest.layers.at(-1);
    const found = new Map<string, string>();
    if (top) await readTar(machine.client.readBlob(repository, top), layerLimits, async ({ name, uid, gid, mode }) => void found.set(name, `${uid}:${gid} ${mode.toString(8)}`));
    return found;
  };

  test("an image in sclorg's shape builds, unpacked once for all builds", async () => {
    const builder = await publish({ compression: 'zstd', entrypoint: ['container-entrypoint'], cmd: ['/usr/libexec/s2i/usage'] });
    const done = await build(builder);
    expect(done.log).toContain('---> Installing application source ...');
    expect(done.termination).toMatchObject({ imageDigest: expect.stringMatching(/^sha256:/) as string });
    const { config, manifest } = await machine.image('demo/app');
    expect(manifest.layers).toHaveLength(3);
    expect(config.config).toMatchObject({ User: '1001', Cmd: ['/usr/libexec/s2i/run'], Entrypoint: ['container-entrypoint'], WorkingDir: '/opt/app-root/src', Labels: { ...shapedLabels, 'io.k8s.display-name': 'demo/app:latest', 'io.openshift.build.image': builder } });
    expect(Object.fromEntries(await owners('demo/app'))).toEqual({ 'opt/app-root/src/index.html': '1001:0 664' });

    const layers = () => Object.fromEntries(readdirSync(join(cache, 'layers')).filter((name) => !/\.size$|^lock$/.test(name)).map((name) => [name, statSync(join(cache, 'layers', name)).ino]));
    const before = layers();
    expect(Object.keys(before)).toHaveLength(2);
    const again = await Promise.all([build(builder, { name: 'warm-1' }), build(builder, { name: 'warm-2' })]);
    expect(again.map(({ code }) => code)).toEqual([0, 0]);
    expect(layers()).toEqual(before);
  });

  test('layers show what the image says: deletions, and nothing of this machine', async () => {
    const builder = await publish(assemble('id -u; id -g; id -un; ls /var; ls -d /usr/lib /home 2>&1; test -e /build || echo no build; cat /proc/self/status | grep -E "^(CapEff|NoNewPrivs)"; touch /etc/x && rm /etc/x; mount -t tmpfs t /mnt 2>&1; ls /run /var/run 2>&1'));
    const { log } = await build(builder);
    expect(log).toMatch(/1001\n0\ndefault\nkept\nold\n/);
    expect(log).toMatch(/CapEff:\s0+\nNoNewPrivs:\s1/);
    expect(log).toContain('no build');
    expect(log).not.toMatch(/secrets|build-\d/);
  });

  test.each<[string, ShapedImage]>([
    ['an index, by this platform', { listed: true }],
    ["Docker's manifest list and schema 2", { listed: true, docker: true }],
    ['schema 2 alone', { docker: true }],
  ])('pulled as %s', async (_, image) => {
    const builder = await publish(image);
    const done = await build(builder);
    expect(done.code).toBe(0);
    expect((await machine.image('demo/app')).manifest.layers.map(({ mediaType }) => mediaType)).toEqual([mediaTypes.layerGzip, mediaTypes.layerGzip, mediaTypes.layerGzip]);
  });

  test('from a registry that asks who comes, with a pull secret of each form', async () => {
    const other = await startRegistry({ directory: join(machine.folder, 'other') });
    const client = registryClient({ baseUrl: other.url, insecure: true, auth: { username: 'x', password: 'admin' } });
    try {
      const digest = await pushShaped(client, 'closely/kept');
      const host = `127.0.0.1:${other.port}`;
      const reference = `${host}/closely/kept@${digest}`;
      const refused = await build(reference);
      expect(refused.termination).toMatchObject({ reason: 'PullBuilderImageFailed', message: expect.stringContaining(host) as string });
      const auth = Buffer.from('me:admin').toString('base64');
      const forms = { '.dockerconfigjson': { auths: { [host]: { auth } } }, '.dockercfg': { [`http://${host}/v1/`]: { username: 'me', password: 'admin', email: 'x' } }, 'config.json': { auths: { [`${host}/closely`]: { auth } } } };
      for (const [key, content] of Object.entries(forms)) {
        const secret = join(machine.folder, 'mounts/pull', key);
        mkdirSync(secret, { recursive: true });
        writeFileSync(join(secret, key), JSON.stringify(content));
        const done = await build(reference, { env: { PULL_DOCKERCFG_PATH: `/pull/${key}` } });
        expect(done.termination.message).toBeUndefined();
        expect(done.log).not.toContain(auth);
      }
      // An image whose files are an input has a secret of its own.
      const paths = [{ sourcePath: '/etc/group', destinationDir: 'from' }];
      const input = () => build(`${registryName}/openshift/shaped-1:latest`, { spec: { source: { type: 'Binary', binary: {}, images: [{ from: { kind: 'DockerImage', name: reference }, paths }] } } });
      expect((await input()).termination.reason).toBe('FetchImageContentFailed');
      const secret = join(machine.folder, 'mounts/var/run/secrets/openshift.io/source-image/0');
      mkdirSync(secret, { recursive: true });
      writeFileSync(join(secret, '.dockerconfigjson'), JSON.stringify(forms['.dockerconfigjson']));
      expect((await input()).termination.reason).toBeUndefined();
      expect((await machine.topLayer('demo/app')).get('opt/app-root/src/from/group')).toContain('team');
    } finally {
      client.close();
      await other.close();
    }
  });

  test.each<[string, ShapedImage, string, string | undefined]>([
    ['USER 1001', {}, '1-', undefined],
    ['no USER', { user: null }, '1-', 'AssembleUserForbidden'],
    ['USER root', { user: 'root' }, '1-', 'AssembleUserForbidden'],
    ['a name', { user: 'default' }, '1-', 'AssembleUserForbidden'],
    ['a name, where all are allowed', assemble('test "$(id -u) $(id -g)" = "1001 1234"', { user: 'default:team' }), '', undefined],
    ['outside the range', { user: '1001' }, '1-1000,2000', 'AssembleUserForbidden'],
    ['the label instead of USER', { user: 'root', labels: { ...shapedLabels, 'io.openshift.s2i.assemble-user': '1001' } }, '1-', undefined],
    ['the label before USER', { labels: { ...shapedLabels, 'io.openshift.s2i.assemble-user': '0' } }, '1-', 'AssembleUserForbidden'],
  ])('who may assemble: %s', async (_, image, allowed, reason) => {
    const done = await build(await publish(image), { env: { ALLOWED_UIDS: allowed } });
    expect(done.termination.reason).toBe(reason);
    if (reason) expect(done.termination.message).toMatch(/USER 1001/);
  });

  test('a builder that runs as root sees itself as root and has no power', async () => {
    const builder = await publish(assemble('id -u; grep CapEff /proc/self/status; grep CapBnd /proc/self/status; umount -l / 2>&1; mount -o bind / /mnt 2>&1; chroot / true 2>&1; mknod /tmp/x b 8 0 2>&1; ls -d /var/run/secrets /build 2>&1; echo "bad" > /dev/.slipway/sh; true', { user: '0' }));
    const done = await build(builder, { env: { ALLOWED_UIDS: '' }, spec: { postCommit: { script: 'id -u' } } });
    expect(done.code).toBe(0);
    expect(done.log).toMatch(/^0\nCapEff:\s0+\nCapBnd:\s0+$/m);
    expect(done.log).toMatch(/umount: .*(not permitted|denied)/);
    expect(done.log).toMatch(/mount: .*(not permitted|denied|are you root)/);
    expect(done.log).toMatch(/mknod: .*(not permitted|denied)/);
    expect(done.log).toMatch(/ls: \/var\/run\/secrets: No such file/);
    expect(done.log).toMatch(/\.slipway\/sh: Read-only file system/);
    expect([...(await owners('demo/app')).keys()]).toEqual([]);
  });

  test.each<[string, ShapedImage, string, RegExp]>([
    ['ONBUILD', { onBuild: ['COPY . /app'] }, 'OnBuildForbidden', /has 1 \("ONBUILD COPY \. \/app"\).*Docker strategy/],
    ['a chown to somebody else', assemble('touch a; chown 1002 a'), 'AssembleFailed', /exit code 1\. A build has one user here \(uid 1001, gid 0\).*chgrp -R 0/],
    ['no labels', { labels: {}, files: { 'usr/libexec/s2i/run': null } }, 'InstallScriptsFailed', /No "(?:assemble" and ")?run" script/],
    ['no assemble at the labelled place', { files: { 'usr/libexec/s2i/assemble': null } }, 'InstallScriptsFailed', /No "assemble" script.*image:\/\/\/usr\/libexec\/s2i/],
    ['no shell', { without: ['sh', 'ash', 'hush'] }, 'AssembleFailed', /exit code 12[67].*no \/bin\/sh/],
    ['too many labels', assemble('mkdir -p /tmp/.s2i; printf \'{"labels":[{"x":"%s"}]}\' "$(head -c 11000 /dev/zero | tr "\\0" y)" > /tmp/.s2i/image_metadata.json'), 'ContainerCommitFailed', /at most 10240/],
    ['metadata that is none', assemble('mkdir -p /tmp/.s2i; echo nonsense > /tmp/.s2i/image_metadata.json'), 'ContainerCommitFailed', /image_metadata\.json/],
    ['a file that means a deletion', assemble('touch .wh.me'), 'ContainerCommitFailed', /rename it/],
  ])('a builder with %s', async (_, image, reason, why) => {
    const { termination } = await build(await publish(image));
    expect(termination.reason).toBe(reason);
    expect(termination.message).toMatch(why);
  });

  test('without tar in the image the sources get there all the same', async () => {
    const done = await build(await publish({ without: ['tar'] }));
    expect(done.log).toContain('Image is missing basic requirements (tar), layered build will be performed');
    expect(done.code).toBe(0);
  });

  test('a layer that is not what the image says, and one that climbs', async () => {
    const digest = await pushShaped(machine.client, 'openshift/bent');
    const { manifest, config } = await machine.client.image('openshift/bent', digest);
    const push = async (diffIds: string[]) => {
      const changed = Buffer.from(JSON.stringify({ ...config, rootfs: { type: 'layers', diff_ids: diffIds } }));
      const bytes = Buffer.from(JSON.stringify({ ...manifest, config: { ...manifest.config, digest: digestOf(changed), size: changed.length } }));
      await machine.client.pushImage('openshift/bent', 'latest', { blobs: [{ digest: digestOf(changed), size: changed.length, content: changed }], manifest: { mediaType: manifest.mediaType ?? '', bytes } });
    };
    await push([`sha256:${'0'.repeat(64)}`, config.rootfs.diff_ids[1] ?? '']);
    const bent = await build(`${registryName}/openshift/bent:latest`);
    expect(bent.termination).toMatchObject({ reason: 'PullBuilderImageFailed', message: expect.stringContaining('0000') as string });
    const tar = pack();
    tar.entry({ name: '../../../escape' }, 'x');
    tar.finalize();
    const chunks: Buffer[] = [];
    for await (const chunk of tar) chunks.push(chunk as Buffer);
    const bytes = Buffer.concat(chunks);
    const image = buildImage({ layers: [{ mediaType: mediaTypes.layer, digest: digestOf(bytes), size: bytes.length, diffId: digestOf(bytes), createdBy: 'somebody' }], change: { user: '1001', labels: shapedLabels } });
    await machine.client.pushImage('openshift/climbing', 'latest', { blobs: [{ digest: digestOf(bytes), size: bytes.length, content: bytes }, { ...image.config, content: image.config.bytes }], manifest: image.manifest });
    expect((await build(`${registryName}/openshift/climbing:latest`)).termination).toMatchObject({ reason: 'PullBuilderImageFailed', message: expect.stringContaining('points outside') as string });
    expect(readdirSync(join(cache, 'layers')).filter((name) => name.startsWith('new-') || name.startsWith('000'))).toEqual([]);
  });

  test('an image that may not be pushed, and one that leads nowhere', async () => {
    const builder = await publish();
    for (const [name, why] of [[`${registryName}/closed/app:latest`, /Failed to push the image to .*closed\/app/], ['127.0.0.1:9/demo/app:latest', /127\.0\.0\.1:9/]] as const) {
      const { termination } = await build(builder, { spec: { output: { to: { kind: 'DockerImage', name } } } });
      expect(termination).toMatchObject({ reason: 'PushImageToRegistryFailed', message: expect.stringMatching(why) as string });
      expect(termination.stages.map((stage) => stage.name)).toEqual(['FetchInputs', 'PullImages', 'Build', 'PushImage']);
    }
  });

  test('incremental: artifacts of the image built last come before assemble; anything wrong means a clean build', async () => {
    const script = 'ls /tmp/artifacts/deps 2>/dev/null && echo restored; mkdir -p deps && echo 1 > deps/lib; cp -R /tmp/src/. .';
    const output = { to: { kind: 'DockerImage', name: `${registryName}/demo/incremental:latest` } };
    const spec = { output };
    const strategy = { incremental: true };
    const builder = await publish(assemble(script));
    const clean = await build(builder, { spec, strategy });
    expect(clean.log).toMatch(/warning: Clean build will be performed: .*incremental/);
    const second = await build(builder, { spec, strategy });
    expect(second.log).toMatch(/Restored \d artifacts of the previous build\nRunning assemble \.\.\.\nlib\nrestored/);
    const own = await build(builder, { spec, strategy, input: Readable.from(zipOf({ '.s2i/bin/save-artifacts': `${shell}mkdir /tmp/x; cd /tmp/x; mkdir deps; touch deps/mine; tar -cf - deps` })) });
    expect(own.log).toMatch(/mine\nrestored/);
    for (const [bad, why] of [['echo no use >&2; exit 3', /save-artifacts ended with exit code 3: no use/], ['true', /gave nothing/], ['echo text', /damaged|neither tar nor zip/]] as const) {
      const done = await build(builder, { spec, strategy, input: Readable.from(zipOf({ '.s2i/bin/save-artifacts': shell + bad })) });
      expect(done.log).toMatch(why);
      expect(done.log).not.toContain('restored');
      expect(done.code).toBe(0);
    }
    expect((await build(builder, { spec })).log).not.toContain('restored');
  });

  test('volumes are seen by assemble and hook, read-only, and are not part of the image', async () => {
    const volume = join(machine.folder, 'mounts/var/run/openshift.io/volumes/maven');
    mkdirSync(volume, { recursive: true });
    writeFileSync(join(volume, 'settings.xml'), 'private');
    const builder = await publish(assemble('cat /opt/m2/settings.xml; touch /opt/m2/x 2>&1; true'));
    const volumes = [{ name: 'maven', source: { type: 'Secret' as const, secret: { secretName: 'maven' } }, mounts: [{ destinationPath: '/opt/m2' }] }];
    const done = await build(builder, { strategy: { volumes }, spec: { postCommit: { script: 'test -f /opt/m2/settings.xml && echo hook sees it' } } });
    expect(done.log).toContain('private');
    expect(done.log).toContain('Read-only file system');
    expect(done.log).toContain('hook sees it');
    expect([...(await owners('demo/app')).keys()].filter((name) => name.includes('m2'))).toEqual([]);
    const refused = await build(builder, { strategy: { volumes: volumes.map((one) => ({ ...one, mounts: [{ destinationPath: '/etc/passwd' }] })) } });
    expect(refused.termination).toMatchObject({ reason: 'FileSystemOperationFailed', message: expect.stringContaining('destinationPath') as string });
  });

  test('variables that refer to something: resolved, optional, missing', async () => {
    const builder = await publish(assemble('echo "$SECRET/$CONFIG/$PLAIN/${NONE-unset}"'));
    const env = [
      { name: 'SECRET', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } }, { name: 'CONFIG', valueFrom: { configMapKeyRef: { name: 'c', key: 'k' } } }, { name: 'PLAIN', value: '$(SECRET)-$(CONFIG)-$$(X)-$(X)' },
      { name: 'NONE', valueFrom: { secretKeyRef: { name: 's', key: 'none', optional: true } } },
    ];
    const done = await build(builder, { strategy: { env }, env: { SLIPWAY_ENV_0: 'one', SLIPWAY_ENV_1: 'two' } });
    expect(done.log).toContain('one/two/one-two-$(X)-$(X)/unset');
    const missing = await build(builder, { strategy: { env }, env: { SLIPWAY_ENV_0: 'one' } });
    expect(missing.termination).toMatchObject({ reason: 'UnresolvableEnvironmentVariable', message: expect.stringContaining('CONFIG refers to key "k" of config map "c"') as string });
  });

  test.each<[NonNullable<CommonBuildSpec['postCommit']>, string]>([
    [{ script: 'echo "hook $0 $# $-"' }, 'hook /bin/sh 0 '],
    [{ script: 'echo "hook $1"', args: ['one'] }, 'hook one'],
    [{ command: ['echo', 'hook'] }, 'hook'],
    [{ command: ['echo', 'hook'], args: ['two'] }, 'hook two'],
    [{ args: ['hook', 'three'] }, 'entry hook three'],
  ])('hook %j', async (postCommit, said) => {
    const builder = await publish({ entrypoint: ['echo', 'entry'] });
    const done = await build(builder, { spec: { postCommit } });
    expect(done.log.split('Running post commit hook ...\n')[1]).toContain(said);
    expect(done.code).toBe(0);
  });

  describe('images as inputs', () => {
    const library = async () => {
      await pushShaped(machine.client, 'demo/library', { files: { 'usr/lib/app/one.jar': 'one', 'usr/lib/app/deep/two.jar': 'two', 'usr/share/notes': 'notes', 'var/old/.keep': '' } });
      return { kind: 'DockerImage', name: `${registryName}/demo/library:latest` };
    };
    const show = assemble('cd /tmp/src; find . -type f | sort; cp -R . /opt/app-root/src');

    test('a file, a folder, its contents, over what was sent', async () => {
      const paths = [{ sourcePath: '/usr/share/notes', destinationDir: 'docs' }, { sourcePath: '/usr/lib/app', destinationDir: 'lib' }, { sourcePath: '/usr/lib/app/.', destinationDir: 'flat' }, { sourcePath: '/var/.', destinationDir: 'var' }];
      const done = await build(await publish(show), { spec: { source: { type: 'Binary', binary: {}, images: [{ from: await library(), paths }] } }, input: Readable.from(zipOf({ 'docs/notes': 'old', 'index.html': 'x' })) });
      expect(done.log).toContain(['./docs/notes', './flat/deep/two.jar', './flat/one.jar', './index.html', './lib/app/deep/two.jar', './lib/app/one.jar', './var/kept', './var/old/.keep', './var/old/a'].join('\n'));
      expect(done.termination.stages.map(({ name }) => name)).toContain('FetchInputs');
      expect((await machine.topLayer('demo/app')).get('opt/app-root/src/docs/notes')).toBe('notes');
    });

    test('with a context directory and an inline Dockerfile', async () => {
      const source = { type: 'Binary' as const, binary: {}, contextDir: 'app', dockerfile: 'FROM scratch', images: [{ from: await library(), paths: [{ sourcePath: '/usr/lib/app/one.jar', destinationDir: 'app/lib' }, { sourcePath: '/usr/share/notes', destinationDir: 'elsewhere' }] }] };
      const done = await build(await publish(show), { spec: { source }, input: Readable.from(zipOf({ 'app/main': 'x', 'other/file': 'y' })) });
      expect(done.log).toContain('./Dockerfile\n./lib/one.jar\n./main\n');
      expect(done.log).not.toMatch(/elsewhere|other/);
    });

    test('what is not there, and a source that leads elsewhere', async () => {
      const builder = await publish(show);
      for (const [sourcePath, why] of [['/no/such', /it has no \/no\/such/], ['/usr/share/notes/.', /is no folder/]] as const) {
        const done = await build(builder, { spec: { source: { type: 'Binary', binary: {}, images: [{ from: await library(), paths: [{ sourcePath, destinationDir: '.' }] }] } } });
        expect(done.termination.reason).toBe('FetchImageContentFailed');
        expect(done.termination.message).toMatch(why);
      }
      const outside = join(machine.folder, 'outside');
      mkdirSync(outside, { mode: 0o777 });
      execFileSync('chmod', ['777', outside]);
      const bare = join(machine.folder, 'linked');
      mkdirSync(bare);
      const git = (...args: string[]) => execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@b', ...args], { cwd: bare, stdio: 'ignore' });
      git('init', '-q', '-b', 'main');
      execFileSync('ln', ['-s', outside, join(bare, 'lib')]);
      git('add', '.');
      git('commit', '-q', '-m', 'link');
      const done = await build(builder, { spec: { source: { type: 'Git', git: { uri: `file://${bare}` }, images: [{ from: await library(), paths: [{ sourcePath: '/usr/share/notes', destinationDir: 'lib' }] }] } } });
      expect(done.termination.reason).toBeUndefined();
      expect(readdirSync(outside)).toEqual([]);
    });
  });

  test('where there is no cache, or no overlay, the same image comes out', async () => {
    const builder = await publish();
    for (const order of [{ env: { SLIPWAY_BUILD_CACHE: join(machine.folder, 'mounts-none/x') } }, { mode: 'no-overlay' as const }]) {
      const done = await build(builder, order);
      expect(done.code).toBe(0);
      expect((await owners('demo/app')).get('opt/app-root/src/index.html')).toBe('1001:0 664');
    }
    const plain = await build(builder, { mode: 'plain' });
    expect(plain.termination).toMatchObject({ reason: 'PullBuilderImageFailed', message: expect.stringContaining('needs user namespaces') as string });
  });

  test('nothing of all that is left', () => {
    expect(readdirSync(machine.folder).filter((name) => name.startsWith('work-')).flatMap((name) => readdirSync(join(machine.folder, name)).filter((one) => one.startsWith('build-')))).toEqual([]);
    expect(readdirSync(join(cache, 'layers')).filter((name) => name.startsWith('new-'))).toEqual([]);
    rmSync(cache, { recursive: true });
    expect(existsSync(cache)).toBe(false);
  });
});
