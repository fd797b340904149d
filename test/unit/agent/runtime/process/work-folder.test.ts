import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, readlinkSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { makeWorkFolder, relocateScript } from '../../../../../src/agent/runtime/process/work-folder.ts';

let folder: string;
let image: string;
let root: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'slipway-folder-'));
  [image, root] = [join(folder, 'image'), join(folder, 'root')];
  mkdirSync(join(image, 'opt/app-root/bin'), { recursive: true });
  mkdirSync(join(image, 'opt/s2i/bin'), { recursive: true });
});
afterEach(() => rmSync(folder, { recursive: true }));

test('every container has files of its own, with their modes', async () => {
  writeFileSync(join(image, 'opt/s2i/run'), '#!/bin/sh\n', { mode: 0o755 });
  await makeWorkFolder(image, root);
  writeFileSync(join(root, 'opt/s2i/run'), 'changed');
  expect(readFileSync(join(image, 'opt/s2i/run'), 'utf8')).toBe('#!/bin/sh\n');
  expect(statSync(join(root, 'opt/s2i/run')).mode & 0o777).toBe(0o755);
});

test("links to this machine's programs stay, those to the application's folders are led along", async () => {
  symlinkSync('/usr/bin/env', join(image, 'opt/s2i/bin/env'));
  symlinkSync('/opt/app-root/bin', join(image, 'opt/s2i/bin/own'));
  symlinkSync('../run', join(image, 'opt/s2i/bin/run'));
  await makeWorkFolder(image, root);
  expect(['env', 'own', 'run'].map((name) => readlinkSync(join(root, 'opt/s2i/bin', name)))).toEqual(['/usr/bin/env', join(root, 'opt/app-root/bin'), '../run']);
});

test('a folder without write permission can be filled, and deleted afterwards', async () => {
  mkdirSync(join(image, 'opt/app-root/closed'));
  writeFileSync(join(image, 'opt/app-root/closed/file'), 'x');
  chmodSync(join(image, 'opt/app-root/closed'), 0o555);
  await makeWorkFolder(image, root);
  expect(statSync(join(root, 'opt/app-root/closed')).mode & 0o700).toBe(0o700);
  chmodSync(join(image, 'opt/app-root/closed'), 0o755);
});

test("a program of a virtual environment runs with the container's own interpreter, wherever it was built", async () => {
  symlinkSync('/bin/sh', join(image, 'opt/app-root/bin/python'));
  writeFileSync(join(image, 'opt/app-root/bin/tool'), '#!/somewhere/build-1/root/opt/app-root/bin/python\necho it runs\n', { mode: 0o755 });
  await makeWorkFolder(image, root);
  expect(execFileSync(join(root, 'opt/app-root/bin/tool'), { encoding: 'utf8' })).toBe('it runs\n');
});

test.each(['#!/usr/bin/env python3\n', '\x7fELF\n/opt/app-root/x\n', '#!no line end'])('%j is left as it is', (text) => {
  expect(relocateScript(Buffer.from(text), '/root')).toBeUndefined();
});
