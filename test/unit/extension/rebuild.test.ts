import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { BuildConfig } from '../../../src/api/kinds/build.ts';
import type { Pod } from '../../../src/api/kinds/core.ts';
import { archiveSource } from '../../../src/client/apps/source-archive.ts';
import { changesBetween, needsBuild, nothingChanged, readsAtRequest, type Tree } from '../../../src/extension/rebuild/change-plan.ts';
import { readTree } from '../../../src/extension/rebuild/source-tree.ts';
import { syncCodes, syncCommand, targetsOf } from '../../../src/extension/rebuild/sync-plan.ts';

const tree = (files: Record<string, string>): Tree => new Map(Object.entries(files).map(([name, digest]) => [name, { size: 1, mode: 0o644, modified: 0, digest }]));

describe('what changed', () => {
  test('is what is new, other or gone', () => {
    const changes = changesBetween(tree({ a: '1', b: '1', c: '1' }), tree({ a: '1', b: '2', d: '1' }));
    expect(changes).toEqual({ changed: ['b', 'd'], removed: ['c'] });
    expect(nothingChanged(changesBetween(tree({ a: '1' }), tree({ a: '1' })))).toBe(true);
  });

  test('counts a bit that lets a file run, and no other', () => {
    const with_ = (mode: number): Tree => new Map([['a', { size: 1, mode, modified: 0, digest: '1' }]]);
    expect(nothingChanged(changesBetween(with_(0o644), with_(0o600)))).toBe(true);
    expect(changesBetween(with_(0o644), with_(0o755)).changed).toEqual(['a']);
  });

  test.each([
    ['server.js', 'nodejs:latest', undefined], ['views/index.html', 'python:3.11', undefined], ['package.json', 'nodejs:latest', 'package.json'], ['api/requirements-dev.txt', 'python', 'api/requirements-dev.txt'],
    ['.s2i/environment', 'nodejs', '.s2i/environment'], ['main.go', 'golang:latest', 'golang:latest'], ['src/App.java', 'java:17', 'java:17'], ['app.ts', 'openshift/nodejs:20', undefined], ['Gemfile.lock', 'ruby', 'Gemfile.lock'],
  ])('%s of a %s app', (file, builder, why) => expect(needsBuild({ changed: [file], removed: [] }, tree({ [file]: '1' }), builder)).toBe(why));

  test('too much of it travels as a build', () => {
    expect(needsBuild({ changed: ['big'], removed: [] }, new Map([['big', { size: 64e6, mode: 0, modified: 0, digest: '' }]]), 'nodejs')).toBe('1');
    expect(needsBuild({ changed: [], removed: Array.from({ length: 300 }, (_, index) => `f${index}`) }, new Map(), 'nodejs')).toBe('300');
    expect([readsAtRequest('static:latest'), readsAtRequest('openshift/php:8'), readsAtRequest('nodejs')]).toEqual([true, true, false]);
  });
});

describe('a source folder', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'slipway-tree-'));
    mkdirSync(path.join(folder, 'docs'));
    mkdirSync(path.join(folder, 'node_modules'));
    for (const [name, text] of Object.entries({ 'a.js': 'a', 'b.log': 'b', 'docs/c.md': 'c', 'node_modules/x.js': 'x', '.s2iignore': 'docs\n*.log\n' })) writeFileSync(path.join(folder, name), text);
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  test('is read without what builds are not sent', async () => {
    expect([...(await readTree(folder, undefined, 1e6)).keys()].sort()).toEqual(['.s2iignore', 'a.js']);
  });

  test('is read again only where it looks different', async () => {
    const first = await readTree(folder, undefined, 1e6);
    writeFileSync(path.join(folder, 'a.js'), 'A');
    const { modified = 0 } = first.get('a.js') ?? {};
    utimesSync(path.join(folder, 'a.js'), modified / 1000, modified / 1000);
    expect(nothingChanged(changesBetween(first, await readTree(folder, first, 1e6)))).toBe(true);
    writeFileSync(path.join(folder, 'a.js'), 'AA');
    expect(changesBetween(first, await readTree(folder, first, 1e6)).changed).toEqual(['a.js']);
  });
});

test('files go to the containers that run an image of the stream, and to no other', () => {
  const config = { metadata: { name: 'web', namespace: 'shop' }, spec: { strategy: {}, output: { to: { kind: 'ImageStreamTag', name: 'web:latest' } } } } as BuildConfig;
  const pod = (name: string, image: string, rest: object = {}, labels = {}) => ({ metadata: { name, namespace: 'shop', labels }, spec: { containers: [{ name: 'main', image }, { name: 'side', image: 'proxy' }] }, status: { phase: 'Running' }, ...rest }) as unknown as Pod;
  const pods = [
    pod('yes', 'registry:5000/shop/web@sha256:1'), pod('tagged', 'registry:5000/shop/web:v1'), pod('other', 'registry:5000/shop/web2@sha256:1'), pod('elsewhere', 'registry:5000/blog/web@sha256:1'),
    pod('waiting', 'registry:5000/shop/web@sha256:1', { status: { phase: 'Pending' } }), pod('builds', 'registry:5000/shop/web@sha256:1', {}, { 'openshift.io/build.name': 'web-1' }),
  ];
  expect(targetsOf(config, pods).map((one) => `${one.pod.metadata.name}/${one.container}`)).toEqual(['yes/main', 'tagged/main']);
  expect(targetsOf({ ...config, spec: { strategy: {}, output: { to: { kind: 'DockerImage', name: 'x' } } } } as BuildConfig, pods)).toEqual([]);
  expect(syncCommand(10, ['-rf', 'a b'], true).slice(3)).toEqual(['sync', '10', 'live', '-rf', 'a b']);
});

describe.skipIf(process.platform === 'win32')('the program that takes files in a container', () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(path.join(tmpdir(), 'slipway-sync-'));
    mkdirSync(path.join(root, 'app/src'), { recursive: true });
    mkdirSync(path.join(root, 'here'));
    writeFileSync(path.join(root, 'app/src/old.js'), 'old');
    writeFileSync(path.join(root, 'here/new.js'), 'new');
  });
  afterEach(() => rmSync(root, { recursive: true, force: true }));

  const sync = async (removed: string[], live: boolean, environment: Record<string, string> = {}, files = ['new.js']) => {
    const archive = Buffer.concat(await archiveSource(path.join(root, 'here'), files.map((name) => ({ path: name, size: 3, mode: 0o644 }))).toArray() as Buffer[]);
    const bytes = files.length > 0 ? archive : Buffer.alloc(0);
    const [program = '', ...args] = syncCommand(bytes.length, removed, live);
    return spawnSync(program, args, { input: bytes, encoding: 'utf8', env: { PATH: process.env.PATH, TMPDIR: root, APP_ROOT: path.join(root, 'app'), ...environment } }).status;
  };
  const there = () => readdirSync(path.join(root, 'app/src')).sort();

  test('puts them there, removes what is gone, and hangs up on the supervisor', async () => {
    const supervisor = spawn('sleep', ['1000']);
    const hungUp = new Promise((resolve) => supervisor.once('exit', (_code, signal) => resolve(signal)));
    writeFileSync(path.join(root, '.slipway-dev.pid'), String(supervisor.pid));
    expect(await sync(['old.js', '-rf'], false)).toBe(0);
    expect(await hungUp).toBe('SIGHUP');
    expect(there()).toEqual(['new.js']);
  });

  test('does nothing where nobody would start the application again', async () => {
    expect(await sync([], false)).toBe(syncCodes.notInDevelopment);
    // A number that is left of one who is gone.
    writeFileSync(path.join(root, '.slipway-dev.pid'), '4194304');
    expect(await sync([], false)).toBe(syncCodes.notInDevelopment);
    expect(there()).toEqual(['old.js']);
    expect(await sync([], false, { DEV_MODE: 'true' })).toBe(0);
    expect(await sync(['new.js'], true, {}, [])).toBe(0);
    expect(there()).toEqual(['old.js']);
  });

  test('tells that there is no application', async () => expect(await sync([], true, { APP_ROOT: '/nowhere' })).toBe(syncCodes.noFolder));
});
