import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { probeGit } from '../../../src/detect/git-probe.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'probe-'));
  const git = (...args: string[]) => execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@b', ...args], { cwd: folder, stdio: 'pipe' });
  git('init', '--quiet', '--initial-branch=main');
  writeFileSync(join(folder, 'package.json'), '{}');
  git('add', '.');
  git('commit', '--quiet', '--message=first');
});
afterEach(() => rmSync(folder, { recursive: true }));

test('a repository is looked into and forgotten', async () => {
  const probe = await probeGit(`file://${folder}`, { ref: 'main' });
  expect(existsSync(join(probe.folder, 'package.json'))).toBe(true);
  await probe.dispose();
  expect(existsSync(probe.folder)).toBe(false);
});

test('a reference is never an option of git', async () => {
  const mark = join(folder, 'mark');
  await expect(probeGit(`file://${folder}`, { ref: `--upload-pack=touch ${mark}; git-upload-pack` })).rejects.toMatchObject({ problem: 'NoSuchRef' });
  expect(existsSync(mark)).toBe(false);
});

test('a password is not told', async () => {
  await expect(probeGit('http://me:hush@127.0.0.1:1/a.git')).rejects.not.toThrow('hush');
});
