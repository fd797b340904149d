import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { fetchGit } from '../../../../src/controlplane/build/tools/build/source/git.ts';
import { cloneWithLibrary } from '../../../../src/controlplane/build/tools/build/source/git-library.ts';
import { startGitServer, type GitServer } from '../../../support/build/git-server.ts';

let folder = '';
let server: GitServer;
const git = (cwd: string, ...args: string[]) => execFileSync('git', ['-c', 'user.name=a', '-c', 'user.email=a@b', '-c', 'protocol.file.allow=always', ...args], { cwd, stdio: 'pipe' });
const repository = (name: string, prepare: (path: string) => void) => {
  const path = join(folder, name);
  mkdirSync(path);
  git(path, 'init', '--quiet', '--initial-branch=main');
  prepare(path);
  git(path, 'add', '.');
  git(path, 'commit', '--quiet', '--message=first');
};
const fetch = (uri: string, ref?: string) => ({
  source: { uri, ...(ref && { ref }) }, commit: undefined, secret: undefined, target: join(folder, 'target'), scratch: join(folder, 'scratch'), say: () => undefined, signal: new AbortController().signal,
});

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'git-'));
  server = await startGitServer(folder);
  repository('private', (path) => writeFileSync(join(path, 'secret'), 'x'));
  repository('app', (path) => git(path, 'submodule', '--quiet', 'add', `file://${join(folder, 'private')}`, 'part'));
});
afterEach(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

test('a repository from elsewhere brings in none of this machine; one of this machine may', async () => {
  await expect(fetchGit(fetch(`${server.url}/app/.git`))).rejects.toThrow("transport 'file' not allowed");
  expect(existsSync(join(folder, 'target/part/secret'))).toBe(false);
  rmSync(join(folder, 'target'), { recursive: true });
  await fetchGit(fetch(`file://${join(folder, 'app')}`));
  expect(existsSync(join(folder, 'target/part/secret'))).toBe(true);
});

test('a password in the URL is not told', async () => {
  const uri = `${server.url.replace('//', '//me:hush@')}/private/.git`;
  const told = `"nope" is no branch, tag or commit of ${server.url}/private/.git`;
  await expect(fetchGit(fetch(uri, 'nope'))).rejects.toThrow(told);
  await expect(cloneWithLibrary({ ...fetch(uri, 'nope'), target: join(folder, 'other') }, { env: {}, hasSecret: false, warnings: [] })).rejects.toThrow(told);
});
