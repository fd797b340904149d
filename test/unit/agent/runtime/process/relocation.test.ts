import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { relocation, shownIn } from '../../../../../src/agent/runtime/process/relocation.ts';

const root = '/work/c1/root';
const here = relocation(root, (path) => path === '/etc/app.conf' || path === '/srv/site');

describe('a path', () => {
  test.each([
    ['/opt/app-root', `${root}/opt/app-root`],
    ['/opt/app-root/src/../etc', `${root}/opt/app-root/etc`],
    ['/etc/app.conf', `${root}/etc/app.conf`],
    ['/opt/app-rooted', '/opt/app-rooted'],
    ['/bin/sh', '/bin/sh'],
    ['/', '/'],
    ['src/x.js', 'src/x.js'],
  ])('%s is %s', (path, expected) => expect(here.path(path)).toBe(expected));
});

describe('a word of a command line', () => {
  test.each([
    ['/opt/s2i/run', `${root}/opt/s2i/run`],
    ['--config=/etc/app.conf', `--config=${root}/etc/app.conf`],
    ['--root=/', '--root=/'],
    ['cd /opt/app-root/src && exec /opt/s2i/bin/node x.js', `cd ${root}/opt/app-root/src && exec ${root}/opt/s2i/bin/node x.js`],
    ["echo '/opt/app-root'", `echo '${root}/opt/app-root'`],
    ['/var/lib/opt/app-root/x', '/var/lib/opt/app-root/x'],
  ])('%s becomes %s', (word, expected) => expect(here.word(word)).toBe(expected));
});

describe('a value of a variable', () => {
  test.each([
    ['/opt/app-root/bin:/opt/s2i/bin:/usr/bin', `${root}/opt/app-root/bin:${root}/opt/s2i/bin:/usr/bin`],
    ['/srv/site', `${root}/srv/site`],
    ['--require /opt/app-root/src/trace.js', `--require ${root}/opt/app-root/src/trace.js`],
    ['image:///opt/s2i', 'image:///opt/s2i'],
    ['http://example.com/opt/app-root/x', 'http://example.com/opt/app-root/x'],
    ['postgres://user:secret@db:5432/app', 'postgres://user:secret@db:5432/app'],
    ['', ''],
  ])('%s becomes %s', (value, expected) => expect(here.value(value)).toBe(expected));
});

describe('what the work folder answers for', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'slipway-relocation-'));
    mkdirSync(join(folder, 'usr/bin'), { recursive: true });
    writeFileSync(join(folder, 'usr/bin/only-here'), '');
    mkdirSync(join(folder, 'srv-of-the-image'));
    mkdirSync(join(folder, 'etc'));
    symlinkSync('/anywhere', join(folder, 'etc/volume'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  test('files, folders that the machine lacks, and links that stand for volumes', () => {
    const shown = shownIn(folder);
    expect(['/usr/bin/only-here', '/srv-of-the-image', '/etc/volume'].map(shown)).toEqual([true, true, true]);
  });

  test('not a folder that the machine has too, nor what is in neither', () => {
    const shown = shownIn(folder);
    expect(['/usr/bin', '/usr/bin/sh', '/no/such'].map(shown)).toEqual([false, false, false]);
  });
});
