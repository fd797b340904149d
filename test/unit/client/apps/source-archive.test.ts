import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import { extract } from 'tar-stream';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { archiveSource, listSource, SourceMissing, SourceTooLarge } from '../../../../src/client/apps/source-archive.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'slipway-test-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const write = (name: string, text: string, mode = 0o644) => {
  mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
  writeFileSync(path.join(folder, name), text, { mode });
};

test('leaves out what builders make anew', async () => {
  write('server.js', 'x');
  write('node_modules/left/index.js', 'x');
  write('.git/HEAD', 'x');
  write('src/__pycache__/a.pyc', 'x');
  write('src/a.py', 'x');
  expect((await listSource(folder)).map((entry) => entry.path)).toEqual(['server.js', 'src/a.py']);
});

test('a git work tree sends what git does not ignore, committed or not', async () => {
  write('.gitignore', 'secret.env\n');
  write('secret.env', 'x');
  write('app.js', 'x');
  execFileSync('git', ['init', '-q', folder]);
  execFileSync('git', ['-C', folder, 'add', '.gitignore']);
  expect((await listSource(folder)).map((entry) => entry.path)).toEqual(['.gitignore', 'app.js']);
});

test('archives contents, modes and links', async () => {
  write('bin/run', '#!/bin/sh\n', 0o755);
  write('empty', '');
  symlinkSync('bin/run', path.join(folder, 'link'));
  const entries = await listSource(folder);
  const tar = gunzipSync(await buffer(archiveSource(folder, entries)));
  const found: Record<string, unknown> = {};
  const unpack = extract();
  unpack.on('entry', (header, stream, next) => {
    void buffer(stream).then((bytes) => {
      found[header.name] = header.type === 'symlink' ? header.linkname : [header.mode, bytes.toString()];
      next();
    });
  });
  await new Promise<void>((resolve, reject) => unpack.on('finish', () => resolve()).on('error', reject).end(tar));
  expect(found).toEqual({ 'bin/run': [0o755, '#!/bin/sh\n'], empty: [0o644, ''], link: 'bin/run' });
});

test('refuses a source over the limit, naming what is large', async () => {
  write('data/big.bin', 'x'.repeat(3000));
  write('app.js', 'x');
  await expect(listSource(folder, 1000)).rejects.toThrow(SourceTooLarge);
  await expect(listSource(folder, 1000)).rejects.toThrow('data/');
});

test('refuses what is no source', async () => {
  await expect(listSource(path.join(folder, 'nowhere'))).rejects.toThrow(SourceMissing);
  await expect(listSource(folder)).rejects.toThrow('it is empty');
});
