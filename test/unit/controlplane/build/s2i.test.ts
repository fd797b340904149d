import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Build } from '../../../../src/api/kinds/build.ts';
import { postCommitCommand } from '../../../../src/controlplane/build/tools/build/assemble.ts';
import type { BuilderImage } from '../../../../src/controlplane/build/tools/build/builder-image.ts';
import { toFailure } from '../../../../src/controlplane/build/tools/build/failure.ts';
import { inject } from '../../../../src/controlplane/build/tools/build/injections.ts';
import { buildVariables, generatedLabels, mergeLabels } from '../../../../src/controlplane/build/tools/build/labels.ts';
import { encodeTermination, Progress } from '../../../../src/controlplane/build/tools/build/progress.ts';
import { mountsUnder, parseMounts } from '../../../../src/controlplane/build/tools/build/root/mount-table.ts';
import { buildOwnership, rootFiles, type BuildRoot } from '../../../../src/controlplane/build/tools/build/root/build-root.ts';
import { destinationOf, findScripts, outdatedNames, scriptsUrlOf, type ScriptSearch } from '../../../../src/controlplane/build/tools/build/scripts.ts';
import type { BuildSettings } from '../../../../src/controlplane/build/tools/build/settings.ts';
import { upload } from '../../../../src/controlplane/build/tools/build/upload.ts';
import { parseProgress } from '../../../../src/protocol/build-progress.ts';

describe('scripts', () => {
  const image = new Set(['/opt/s2i/assemble', '/opt/s2i/run', '/other/assemble']);
  const search = (more: Partial<ScriptSearch>): ScriptSearch => ({ url: undefined, atUrl: new Set(), inSource: new Set(), imageUrl: 'image:///opt/s2i', atImageUrl: new Set(), inImage: (path) => image.has(path), ...more });
  const fromImage = (path: string) => ({ from: 'image', path });

  test.each<[string, Partial<ScriptSearch>, object, string[]]>([
    ['the image', {}, { assemble: fromImage('/opt/s2i/assemble'), run: fromImage('/opt/s2i/run') }, []],
    ['the source comes before the image', { inSource: new Set(['assemble', 'save-artifacts']) }, { assemble: { from: 'source' }, run: fromImage('/opt/s2i/run'), 'save-artifacts': { from: 'source' } }, []],
    ['the URL comes before both', { url: 'http://x/s/', atUrl: new Set(['assemble']), inSource: new Set(['assemble']) }, { assemble: { from: 'url', url: 'http://x/s/assemble' }, run: fromImage('/opt/s2i/run') }, []],
    ['another folder of the image', { url: 'image:///other' }, { assemble: fromImage('/other/assemble'), run: fromImage('/opt/s2i/run') }, []],
    ['the image names a URL', { imageUrl: 'https://x/s', atImageUrl: new Set(['assemble', 'run']) }, { assemble: { from: 'url', url: 'https://x/s/assemble' }, run: { from: 'url', url: 'https://x/s/run' } }, []],
    ['an image that is no builder', { imageUrl: undefined, inSource: new Set(['run']) }, { run: { from: 'source' } }, ['assemble']],
  ])('%s', (_, more, scripts, missing) => {
    expect(findScripts(search(more))).toMatchObject({ scripts, missing });
  });

  test('labels and variables that name them', () => {
    expect(scriptsUrlOf({ 'io.s2i.scripts-url': 'image:///old' }, { STI_SCRIPTS_URL: 'image:///older' })).toBe('image:///old');
    expect(scriptsUrlOf({}, { STI_SCRIPTS_URL: 'image:///older' })).toBe('image:///older');
    expect(outdatedNames({ 'io.openshift.s2i.scripts-url': 'image:///new', 'io.s2i.scripts-url': 'image:///old' }, {})).toEqual([]);
    expect(outdatedNames({ 'io.s2i.scripts-url': 'image:///old' }, { STI_LOCATION: '/opt' })).toEqual([expect.stringContaining('label io.s2i.scripts-url'), expect.stringContaining('variable STI_LOCATION')]);
    expect([destinationOf({}, {}), destinationOf({ 'io.openshift.s2i.destination': '/opt/app/' }, {})]).toEqual(['/tmp', '/opt/app']);
  });
});

const build = {
  apiVersion: 'build.openshift.io/v1', kind: 'Build', metadata: { name: 'web-3', namespace: 'demo' }, status: { phase: 'New' },
  spec: { source: { git: { uri: 'https://ada:word@host/web.git', ref: 'main' }, contextDir: 'app' }, strategy: {}, output: { to: { kind: 'DockerImage', name: 'docker-registry.default.svc:5000/demo/web:latest' } } },
} as Build;
const revision = { commit: 'abc', message: 'Mend', author: { name: 'Ada', email: 'ada@x' }, date: 'today' };

describe('labels and variables', () => {
  test('say where the image comes from, without passwords', () => {
    expect(generatedLabels(build, revision, 'builder@sha256:1')).toEqual({
      'io.openshift.build.name': 'web-3', 'io.openshift.build.namespace': 'demo', 'io.openshift.build.image': 'builder@sha256:1', 'io.openshift.build.source-location': 'https://host/web.git', 'io.openshift.build.source-context-dir': 'app',
      'io.openshift.build.commit.id': 'abc', 'io.openshift.build.commit.author': 'Ada <ada@x>', 'io.openshift.build.commit.date': 'today', 'io.openshift.build.commit.message': 'Mend', 'io.openshift.build.commit.ref': 'main', 'io.k8s.display-name': 'demo/web:latest',
    });
    expect(buildVariables(build, revision).map(({ name, value }) => `${name}=${value}`)).toEqual(['OPENSHIFT_BUILD_NAME=web-3', 'OPENSHIFT_BUILD_NAMESPACE=demo', 'OPENSHIFT_BUILD_SOURCE=https://host/web.git', 'OPENSHIFT_BUILD_REFERENCE=main', 'OPENSHIFT_BUILD_COMMIT=abc']);
  });

  test('the build config has the last word; too many are refused', () => {
    expect(mergeLabels({ a: '1', b: '1', c: '1' }, { b: '2', c: '2' }, [{ name: 'c', value: '3' }, { name: 'd' }])).toEqual({ a: '1', b: '2', c: '3', d: '' });
    expect(() => mergeLabels({}, {}, [{ name: 'x', value: 'y'.repeat(10_240) }])).toThrow(/at most 10240/);
  });
});

test.each([
  [{ script: 'make $1', args: ['test'] }, ['/bin/sh', '-ic', 'make $1', '/bin/sh', 'test']],
  [{ command: ['make'], args: ['test'] }, ['make', 'test']],
  [{ args: ['test'] }, ['entry', 'test']],
  [{}, undefined],
])('hook %j runs %j', (hook, argv) => {
  expect(postCommitCommand(hook, ['entry'])).toEqual(argv);
});

describe('progress', () => {
  test('steps are told as they go, stages with their time', async () => {
    const lines: string[] = [];
    let at = 0;
    const progress = new Progress((line) => void lines.push(line), () => new Date(1000 * at++));
    await progress.step('SourceFetched', () => progress.stage('FetchInputs', 'FetchGitSource', () => Promise.resolve('abc')), (value) => value);
    await progress.step('Assemble', () => Promise.reject(new Error('no'))).catch(() => progress.fail(toFailure(new Error('no'))));
    expect(lines.map(parseProgress)).toMatchObject([{ step: 'SourceFetched', state: 'running' }, { step: 'SourceFetched', state: 'done', detail: 'abc' }, { step: 'Assemble', state: 'running' }, { step: 'Assemble', state: 'failed', detail: 'no' }]);
    expect(progress.termination({}).stages).toEqual([{ name: 'FetchInputs', startTime: '1970-01-01T00:00:01Z', durationMilliseconds: 1000, steps: [{ name: 'FetchGitSource', startTime: '1970-01-01T00:00:01Z', durationMilliseconds: 1000 }] }]);
  });

  test('a termination message fits, keeping the end of the log', () => {
    const text = encodeTermination({ reason: 'AssembleFailed', message: 'm'.repeat(3000), logSnippet: `${'é'.repeat(3000)}the end`, stages: [], steps: [] });
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(4096);
    expect(JSON.parse(text)).toMatchObject({ reason: 'AssembleFailed' });
    expect((JSON.parse(encodeTermination({ logSnippet: `${'x'.repeat(5000)}the end`, stages: [], steps: [] })) as { logSnippet: string }).logSnippet).toMatch(/the end$/);
  });

  test('a full disk is told as such', () => {
    expect(toFailure(Object.assign(new Error('write'), { code: 'ENOSPC' }))).toMatchObject({ reason: 'FileSystemOperationFailed', message: expect.stringContaining('disk is full') as string });
  });
});

describe('roots', () => {
  const mounts = parseMounts(['1 0 8:1 / / rw,relatime - ext4 a rw', '2 1 8:2 / /usr ro,nosuid,nodev,relatime - ext4 b ro', '3 2 8:3 / /usr/local rw,noatime - ext4 c rw', '4 1 8:4 / /my\\040disk rw - ext4 d rw'].join('\n'));

  test('every mount that a bind brings is sealed with the options it must keep', () => {
    expect(mountsUnder('/usr', mounts)).toEqual([{ path: '/usr', options: 'ro,nosuid,nodev,relatime' }, { path: '/usr/local', options: 'ro,noatime' }]);
    expect(mountsUnder('/usr/lib', mounts)).toEqual([{ path: '/usr/lib', options: 'ro,nosuid,nodev,relatime' }]);
    expect(mountsUnder('/etc/ssl', mounts)).toEqual([{ path: '/etc/ssl', options: 'ro,relatime' }]);
    expect(mountsUnder('/my disk', mounts)).toEqual([{ path: '/my disk', options: 'ro' }]);
  });

  test("the group has the owner's rights where applications write", () => {
    expect(buildOwnership('opt/app-root/src/x', 0o640)).toEqual({ uid: 1001, gid: 0, mode: 0o660 });
    expect(buildOwnership('opt/app-rooted', 0o640).mode).toBe(0o640);
  });
});

describe('links of source and image', () => {
  let folder = '';
  const at = (name: string) => join(folder, name);
  const builder = { labels: { 'io.openshift.s2i.scripts-url': 'image:///s2i' }, env: {}, workingDir: '/app' } as unknown as BuilderImage;
  const root = () => rootFiles(at('root'), at('tmp')) as BuildRoot;
  const said: string[] = [];
  const order = (scriptsUrl?: string) => ({ source: at('source'), scriptsUrl, root: root(), builder, mounted: (path: string) => at(`pod${path}`), say: (text: string) => void said.push(text), signal: new AbortController().signal });

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'links-'));
    for (const name of ['root/s2i', 'root/opt/s2i/source', 'root/app', 'tmp', 'source/.s2i/bin', 'secrets/login']) mkdirSync(at(name), { recursive: true });
    for (const name of ['assemble', 'run']) writeFileSync(at(`root/s2i/${name}`), 'of the image');
    writeFileSync(at('outside'), 'untouched');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  test('scripts are read and written inside only', async () => {
    symlinkSync(at('outside'), at('source/.s2i/bin/assemble'));
    writeFileSync(at('source/start.sh'), 'mine');
    symlinkSync('../../start.sh', at('source/.s2i/bin/run'));
    symlinkSync(at('outside'), at('root/opt/s2i/source/run'));
    const { paths } = await upload(order());
    expect(paths).toMatchObject({ assemble: '/s2i/assemble', run: '/opt/s2i/source/run' });
    expect([readFileSync(at('outside'), 'utf8'), readFileSync(at('root/opt/s2i/source/run'), 'utf8'), readFileSync(at('tmp/src/start.sh'), 'utf8')]).toEqual(['untouched', 'mine', 'mine']);
  });

  test('scripts of old are found, with a warning', async () => {
    mkdirSync(at('source/.sti/bin'), { recursive: true });
    writeFileSync(at('source/.sti/bin/assemble'), 'of old');
    writeFileSync(at('source/.sti/bin/run'), 'of old');
    writeFileSync(at('source/.s2i/bin/run'), 'of now');
    const { paths } = await upload(order());
    expect(paths).toMatchObject({ assemble: '/tmp/scripts/assemble', run: '/opt/s2i/source/run' });
    expect([readFileSync(at('tmp/scripts/assemble'), 'utf8'), readFileSync(at('root/opt/s2i/source/run'), 'utf8')]).toEqual(['of old', 'of now']);
    expect(said).toContain('warning: .sti/bin/assemble is outdated, the folder is .s2i/bin now');
  });

  test("scripts of a file URL are the build pod's; an address that gives none fails", async () => {
    mkdirSync(at('pod/volumes/scripts'), { recursive: true });
    writeFileSync(at('pod/volumes/scripts/assemble'), 'mounted');
    const { paths, origins } = await upload(order('file:///volumes/scripts'));
    expect([paths.assemble, paths.run, readFileSync(at('tmp/scripts/assemble'), 'utf8')]).toEqual(['/tmp/scripts/assemble', '/s2i/run', 'mounted']);
    expect(origins).toContain('file:///volumes/scripts');
    for (const nothing of ['file:///nowhere', 'image:///nowhere', 'ftp://x/y']) await expect(upload(order(nothing))).rejects.toMatchObject({ reason: 'FetchScriptsFailed' });
  });

  test('scripts from a URL are bounded, and its password is not told', async () => {
    const server = createServer((request, response) => void (request.url?.endsWith('/run') ? response.writeHead(404).end() : response.end(Buffer.alloc((1 << 20) + 1))));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const asked = upload(order(`http://me:hush@${host}/`));
    await expect(asked).rejects.toThrow(`The scripts at http://${host}/ could not be fetched: assemble is larger than 1048576 bytes`);
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  test('secrets are not written through one', async () => {
    writeFileSync(at('secrets/login/password'), 'secret');
    symlinkSync(at('outside'), at('root/app/password'));
    const settings = { build: { spec: { source: { secrets: [{ secret: { name: 'login' } }] } } }, secrets: at('secrets') } as unknown as BuildSettings;
    const empty = await inject(settings, root(), builder);
    expect([readFileSync(at('outside'), 'utf8'), readFileSync(at('root/app/password'), 'utf8')]).toEqual(['untouched', 'secret']);
    await empty();
    expect(readFileSync(at('root/app/password'), 'utf8')).toBe('');
  });
});
