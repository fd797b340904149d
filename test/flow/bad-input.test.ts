/** What goes wrong ends in a text that says what to do, and nothing that was acknowledged is lost. */
import { execFileSync } from 'node:child_process';
import { chmodSync, closeSync, cpSync, ftruncateSync, mkdirSync, mkdtempSync, openSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import net from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { refusedExitCode } from '../../src/protocol/daemon.ts';
import { startGitServer, type GitServer } from '../support/platform/git-server.ts';
import { collect, eventually, Platform, type Result } from '../support/platform/platform.ts';

const told = ({ stdout, stderr }: Result) => stdout + stderr;
const isRoot = process.getuid?.() === 0;

describe('a running platform', () => {
  let platform: Platform;
  let git: GitServer;
  let sources: string;
  const newApp = (...args: string[]) => platform.run(['new-app', ...args], { timeoutMs: 120_000 });

  beforeAll(async () => {
    platform = new Platform();
    git = await startGitServer();
    sources = path.join(platform.user.home, 'sources');
    cpSync('test/fixtures/apps', sources, { recursive: true });
    mkdirSync(path.join(sources, 'nothing'));
    writeFileSync(path.join(sources, 'nothing', 'notes.txt'), 'no application\n');
    platform.user.own(sources);
    await platform.up();
  });
  afterAll(async () => {
    await platform?.dispose();
    await git?.close();
  });

  test('an unknown builder: the known ones are named', async () => {
    const result = await newApp(path.join(sources, 'node-hello'), '--builder', 'cobol');
    expect(result.code).toBe(1);
    expect(told(result)).toMatch(/There is no builder "cobol"\. Builders here: .*nodejs/);
  });

  test('a source that no builder fits: what was looked for', async () => {
    const result = await newApp(path.join(sources, 'nothing'));
    expect(result.code).toBe(1);
    expect(told(result)).toMatch(/No builder fits .*package\.json.* Name one with --builder/);
  });

  test('a folder, a repository, a branch that is not there', async () => {
    git.repository('real', path.join(sources, 'static-hello'));
    expect(told(await newApp(path.join(sources, 'missing')))).toContain(`There is no folder "${path.join(sources, 'missing')}".`);
    expect(told(await newApp(git.local('missing')))).toContain('There is no Git repository at');
    expect(told(await newApp(git.local('real'), '--ref', 'no-such-branch'))).toContain('The repository has no branch, tag or commit "no-such-branch". Check the reference.');
    expect(told(await newApp(git.local('real'), '--context-dir', 'no-such-folder'))).toContain('The repository has no folder "no-such-folder". Check the context directory.');
  });

  test('a Git URL that asks for a password', async () => {
    const result = await newApp(`http://127.0.0.1:${git.port}/private/app.git`, '--name', 'private');
    expect(result.code).toBe(1);
    expect(told(result)).toMatch(/asks for a password\. Make a source secret with "kubectl create secret generic/);
    expect(await platform.kube('get', 'buildconfig,imagestream,service', '-l', 'app=private', '-o', 'name')).toBe('');
  });

  test('a source of 500 MB: told before anything is sent, with what makes it so large', async () => {
    const folder = path.join(sources, 'large');
    mkdirSync(folder);
    writeFileSync(path.join(folder, 'index.html'), '<p>small</p>');
    const file = openSync(path.join(folder, 'data.bin'), 'w');
    ftruncateSync(file, 500 * 1024 * 1024);
    closeSync(file);
    platform.user.own(folder);
    const result = await newApp(folder, '--builder', 'static');
    expect(result.code).toBe(1);
    expect(told(result)).toMatch(/holds 500 MB, more than the 256 MB that are sent\. Largest: data\.bin \(500 MB\).*\.gitignore/);
    expect(await platform.kube('get', 'buildconfig', '-o', 'name')).toBe('');
  });

  test('a name that is no DNS label, and one that is taken', async () => {
    const bad = await newApp(path.join(sources, 'static-hello'), '--name', 'My_App');
    expect(bad.code).toBe(2);
    expect(told(bad)).toMatch(/"My_App" has capital letters.*try "my-app"/);
    expect(told(await newApp(path.join(sources, 'static-hello'), '--name', '1st'))).toContain('is no DNS label');
    await platform.kube('create', 'service', 'clusterip', 'taken', '--tcp=80');
    const taken = await newApp(path.join(sources, 'static-hello'), '--name', 'taken');
    expect(taken.code).toBe(1);
    expect(told(taken)).toMatch(/"taken".*exists/);
    expect(await platform.kube('get', 'buildconfig', '-o', 'name')).toBe('');
  });

  test('a project that is not there', async () => {
    const result = await newApp(path.join(sources, 'static-hello'), '-n', 'nowhere');
    expect(result.code).toBe(1);
    expect(told(result)).toContain('There is no project "nowhere". Make it with: kubectl create namespace nowhere');
  });

  test('an assemble that fails: its exit code and last lines are in the status of the build', async () => {
    const result = await newApp(path.join(sources, 'broken-node'));
    expect(result.code).toBe(1);
    expect(told(result)).toMatch(/build broken-node-1 failed: .*exit code 3[^]*the sources are broken on purpose[^]*slipway logs build\/broken-node-1/);
    const { status } = await platform.json<{ status: { phase: string; reason: string; message: string; logSnippet: string } }>('get', 'build', 'broken-node-1');
    expect(status).toMatchObject({ phase: 'Failed', reason: 'AssembleFailed', message: expect.stringContaining('exit code 3'), logSnippet: expect.stringContaining('the sources are broken on purpose') });
    expect(await platform.kube('get', 'pod', 'broken-node-1-build', '-o', 'jsonpath={.status.phase}')).toBe('Failed');
  });

  test('unknown options and values', async () => {
    expect(told(await platform.run(['up', '--runtime', 'docker']))).toContain('--runtime knows "sandbox", "engine" and "process", not "docker".');
    expect(told(await platform.run(['up', '--api-port', 'many']))).toContain('--api-port takes a port number');
    expect(told(await platform.run(['status', '--otput', 'json']))).toMatch(/Unknown option '--otput'[^]*slipway help/);
    expect(told(await platform.run(['rsh', 'no-such-pod']))).toContain('pods "no-such-pod" not found');
  });

  test('a second start on one home', async () => {
    const before = await platform.status();
    const again = await platform.run(['up', '--detach']);
    expect(again.code).toBe(refusedExitCode);
    expect(told(again)).toMatch(/A platform runs on ".*" already\.\nUse it, or stop it first: slipway down/);
    expect(await platform.status()).toEqual(before);
  });

  test('a store file cut short: refused, told how to recover, recovered', async () => {
    await platform.kube('create', 'namespace', 'kept');
    for (let index = 0; index < 40; index += 1) await platform.kube('create', 'configmap', `map-${index}`, '-n', 'kept', `--from-literal=text=${'x'.repeat(2000)}`);
    await platform.down();
    const file = path.join(platform.home, 'store', 'slipway.db');
    truncateSync(file, Math.floor(statSync(file).size * 0.9 / 4096) * 4096);
    const refused = await platform.run(['up', '--detach']);
    expect(refused.code).toBe(refusedExitCode);
    expect(told(refused)).toMatch(/The store .* is damaged: [^]*slipway up --recover/);
    await platform.up(['--recover']);
    expect(readdirSync(path.dirname(file)).some((name) => name.startsWith('slipway.db.damaged-'))).toBe(true);
    expect((await platform.kube('get', 'configmaps', '-n', 'kept', '-o', 'name')).split('\n').filter((name) => name.includes('/map-')).length).toBeGreaterThan(20);
    await eventually('its node is ready', async () => (/^node-1 +Ready /.test(await platform.kube('get', 'nodes', '--no-headers')) ? true : undefined));
  });
});

describe('a start that cannot be', () => {
  let platform: Platform;
  beforeAll(() => {
    platform = new Platform();
  });
  afterAll(() => platform.dispose());

  test.each(['--api-port', '--http-port', '--https-port'])('the port of %s is in use', async (option) => {
    const holder = net.createServer();
    await new Promise<void>((resolve) => holder.listen(0, '127.0.0.1', resolve));
    const { port } = holder.address() as AddressInfo;
    try {
      const result = await platform.run(['up', '--detach', option, String(port)], { timeoutMs: 90_000 });
      expect(result.code).toBe(refusedExitCode);
      expect(told(result)).toMatch(new RegExp(`Port ${port} .*in use[^]*${option}`));
      expect((await platform.status()).state).toBe('stopped');
    } finally {
      holder.close();
    }
  });

  test('user namespaces are not allowed: why, what allows them, what works without', async () => {
    const inside = `echo 0 > /proc/sys/user/max_user_namespaces && exec "$@"`;
    const child = platform.spawn(['up', '--detach'], {}, ['unshare', '-Ur', 'sh', '-c', inside, 'sh']);
    const result = await collect(child);
    expect(result.code).toBe(refusedExitCode);
    expect(told(result)).toMatch(/Pods cannot be sandboxed on this machine: no user namespaces are allowed[^]*sudo sysctl -w user\.max_user_namespaces=15000\nOr run apps as plain processes, without isolation: slipway up --runtime process/);
  });

  test('a home that cannot be written', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'slipway-closed-'));
    platform.user.own(folder);
    chmodSync(folder, 0o555);
    try {
      const result = await new Platform(platform.user, path.join(folder, 'home')).run(['up', '--detach']);
      expect(result.code).toBe(refusedExitCode);
      expect(told(result)).toMatch(/^The home ".*home" cannot be written: .*\nChoose another folder with --home DIR\.\n$/);
    } finally {
      chmodSync(folder, 0o755);
      rmSync(folder, { recursive: true });
    }
  });
});

describe.runIf(isRoot)('a full disk', () => {
  let platform: Platform;
  const fill = (file: string) => {
    const handle = openSync(file, 'w');
    try {
      for (let size = 1 << 20; size >= 512; ) {
        try {
          writeSync(handle, Buffer.alloc(size));
        } catch {
          size >>= 1;
        }
      }
    } finally {
      closeSync(handle);
    }
  };

  beforeAll(async () => {
    platform = new Platform();
    mkdirSync(platform.home);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=192m,mode=0700', 'tmpfs', platform.home]);
    platform.user.own(platform.home);
    await platform.up(['--runtime', 'process']);
  });
  afterAll(async () => {
    await platform?.down();
    execFileSync('umount', ['-l', platform.home]);
    await platform?.dispose();
  });

  test('a write is refused with the reason, and nothing acknowledged is lost', async () => {
    await platform.kube('create', 'configmap', 'before');
    const filler = path.join(platform.home, 'filler');
    fill(filler);
    const big = path.join(platform.user.home, 'big');
    writeFileSync(big, 'x'.repeat(400_000));
    let refused: Result | undefined;
    const acknowledged: string[] = [];
    for (let index = 0; index < 20 && !refused; index += 1) {
      const result = await platform.kubectl(['create', 'configmap', `during-${index}`, `--from-file=${big}`]);
      if (result.code === 0) acknowledged.push(`configmap/during-${index}`);
      else refused = result;
    }
    expect(refused?.stderr).toMatch(/disk .* is full\. Free some space and try again/);
    expect(await platform.kube('get', 'configmap', 'before', '-o', 'name')).toBe('configmap/before\n');
    rmSync(filler);
    await eventually('writing works again', async () => ((await platform.kubectl(['create', 'configmap', 'after'])).code === 0 ? true : undefined));
    await platform.down();
    fill(filler);
    const start = await platform.run(['up', '--detach', '--runtime', 'process']);
    expect(start.code).toBe(refusedExitCode);
    expect(told(start)).toMatch(/disk.* is full.* Free some space/);
    rmSync(filler);
    await platform.up(['--runtime', 'process']);
    const names = (await platform.kube('get', 'configmaps', '-o', 'name')).split('\n');
    for (const name of ['configmap/before', 'configmap/after', ...acknowledged]) expect(names).toContain(name);
  });
});
