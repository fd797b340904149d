import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { GitSource } from '../../../src/api/kinds/build.ts';
import { fetchGit } from '../../../src/controlplane/build/tools/build/source/git.ts';
import { freePort } from '../../support/free-port.ts';
import { eventually } from '../../support/platform/platform.ts';
import { startGitServer, type GitServer } from '../../support/build/git-server.ts';

let folder = '';
let target = '';
let count = 0;
const git = (cwd: string, ...args: string[]) => execFileSync('git', ['-c', 'user.name=Ada', '-c', 'user.email=ada@example.org', '-c', 'protocol.file.allow=always', ...args], { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();
const repository = (path: string, prepare: (path: string) => void) => {
  mkdirSync(path, { recursive: true });
  git(path, 'init', '--quiet', '--initial-branch=main');
  prepare(path);
  git(path, 'add', '.');
  git(path, 'commit', '--quiet', '--message=first');
};
const secretOf = (keys: Record<string, string>) => {
  const path = join(folder, `secret-${++count}`);
  mkdirSync(path);
  for (const [key, text] of Object.entries(keys)) writeFileSync(join(path, key), text);
  return path;
};
const fetch = async (source: GitSource, secret?: string) => {
  target = join(folder, `target-${++count}`);
  const said: string[] = [];
  const revision = await fetchGit({ source, commit: undefined, secret, target, scratch: join(folder, `scratch-${count}`), say: (text) => void said.push(text), signal: new AbortController().signal });
  return { revision, said: said.join('\n') };
};
const fetched = (name: string) => existsSync(join(target, name));

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'git-source-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('submodules', () => {
  let own: GitServer;
  let other: GitServer;
  const seen: (string | undefined)[] = [];
  let spy: Server;

  beforeAll(async () => {
    const login = { username: 'ada', password: 'hush' };
    own = await startGitServer(join(folder, 'own'), login);
    other = await startGitServer(join(folder, 'other'));
    // Asks for a password, and notes what it is given.
    spy = createServer((request, response) => {
      seen.push(request.headers.authorization);
      response.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end();
    });
    await new Promise<void>((resolve) => spy.listen(0, '127.0.0.1', resolve));
    const plant = (path: string, name: string, url: string) => {
      git(path, 'submodule', '--quiet', 'add', `file://${join(folder, name)}`, name.split('/').at(-1) ?? '');
      writeFileSync(join(path, '.gitmodules'), readFileSync(join(path, '.gitmodules'), 'utf8').replace(/url = .*/, `url = ${url}`));
    };
    repository(join(folder, 'other/leaf'), (path) => writeFileSync(join(path, 'leaf'), 'x'));
    repository(join(folder, 'own/middle'), (path) => plant(path, 'other/leaf', `${other.url}/leaf/.git`));
    repository(join(folder, 'own/app'), (path) => plant(path, 'own/middle', `${own.url}/middle/.git`));
    repository(join(folder, 'own/thief'), (path) => plant(path, 'other/leaf', `http://127.0.0.1:${(spy.address() as AddressInfo).port}/leaf/.git`));
  });
  afterAll(async () => {
    spy.closeAllConnections();
    await Promise.all([own.close(), other.close(), new Promise((resolve) => spy.close(resolve))]);
  });

  test("come with theirs, by the source's own password where it is the same host", async () => {
    const { said } = await fetch({ uri: `${own.url}/app/.git` }, secretOf({ username: 'ada', password: 'hush\n' }));
    expect(fetched('middle/leaf/leaf')).toBe(true);
    expect(said).not.toContain('hush');
    expect(said).toContain('Fetching submodules');
  });

  test('of another host are not given the password', async () => {
    await expect(fetch({ uri: `${own.url}/thief/.git` }, secretOf({ username: 'ada', password: 'hush' }))).rejects.toMatchObject({ reason: 'FetchSourceFailed' });
    expect(seen.length).toBeGreaterThan(0);
    expect(seen.filter(Boolean)).toEqual([]);
  });

  test.each<[string, Record<string, string>, string]>([
    ['a password', { username: 'ada', password: 'hush' }, ''],
    ['a token alone, the user in the address', { token: 'hush' }, 'ada@'],
    ['settings of git', { '.gitconfig': '[http]\n\textraHeader = "Authorization: Basic YWRhOmh1c2g="\n' }, ''],
  ])('%s', async (_, keys, user) => {
    await fetch({ uri: `${own.url}/middle/.git`.replace('//', `//${user}`) }, secretOf(keys));
    expect(fetched('leaf/leaf')).toBe(true);
  });
});

describe('what is fetched', () => {
  let server: GitServer;
  let bare: string;
  const commits: Record<string, string> = {};

  beforeAll(async () => {
    const work = join(folder, 'work');
    repository(work, (path) => writeFileSync(join(path, 'file'), 'one'));
    commits.first = git(work, 'rev-parse', 'HEAD');
    git(work, 'tag', '-a', 'v1', '-m', 'one');
    git(work, 'checkout', '-q', '-b', 'feature/x');
    git(work, 'commit', '-q', '--allow-empty', '-m', 'feature');
    commits.feature = git(work, 'rev-parse', 'HEAD');
    git(work, 'checkout', '-q', '--detach', 'main');
    git(work, 'commit', '-q', '--allow-empty', '-m', 'proposed');
    commits.pull = git(work, 'rev-parse', 'HEAD');
    git(work, 'checkout', '-q', 'main');
    git(work, 'commit', '-q', '--allow-empty', '-m', 'latest');
    commits.latest = git(work, 'rev-parse', 'HEAD');
    bare = join(folder, 'served/app.git');
    mkdirSync(join(folder, 'served'));
    git(folder, 'clone', '-q', '--bare', work, bare);
    git(bare, 'fetch', '-q', work, `${commits.pull}:refs/pull/7/head`);
    server = await startGitServer(join(folder, 'served'));
  });
  afterAll(() => server.close());

  test.each<[string, string | undefined, string]>([
    ['the default branch', undefined, 'latest'],
    ['a branch with a slash', 'feature/x', 'feature'],
    ['a branch by its full name', 'refs/heads/feature/x', 'feature'],
    ['a tag that has a message', 'v1', 'first'],
    ['a pull request', 'refs/pull/7/head', 'pull'],
    ['a pull request without refs/', 'pull/7/head', 'pull'],
  ])('%s', async (_, ref, name) => {
    const { revision } = await fetch({ uri: `${server.url}/app.git`, ...(ref && { ref }) });
    expect(revision.commit).toBe(commits[name]);
  });

  test('a commit, long and short', async () => {
    for (const ref of [commits.first, commits.first?.slice(0, 10)]) expect((await fetch({ uri: `${server.url}/app.git`, ref: ref ?? '' })).revision.commit).toBe(commits.first);
  });

  test('through the proxy of the source, but for hosts without', async () => {
    const asked: string[] = [];
    const proxy = createServer((request, response) => {
      asked.push(request.url ?? '');
      response.writeHead(502).end();
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const httpProxy = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    await expect(fetch({ uri: 'http://git.example.org/app.git', httpProxy })).rejects.toThrow(/cannot be reached/);
    expect(asked[0]).toContain('http://git.example.org/app.git/info/refs');
    asked.length = 0;
    await fetch({ uri: `${server.url}/app.git`, httpProxy, noProxy: '127.0.0.1' });
    expect(asked).toEqual([]);
    await new Promise((resolve) => proxy.close(resolve));
  });
});

describe('over TLS', () => {
  let front: Server;
  let server: GitServer;
  let url = '';

  beforeAll(async () => {
    repository(join(folder, 'secure/app'), (path) => writeFileSync(join(path, 'file'), 'x'));
    server = await startGitServer(join(folder, 'secure'));
    const [key, certificate] = [join(folder, 'tls.key'), join(folder, 'tls.crt')];
    execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-keyout', key, '-out', certificate, '-subj', '/CN=git', '-addext', 'subjectAltName=IP:127.0.0.1'], { stdio: 'ignore' });
    const { createServer: createSecure } = await import('node:tls');
    const sockets = new Set<Socket>();
    const tls = createSecure({ key: readFileSync(key), cert: readFileSync(certificate) }, (socket) => {
      sockets.add(socket);
      const behind = connect(Number(new URL(server.url).port), '127.0.0.1');
      for (const one of [socket, behind]) one.on('error', () => undefined);
      socket.pipe(behind).pipe(socket);
    });
    await new Promise<void>((resolve) => tls.listen(0, '127.0.0.1', resolve));
    front = tls as unknown as Server;
    url = `https://127.0.0.1:${(tls.address() as AddressInfo).port}/app/.git`;
  });
  afterAll(async () => {
    front.close();
    await server.close();
  });

  test('an authority of the secret is trusted, another is not', async () => {
    await expect(fetch({ uri: url })).rejects.toThrow(/certificate .* is not trusted; put the authority's certificate as "ca.crt"/);
    await fetch({ uri: url }, secretOf({ 'ca.crt': readFileSync(join(folder, 'tls.crt'), 'utf8') }));
    expect(fetched('file')).toBe(true);
  });
});

describe('over ssh', () => {
  let daemon: ChildProcess;
  let port = 0;
  let uri = '';
  let key = '';
  let hostKey = '';

  beforeAll(async () => {
    port = await freePort();
    const home = join(folder, 'sshd');
    mkdirSync(home, { mode: 0o700 });
    for (const name of ['host', 'user', 'stranger']) execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', join(home, name)]);
    writeFileSync(join(home, 'authorized'), readFileSync(join(home, 'user.pub')));
    chmodSync(join(home, 'authorized'), 0o600);
    writeFileSync(join(home, 'config'), ['ListenAddress 127.0.0.1', `Port ${port}`, `HostKey ${join(home, 'host')}`, `AuthorizedKeysFile ${join(home, 'authorized')}`, 'StrictModes no', 'UsePAM no', 'PasswordAuthentication no', `PidFile ${join(home, 'pid')}`, 'AcceptEnv *'].join('\n'));
    // As root it wants its folder.
    if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true });
    daemon = spawn('/usr/sbin/sshd', ['-D', '-e', '-f', join(home, 'config')], { stdio: ['ignore', 'ignore', 'pipe'] });
    await eventually('the ssh server listens', async () => new Promise<boolean>((resolve, reject) => connect(port, '127.0.0.1').once('connect', function (this: Socket) {
      this.destroy();
      resolve(true);
    }).once('error', reject)));
    repository(join(folder, 'ssh-app'), (path) => writeFileSync(join(path, 'file'), 'x'));
    uri = `ssh://${userInfo().username}@127.0.0.1:${port}${join(folder, 'ssh-app')}`;
    key = readFileSync(join(home, 'user'), 'utf8');
    hostKey = `[127.0.0.1]:${port} ${readFileSync(join(home, 'host.pub'), 'utf8')}`;
  });
  afterAll(() => void daemon.kill('SIGKILL'));
  beforeEach(() => expect(daemon.exitCode).toBeNull());

  test('with a key; a host key that nobody gave is not checked, and that is said', async () => {
    const { said } = await fetch({ uri }, secretOf({ 'ssh-privatekey': key }));
    expect(fetched('file')).toBe(true);
    expect(said).toContain('warning: the host key of 127.0.0.1 is not checked: add "known_hosts" to the source secret');
    expect(said).not.toContain('PRIVATE KEY');
  });

  test('with known hosts the host must be the known one', async () => {
    const { said } = await fetch({ uri }, secretOf({ 'ssh-privatekey': key, known_hosts: hostKey }));
    expect(said).not.toContain('warning');
    const other = hostKey.replace(/ssh-ed25519 .*/, readFileSync(join(folder, 'sshd/stranger.pub'), 'utf8'));
    await expect(fetch({ uri }, secretOf({ 'ssh-privatekey': key, known_hosts: other }))).rejects.toMatchObject({ reason: 'FetchSourceFailed' });
  });

  test('a key that is not let in, and none', async () => {
    await expect(fetch({ uri }, secretOf({ 'ssh-privatekey': readFileSync(join(folder, 'sshd/stranger'), 'utf8') }))).rejects.toThrow(/refused the credentials of the source secret/);
    await expect(fetch({ uri })).rejects.toThrow(/asks for a password/);
  });
});
