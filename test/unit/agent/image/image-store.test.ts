import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ImageStore } from '../../../../src/agent/image/image-store.ts';
import { hostPathsOf } from '../../../../src/agent/image/image-record.ts';
import { prepareToolsImage } from '../../../../src/agent/image/tools-image.ts';
import { refuseHostPath } from '../../../../src/agent/image/host-path-rule.ts';
import { imageMarks } from '../../../../src/api/kinds/image.ts';
import { silentLog } from '../../../../src/base/log.ts';
import { registryClient, type RegistryClient } from '../../../../src/oci/registry-client.ts';
import { pushImage, type TestLayer } from '../../../support/sandbox/images.ts';
import { startRegistry, type TestRegistry } from '../../../support/registry.ts';

const host = 'docker-registry.default.svc:5000';
let folder: string;
let registry: TestRegistry;
let client: RegistryClient;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'images-'));
  registry = await startRegistry({ directory: join(folder, 'registry') });
  client = registryClient({ baseUrl: registry.url, auth: { username: 'x', password: 'builder' } });
});
afterEach(async () => {
  client.close();
  await registry.close();
  rmSync(folder, { recursive: true, force: true });
});

const signal = () => AbortSignal.timeout(10_000);
const push = (stream: string, layers: TestLayer[], change = {}) => pushImage(client, `demo/${stream}`, 'latest', folder, layers, change);

function open(form: 'overlay' | 'merged' = 'overlay', more: Partial<ConstructorParameters<typeof ImageStore>[0]> = {}) {
  return new ImageStore({ directory: join(folder, `store-${form}`), log: silentLog, form, registry: () => registryClient({ baseUrl: registry.url, auth: { username: 'x', password: 'builder' } }), ...more });
}

describe('pull', () => {
  test('keeps configuration and layers, topmost first, and finds them again after a restart', async () => {
    const digest = await push('app', [{ 'etc/one': '1', 'etc/two': '2' }, { 'etc/two': null, 'app/run': 'x' }], { env: [{ name: 'A', value: 'b' }], cmd: ['/app/run'], user: '1001', workingDir: '/app', exposedPorts: ['8080/tcp'], stopSignal: 'SIGINT', labels: { key: 'value' } });
    const store = open();
    const info = await store.pull(`${host}/demo/app:latest`, undefined, signal());
    expect(info).toMatchObject({ id: digest, reference: `${host}/demo/app@${digest}`, config: { env: ['A=b'], entrypoint: [], cmd: ['/app/run'], user: '1001', workingDir: '/app', exposedPorts: ['8080/tcp'], stopSignal: 'SIGINT', labels: { key: 'value' } } });
    for (const again of [store, open()]) {
      expect(await again.status(`${host}/demo/app:latest`)).toMatchObject({ id: digest });
      expect(await again.status(`${host}/demo/app@${digest}`)).toMatchObject({ id: digest });
      expect(await again.status(digest)).toMatchObject({ id: digest });
      const [top, bottom] = again.folders(again.record(digest)!);
      expect(readFileSync(join(top!, 'app/run'), 'utf8')).toBe('x');
      expect(readdirSync(join(bottom!, 'etc')).sort()).toEqual(['one', 'two']);
    }
    expect(await store.status(`${host}/demo/other`)).toBeUndefined();
  });

  test('lays the layers over each other where nothing can be mounted', async () => {
    const digest = await push('app', [{ 'etc/one': '1', 'etc/two': '2' }, { 'etc/two': null, 'app/run': 'x' }], { labels: { [imageMarks.base]: 'host' } });
    const store = open('merged');
    await store.pull(`${host}/demo/app`, undefined, signal());
    const [only, none] = store.folders(store.record(digest)!);
    expect(none).toBeUndefined();
    expect([readdirSync(join(only!, 'etc')), readdirSync(join(only!, 'app'))]).toEqual([['one'], ['run']]);
  });

  test('shares layers between images, and removes with the last', async () => {
    const base: TestLayer = { 'etc/base': 'same' };
    const one = await push('one', [base, { a: '1' }]);
    const other = await push('other', [base, { b: '2' }]);
    const store = open();
    await Promise.all(['one', 'other'].map((name) => store.pull(`${host}/demo/${name}`, undefined, signal())));
    expect(readdirSync(store.layers)).toHaveLength(3);
    await store.remove(one);
    expect(readdirSync(store.layers)).toHaveLength(2);
    expect((await store.list()).map(({ id }) => id)).toEqual([other]);
    await store.remove(other);
    expect(readdirSync(store.layers)).toEqual([]);
  });

  test('asks again what a tag means, and not for a digest that is here', async () => {
    const first = await push('app', [{ a: '1' }]);
    const store = open();
    await store.pull(`${host}/demo/app`, undefined, signal());
    const second = await push('app', [{ a: '2' }]);
    expect(await store.pull(`${host}/demo/app`, undefined, signal())).toMatchObject({ id: second });
    await registry.close();
    expect(await store.pull(`${host}/demo/app@${first}`, undefined, signal())).toMatchObject({ id: first });
    registry = await startRegistry({ directory: join(folder, 'registry') });
  });

  test.each([
    ['InvalidImageName', 'Not/Valid', /reference/],
    ['ErrImagePull', `${host}/demo/nothing`, /nothing/],
    ['ErrImagePull', `${host}/closed/app`, /closed/],
  ])('tells %s for %s', async (reason, reference, message) => {
    await expect(open().pull(reference, undefined, signal())).rejects.toMatchObject({ reason, message: expect.stringMatching(message) as string });
  });

  test('leaves nothing of a pull that was cancelled', async () => {
    await push('app', [{ a: '1' }]);
    const store = open();
    await expect(store.pull(`${host}/demo/app`, undefined, AbortSignal.abort())).rejects.toMatchObject({ reason: 'ErrImagePull', message: expect.stringContaining('cancelled') as string });
    expect(readdirSync(store.layers)).toEqual([]);
  });

  test('refuses folders of this machine that no toolchain lies in, and takes those that were found', async () => {
    const wanted = join(folder, 'tool');
    mkdirSync(join(wanted, 'bin'), { recursive: true });
    await push('app', [{ a: '1' }], { labels: { [imageMarks.base]: 'host', [imageMarks.hostPaths]: JSON.stringify([wanted]) } });
    await expect(open().pull(`${host}/demo/app`, undefined, signal())).rejects.toMatchObject({ reason: 'ErrImagePull', message: expect.stringContaining(wanted) as string });
    const store = open('overlay', { toolchains: () => Promise.resolve([wanted]) });
    const { id } = await store.pull(`${host}/demo/app`, undefined, signal());
    expect(store.record(id)?.hostPaths).toEqual([wanted]);
  });

  test('refuses an image with a base where containers have no root', async () => {
    await push('app', [{ a: '1' }]);
    await expect(open('merged').pull(`${host}/demo/app`, undefined, signal())).rejects.toMatchObject({ message: expect.stringContaining('--runtime sandbox') as string });
  });
});

test('the built-in image copies our bundles and is never pulled', async () => {
  const bundles = join(folder, 'bundles');
  mkdirSync(bundles);
  writeFileSync(join(bundles, 'tools.js'), 'one');
  writeFileSync(join(bundles, 'agent.js'), 'never');
  const builtIn = new Map();
  const store = open('overlay', { builtIn });
  const prepare = () => prepareToolsImage({ bundles, nodeBinary: process.execPath, layers: store.layers });
  builtIn.set('slipway/tools', prepare());
  expect(await store.pull('slipway/tools', undefined, signal())).toMatchObject({ id: 'slipway/tools', config: { entrypoint: ['/opt/slipway/bin/node', '/opt/slipway/tools.js'] } });
  const [layer] = store.folders(store.record('slipway/tools')!);
  expect(readdirSync(join(layer!, 'opt/slipway')).filter((name) => name !== 'compiled').sort()).toEqual(['bin', 'tools.js']);
  writeFileSync(join(bundles, 'tools.js'), 'changed');
  expect(prepare().layers).not.toEqual(store.record('slipway/tools')!.layers);
  // Pods of the version before may still run; those of long ago do not.
  expect(existsSync(layer!)).toBe(true);
  for (const text of ['third', 'the fourth']) {
    writeFileSync(join(bundles, 'tools.js'), text);
    prepare();
  }
  expect(readdirSync(store.layers)).toHaveLength(3);
});

describe('folders of this machine', () => {
  test.each<[string, (home: string) => string, RegExp | undefined]>([
    ['a version of a version manager', (home) => join(home, '.nvm/versions/node/v22'), undefined],
    ['the home', (home) => home, /no place/],
    ['keys', (home) => join(home, '.ssh'), /no place/],
    ['a manager without programs', (home) => join(home, '.nvm/versions'), /bin folder|no place/],
    ['a path that climbs', (home) => `${home}/.nvm/versions/../../.ssh`, /plain form/],
    ['nothing', () => '/opt/no-such-folder', /no such/],
    ['the root', () => '/', /no place/],
  ])('%s', (_, path, reason) => {
    const home = join(folder, 'home');
    for (const made of ['.nvm/versions/node/v22/bin', '.ssh/bin']) mkdirSync(join(home, made), { recursive: true });
    const refused = refuseHostPath(path(home), home);
    if (reason) expect(refused).toMatch(reason);
    else expect(refused).toBeUndefined();
  });

  test('a label that is no list asks for nothing', () => {
    expect(hostPathsOf({ [imageMarks.base]: 'host', [imageMarks.hostPaths]: '{' })).toEqual([]);
    expect(hostPathsOf({ [imageMarks.base]: 'host' })).toEqual([]);
    expect(hostPathsOf({})).toBeUndefined();
  });
});
