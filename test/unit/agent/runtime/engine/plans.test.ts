import { expect, test } from 'vitest';
import { containerBody, type BodyParts } from '../../../../../src/agent/runtime/engine/container-body.ts';
import { readMark, statusOf } from '../../../../../src/agent/runtime/engine/container-state.ts';
import { engineLimits } from '../../../../../src/agent/runtime/engine/engine-limits.ts';
import { progressError, type RunnableImage } from '../../../../../src/agent/runtime/engine/engine-images.ts';
import { pathAtEngine } from '../../../../../src/agent/runtime/engine/engine-machine.ts';
import type { EngineContainer } from '../../../../../src/agent/runtime/engine/engine-objects.ts';
import { hostEntries } from '../../../../../src/agent/runtime/engine/host-layer.ts';
import { engineLabels, homeMark, ownFilter, type ContainerMark } from '../../../../../src/agent/runtime/engine/labels.ts';
import { lastAddress } from '../../../../../src/agent/runtime/engine/node-box.ts';
import type { ContainerConfig } from '../../../../../src/agent/runtime/runtime.ts';

const mark: ContainerMark = { name: 'main', attempt: 0, imageId: 'sha256:1', logPath: '/home/me/log/0.log', stopSignal: 'SIGTERM', tty: false, stdin: false, memoryLimit: 0 };
const image: RunnableImage = {
  id: 'sha256:1', reference: 'r', size: 1, name: 'localhost/slipway-abc:1', diffIds: [], binds: [],
  config: { user: '1001', env: ['PATH=/bin', 'LANG=C'], entrypoint: ['entry'], cmd: ['cmd'], workingDir: '/srv', exposedPorts: [], labels: {} },
};
const config: ContainerConfig = { name: 'main', attempt: 0, imageId: 'sha256:1', env: [], mounts: [], readOnlyRootFilesystem: false, tty: false, stdin: false, stdinOnce: false, memoryLimit: 0, cpuLimit: 0, buildPowers: false, logDirectory: '/home/me/log' };
const body = (change: Partial<ContainerConfig> = {}, more: Partial<BodyParts> = {}) =>
  containerBody({
    engine: 'docker', owner: { home: 'abc', node: 'node-1' }, config: { ...config, ...change }, image, mark, sandboxId: 'pod', hostname: 'web', generated: [{ source: '/home/me/hosts', target: '/etc/hosts' }],
    place: (path) => ({ source: path, own: path.startsWith('/home/me/') }), ...more,
  }) as { Entrypoint: string[]; Cmd: string[]; Env: string[]; User?: string; Hostname?: string; WorkingDir: string; HostConfig: { Binds: string[]; SecurityOpt: string[]; Memory?: number; MemorySwap?: number; NanoCpus?: number }; Labels: Record<string, string> };

test('a container joins its pod, runs what image and pod say, and carries the marks of its home', () => {
  const plain = body();
  expect(plain).toMatchObject({ Entrypoint: ['entry'], Cmd: ['cmd'], Env: ['PATH=/bin', 'LANG=C'], WorkingDir: '/srv', HostConfig: { NetworkMode: 'container:pod', IpcMode: 'container:pod', RestartPolicy: { Name: 'no' } } });
  expect(plain.Labels).toMatchObject({ [engineLabels.home]: 'abc', [engineLabels.node]: 'node-1', [engineLabels.role]: 'container', [engineLabels.sandbox]: 'pod' });
  expect(readMark(plain.Labels)).toEqual({ mark, sandboxId: 'pod' });
  expect(plain.User).toBeUndefined();
  expect(body({ command: ['a', 'b'], args: ['c'], env: [{ name: 'LANG', value: 'de' }, { name: 'X', value: 'a=b' }] })).toMatchObject({ Entrypoint: ['a'], Cmd: ['b', 'c'], Env: ['PATH=/bin', 'LANG=de', 'X=a=b'] });
});

test('users, limits and host names as each engine takes them', () => {
  expect(body({ user: { uid: 5, gid: 6 } }).User).toBe('5:6');
  expect(body({ user: { uid: 5 } }).User).toBe('5');
  expect(body({ user: { gid: 6 } }).User).toBe('1001:6');
  expect(body({ memoryLimit: 100, cpuLimit: 250 }).HostConfig).toMatchObject({ Memory: 100, MemorySwap: 100, NanoCpus: 250_000_000 });
  expect(body().HostConfig.Memory).toBeUndefined();
  expect([body().Hostname, body({}, { engine: 'podman' }).Hostname]).toEqual([undefined, 'web']);
});

test('folders are mounted as asked; only our own are labelled anew; a file of the pod gives way to a mount', () => {
  const mounts = [{ hostPath: '/home/me/v', containerPath: '/data', readOnly: false }, { hostPath: '/srv/their own', containerPath: '/theirs', readOnly: true }];
  expect(body({ mounts }).HostConfig.Binds).toEqual(['/home/me/hosts:/etc/hosts:rw,z', '/home/me/v:/data:rw,z', '/srv/their own:/theirs:ro']);
  expect(body({ mounts: [{ hostPath: '/home/me/h', containerPath: '/etc/hosts', readOnly: true }] }).HostConfig.Binds).toEqual(['/home/me/h:/etc/hosts:ro,z']);
  expect(() => body({ mounts: [{ hostPath: '/srv/a:b', containerPath: '/x', readOnly: true }] })).toThrow('a colon separates the two');
});

test.each([
  ['an engine of root', { MemoryLimit: true, CpuCfsQuota: true, CgroupDriver: 'systemd', CgroupVersion: '2', SecurityOptions: ['name=apparmor', 'name=seccomp,profile=default'] }, ['cgroup', 'cgroup']],
  ['rootless Podman on cgroups of version 1', { MemoryLimit: true, CpuCfsQuota: true, CgroupDriver: 'cgroupfs', CgroupVersion: '1', Rootless: true }, ['none', 'none']],
  ['rootless Podman with memory delegated', { MemoryLimit: true, CPUCfsQuota: false, CgroupDriver: 'systemd', CgroupVersion: '2', Rootless: true }, ['cgroup', 'none']],
  ['rootless Docker without systemd', { MemoryLimit: false, CpuCfsQuota: false, CgroupDriver: 'none', CgroupVersion: '2', SecurityOptions: ['name=seccomp,profile=builtin', 'name=rootless'] }, ['none', 'none']],
  ['one that tells nothing', {}, ['cgroup', 'cgroup']],
])('limits of %s', (_, info, expected) => {
  const { memoryLimit, cpuLimit } = engineLimits(info);
  expect([memoryLimit, cpuLimit]).toEqual(expected);
});

test('only builds get namespaces of their own, and no power for it', () => {
  expect(body().HostConfig.SecurityOpt).toEqual(['no-new-privileges']);
  const build = body({ buildPowers: true }, { mark: { ...mark, build: 'b1' } });
  expect(build.HostConfig).toMatchObject({ SecurityOpt: ['no-new-privileges', 'seccomp=unconfined', 'apparmor=unconfined', 'label=disable'], MaskedPaths: [], ReadonlyPaths: [] });
  expect(body().HostConfig).not.toHaveProperty('MaskedPaths');
  expect(body({ buildPowers: true }, { engine: 'podman' }).HostConfig.SecurityOpt).toContain('unmask=ALL');
  expect(build.HostConfig).not.toHaveProperty('Privileged');
  expect(build.HostConfig).not.toHaveProperty('CapAdd');
  expect(build.HostConfig.Binds).toContain('slipway-abc-node-1-builds:/build');
  expect(build.Env).toEqual(expect.arrayContaining(['SLIPWAY_BUILD_FOLDER=/build/b1', 'SLIPWAY_BUILD_CACHE=/build/cache']));
  expect(body({}, { image: { ...image, config: { ...image.config, entrypoint: [], cmd: [] } }, config: { ...config, command: ['x'] } }).Entrypoint).toEqual(['x']);
  expect(() => body({}, { image: { ...image, config: { ...image.config, entrypoint: [], cmd: [] } } })).toThrow('no command is given');
});

const state = (change: Partial<EngineContainer['State']>): EngineContainer => ({
  Id: 'c', Created: '2026-01-01T00:00:00Z', Image: 'i', Config: {}, State: { Status: 'exited', Running: false, ExitCode: 0, StartedAt: '2026-01-01T00:00:01Z', FinishedAt: '2026-01-01T00:00:02Z', ...change },
});

test.each<[string, Partial<EngineContainer['State']>, { explained?: boolean; refused?: string; limit?: number }, Record<string, unknown>]>([
  ['one that runs', { Status: 'running', Running: true }, {}, { state: 'running', startedAt: '2026-01-01T00:00:01.000Z' }],
  ['one that waits', { Status: 'created', StartedAt: '0001-01-01T00:00:00Z' }, {}, { state: 'created' }],
  ['a good end', {}, {}, { state: 'exited', exitCode: 0, reason: 'Completed' }],
  ['a bad end', { ExitCode: 3 }, {}, { exitCode: 3, reason: 'Error' }],
  ['a signal', { ExitCode: 143 }, {}, { exitCode: 143, signal: 15, reason: 'Error' }],
  ['out of memory, told by the engine', { ExitCode: 137, OOMKilled: true }, { explained: true }, { exitCode: 137, reason: 'OOMKilled' }],
  ['out of memory, killed by nobody', { ExitCode: 137 }, { limit: 1 << 20 }, { reason: 'OOMKilled', message: 'used more memory than its limit of 1048576 bytes' }],
  ['killed by us', { ExitCode: 137 }, { limit: 1 << 20, explained: true }, { reason: 'Error', signal: 9 }],
  ['killed without a limit', { ExitCode: 137 }, {}, { reason: 'Error', signal: 9 }],
  ['never run', { ExitCode: 127, StartedAt: '0001-01-01T00:00:00Z', Error: 'no such file' }, {}, { reason: 'ContainerCannotRun', message: 'no such file' }],
  ['refused', { Status: 'created' }, { refused: 'no such file' }, { state: 'exited', exitCode: 128, reason: 'ContainerCannotRun', message: 'no such file' }],
  ['times in the wrong order', { StartedAt: '2026-01-01T00:00:03Z' }, {}, { finishedAt: '2026-01-01T00:00:03.000Z' }],
])('%s', (_, change, { explained = false, refused, limit = 0 }, wanted) => {
  expect(statusOf(state(change), { mark: { ...mark, memoryLimit: limit }, sandboxId: 'pod' }, { explained, refused })).toMatchObject(wanted);
});

test('marks that are not ours are none', () => {
  expect([readMark(undefined), readMark({ [engineLabels.container]: '{}' }), readMark({ [engineLabels.container]: '{', [engineLabels.sandbox]: 's' })]).toEqual([undefined, undefined, undefined]);
  expect(JSON.parse(ownFilter('abc', 'node-1', { type: ['container'] }))).toEqual({ label: ['slipway.dev/home=abc', 'slipway.dev/node=node-1'], type: ['container'] });
  expect(homeMark('/home/a')).not.toBe(homeMark('/home/b'));
});

test.each([['10.89.0.0/24', '10.89.0.254'], ['172.18.0.0/16', '172.18.255.254'], ['192.168.1.128/25', '192.168.1.254'], ['10.0.0.0/30', undefined], ['fd00::/64', undefined]])('the node of %s has %s', (subnet, address) => expect(lastAddress(subnet)).toBe(address));

test('a failure that comes after a good answer is found', () => {
  expect(progressError('{"status":"Pulling"}\n{"errorDetail":{"message":"no such host"},"error":"x"}\n')).toBe('no such host');
  expect(progressError('{"stream":"Loaded image: a-error-b"}\n')).toBeUndefined();
});

test('paths as Windows\' own Linux names them', () => {
  expect([pathAtEngine('C:\\Users\\me\\x', 'wsl'), pathAtEngine('C:\\Users\\me', 'same'), pathAtEngine('/home/me', 'wsl')]).toEqual(['/mnt/c/Users/me/x', 'C:\\Users\\me', '/home/me']);
});

test('the layer of a host-based image has a place for each bind, in folders of its own', () => {
  const entries = hostEntries({ directories: [{ path: '/etc', mode: 0o755 }], links: [{ path: '/bin', target: 'usr/bin' }], binds: [{ path: '/opt/node', directory: true }, { path: '/etc/ssl/cert.pem', directory: false }], files: [{ path: '/etc/passwd', text: 'root' }] });
  expect(entries.map(({ type, name }) => `${type} ${name}`)).toEqual(['directory etc', 'symlink bin', 'directory opt', 'directory opt/node', 'directory etc/ssl', 'file etc/ssl/cert.pem', 'file etc/passwd']);
});
