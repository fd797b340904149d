import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, openSync, readFileSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { containerCommand, containerEnvironment } from '../../../../src/agent/runtime/command.ts';
import { shellQuote } from '../../../../src/agent/runtime/run.ts';
import { copyLayers } from '../../../../src/agent/runtime/sandbox/copy-root.ts';
import { parseLibraries, type Kit } from '../../../../src/agent/runtime/sandbox/kit.ts';
import { resolveInLayers } from '../../../../src/agent/runtime/sandbox/merged-path.ts';
import { bind, formatTable, readMountPoints } from '../../../../src/agent/runtime/sandbox/mount-table.ts';
import { hostsFile, resolvFile } from '../../../../src/agent/runtime/sandbox/pod-files.ts';
import { planRoot } from '../../../../src/agent/runtime/sandbox/root-plan.ts';
import { enterText, environmentScript } from '../../../../src/agent/runtime/sandbox/start-script.ts';
import { containerUser } from '../../../../src/agent/runtime/sandbox/user.ts';

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'plan-'))));
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function failureOf(what: () => unknown): unknown {
  try {
    return what();
  } catch (error) {
    return error;
  }
}

/** Files by path; a text that starts with `->` is a link, a path that ends with `/` a folder. */
function layer(name: string, files: Record<string, string>): string {
  const root = join(folder, name);
  mkdirSync(root);
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(root, path.endsWith('/') ? path : join(path, '..')), { recursive: true });
    if (text.startsWith('->')) symlinkSync(text.slice(2), join(root, path));
    else if (!path.endsWith('/')) writeFileSync(join(root, path), text);
  }
  return root;
}

describe('command and environment', () => {
  const image = { env: [], entrypoint: ['entry'], cmd: ['cmd', 'arg'], exposedPorts: [], labels: {} };
  test.each([
    [undefined, undefined, ['entry', 'cmd', 'arg']],
    [['own'], undefined, ['own']],
    [undefined, ['other'], ['entry', 'other']],
    [['own'], ['other'], ['own', 'other']],
    [[], [], ['entry', 'cmd', 'arg']],
  ])('command %j, args %j', (command, args, expected) => {
    expect(containerCommand({ ...(command && { command }), ...(args && { args }) }, image)).toEqual(expected);
  });

  test('the pod wins over the image, the image over what every container has', () => {
    const merged = containerEnvironment(['PATH=/image', 'A=image', 'EMPTY=', 'broken', 'B=x=y'], [{ name: 'A', value: 'pod' }], { hostname: 'h', home: '/home', tty: true });
    expect(Object.fromEntries(merged)).toEqual({ PATH: '/image', HOSTNAME: 'h', HOME: '/home', TERM: 'xterm', A: 'pod', EMPTY: '', B: 'x=y' });
  });

  test('reaches the application through a shell unchanged, whatever it holds', () => {
    const kit = { directory: '', nsenterKeepsCapabilities: false, tool: (name: string) => [name] } as Kit;
    const environment = new Map([['PATH', '/usr/bin:/bin'], ['QUOTES', `a'b"c$HOME\`d\`\\ \n end `], ['with.dot', 'x y'], ['1digit', 'z'], ['PWD_LIKE', 'no'], ['IFS', ',']]);
    const file = join(folder, 'environment');
    writeFileSync(file, environmentScript(environment, kit));
    for (const shell of ['sh', 'bash']) {
      const { stdout, stderr } = spawnSync(shell, ['-c', enterText(false), 'slipway', '/', process.execPath, '-p', 'JSON.stringify(process.env)'], { env: { SHELL: 'leak', LC_ALL: 'C' }, stdio: ['ignore', 'pipe', 'pipe', 'ignore', openSync(file, 'r')], encoding: 'utf8' });
      // What bash adds of its own says nothing about this machine.
      const { _: last, SHLVL: level, ...got } = JSON.parse(stdout || `{"error": ${JSON.stringify(stderr)}}`) as Record<string, string>;
      expect([last, level].every((text) => text === undefined || /^(\d+|\S*env)$/.test(text))).toBe(true);
      expect(got).toEqual(Object.fromEntries(environment));
    }
  });

  test.each([['missing-program', 127, /missing-program: executable file not found in PATH/], ['/etc/hostname', 126, /denied|cannot execute/i]])('%s cannot be executed', (program, code, message) => {
    const file = join(folder, 'environment');
    writeFileSync(file, 'export PATH=/usr/bin\n');
    const { status, stderr } = spawnSync('sh', ['-c', enterText(false), 'slipway', '/', program], { stdio: ['ignore', 'pipe', 'pipe', 'ignore', openSync(file, 'r')], encoding: 'utf8' });
    expect(stderr).toMatch(program.startsWith('/') ? /./ : message);
    expect(program.startsWith('/') ? [126, 127] : [code]).toContain(status);
  });

  test('words survive a shell', () => {
    for (const text of ['', `a'b`, '$x `y`', 'plain', '-n', 'new\nline', 'ünï']) expect(execFileSync('sh', ['-c', `printf %s ${shellQuote(text)}`], { encoding: 'utf8' })).toBe(text);
  });
});

describe('paths in layers', () => {
  test('links are followed inside the root, over layers, and what is missing stays as it is', async () => {
    const top = layer('top', { 'var/run': '->/run', 'opt/link': '->../data/real', 'loop': '->loop', 'escape': '->../../../../etc' });
    const bottom = layer('bottom', { 'run/': '', 'data/real/file': 'x', 'etc/passwd': 'inner' });
    const look = (path: string) => {
      const { path: found, stat } = resolveInLayers([top, bottom], path);
      return [found, stat !== undefined];
    };
    expect(look('/var/run/secrets/x')).toEqual(['/run/secrets/x', false]);
    expect(look('/opt/link/file')).toEqual(['/data/real/file', true]);
    expect(look('/escape/passwd')).toEqual(['/etc/passwd', true]);
    expect(look('/a/../etc//passwd/')).toEqual(['/etc/passwd', true]);
    expect(look('/')).toEqual(['/', false]);
    expect(() => look('/loop/x')).toThrow(/links/);
  });

  test('users come from the image, and an arbitrary one gets an entry', async () => {
    const layers = [layer('root', { 'etc/passwd': 'root:x:0:0::/root:/bin/sh\nweb:x:33:44::/srv/web:/bin/sh\n', 'etc/group': 'www:x:55:\n' })];
    const user = (wish: { uid?: number; gid?: number } | undefined, image?: string) => containerUser(wish, image, '/app', layers);
    expect(user(undefined)).toEqual({ uid: 0, gid: 0, home: '/root' });
    expect(user(undefined, 'web')).toEqual({ uid: 33, gid: 44, home: '/srv/web' });
    expect(user(undefined, 'web:www')).toMatchObject({ uid: 33, gid: 55 });
    expect(user({ uid: 33 }, 'root')).toEqual({ uid: 33, gid: 44, home: '/srv/web' });
    expect(user({ uid: 1000580000, gid: 0 }, '1001:7')).toEqual({ uid: 1000580000, gid: 0, home: '/', passwd: expect.stringMatching(/^root:[\s\S]*\n1000580000:x:1000580000:0:1000580000 user:\/app:\/sbin\/nologin\n$/) as string });
    expect(() => user(undefined, 'nobody-here')).toThrow(expect.objectContaining({ reason: 'CreateContainerError' }) as Error);
    expect(() => user(undefined, 'web:nogroup')).toThrow(expect.objectContaining({ reason: 'CreateContainerError' }) as Error);
    expect(containerUser({ uid: 5 }, undefined, '/', [layer('scratch', {})])).toEqual({ uid: 5, gid: 0, home: '/' });
  });

  test('a copy is what an overlay would show', async () => {
    const bottom = layer('bottom', { 'a/one': '1', 'a/two': '2', 'swap/in': 'x', 'same': 'old' });
    const top = layer('top', { 'a/three': '3', 'swap': 'file now', 'same': '->a/one' });
    await copyLayers([top, bottom], join(folder, 'copy'));
    expect(execFileSync('find', ['.'], { cwd: join(folder, 'copy'), encoding: 'utf8' }).trim().split('\n').sort()).toEqual(['.', './a', './a/one', './a/three', './a/two', './same', './swap']);
    expect([readFileSync(join(folder, 'copy/swap'), 'utf8'), readlinkSync(join(folder, 'copy/same'))]).toEqual(['file now', 'a/one']);
  });
});

describe('mounts', () => {
  const points = readMountPoints('1 0 8:1 / / rw,relatime - ext4 x rw\n2 1 8:2 / /home rw,nosuid,nodev,noexec - ext4 x rw\n3 2 8:3 / /home/with\\040blank rw - ext4 x rw\n');

  test('tables quote blanks', () => {
    expect(formatTable([{ source: '/a b', target: '/c\\d', type: 'none', options: ['bind', 'ro'] }])).toBe('/a\\040b /c\\134d none bind,ro 0 0\n');
    expect(points[2]?.path).toBe('/home/with blank');
  });

  test('read-only ones repeat the restrictions of where they come from, for each mount below too', () => {
    expect(bind('/usr', '/r/usr', true, points)).toEqual([{ source: '/usr', target: '/r/usr', type: 'none', options: ['bind', 'ro', 'nosuid', 'nodev'] }]);
    expect(bind('/home', '/r/h', true, points)).toEqual([
      { source: '/home', target: '/r/h', type: 'none', options: ['rbind', 'ro', 'nosuid', 'nodev', 'noexec'] },
      { source: 'none', target: '/r/h/with blank', type: 'none', options: ['remount', 'bind', 'ro', 'nosuid', 'nodev'] },
    ]);
    expect(bind('/home', '/r/h', false, points)).toEqual([{ source: '/home', target: '/r/h', type: 'none', options: ['rbind'] }]);
  });

  test('a plan makes missing mount points, keeps to the links of the image, and says what cannot be', async () => {
    const image = layer('image', { 'etc/hosts': '', 'var/run': '->/run', 'file': '' });
    const volume = layer('volume', {});
    const devices = layer('devices', { 'termination-log': '' });
    const input = {
      node: { devices, sysfs: false }, root: '/root-of-it', layers: [image], hostBinds: [{ path: '/usr', directory: true }], pod: { terminals: '/p/pts', sharedMemory: '/p/shm' },
      generated: [{ source: '/p/hosts', target: '/etc/hosts' }], workingDir: '/app', unmasked: true, points,
    };
    const { entries, directories, files } = planRoot({ ...input, mounts: [{ hostPath: volume, containerPath: '/var/run/secrets/token', readOnly: true }, { hostPath: join(image, 'file'), containerPath: '/dev/termination-log', readOnly: false }] });
    expect(directories).toEqual(['/root-of-it/app']);
    expect(entries.filter(({ options }) => options.includes('X-mount.mkdir')).map(({ target }) => target)).toEqual(['/root-of-it/dev', '/root-of-it/proc', '/root-of-it/sys', '/root-of-it/run/secrets/token']);
    expect(files).toEqual([]);
    expect(entries.map(({ target }) => target)).toEqual(['/root-of-it/usr', '/root-of-it/dev', '/root-of-it/dev/pts', '/root-of-it/dev/shm', '/root-of-it/proc', '/root-of-it/sys', '/root-of-it/etc/hosts', '/root-of-it/dev/termination-log', '/root-of-it/run/secrets/token']);
    const fails = (containerPath: string, hostPath = volume) => expect(failureOf(() => planRoot({ ...input, mounts: [{ hostPath, containerPath, readOnly: false }] })));
    fails('/file').toMatchObject({ reason: 'CreateContainerError', message: expect.stringContaining('is a file') as string });
    fails('/usr/no-such-folder-here').toMatchObject({ message: expect.stringContaining('read-only') as string });
    fails('/data', '/no/such/volume').toMatchObject({ message: expect.stringContaining('not there') as string });
  });

  test('a folder of this machine that layers add to is shown merged with them', async () => {
    const image = layer('image', { 'usr/libexec/s2i/run': 'x' });
    const { entries } = planRoot({ node: { devices: folder, sysfs: false }, root: '/r', layers: [image], hostBinds: [{ path: '/usr', directory: true }], pod: { terminals: '/p', sharedMemory: '/s' }, generated: [], mounts: [], workingDir: '/', unmasked: true, points });
    expect(entries[0]).toMatchObject({ type: 'overlay', target: '/r/usr', options: expect.arrayContaining([`lowerdir=${image}/usr:/usr`, 'ro']) as string[] });
  });
});

test('files of a pod', () => {
  expect(hostsFile({ hostname: 'web', hostAliases: [{ ip: '10.0.0.1', hostnames: ['a', 'b'] }] }, '10.128.0.2')).toMatch(/127\.0\.0\.1\tlocalhost\n[\s\S]*10\.128\.0\.2\tweb\n\n# Entries added by HostAliases\.\n10\.0\.0\.1\ta\tb\n$/);
  expect(resolvFile({ servers: ['172.30.0.10'], searches: ['a', 'b'], options: ['ndots:5'] })).toBe('search a b\nnameserver 172.30.0.10\noptions ndots:5\n');
  expect(resolvFile({ servers: [], searches: [], options: [] })).toBe('');
});

test('libraries of a program', () => {
  expect(parseLibraries('\tlinux-vdso.so.1 (0x00007ffc)\n\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x00007f)\n\t/lib64/ld-linux-x86-64.so.2 (0x00007f)\n')).toEqual([{ name: 'libc.so.6', path: '/lib/x86_64-linux-gnu/libc.so.6' }, { name: 'ld-linux-x86-64.so.2', path: '/lib64/ld-linux-x86-64.so.2' }]);
  expect(parseLibraries('\t/lib/ld-musl-x86_64.so.1 (0x7f)\n\tlibc.musl-x86_64.so.1 => /lib/ld-musl-x86_64.so.1 (0x7f)\n').map(({ name }) => name)).toContain('ld-musl-x86_64.so.1');
  expect(parseLibraries('\tnot a dynamic executable\n')).toEqual([]);
});
