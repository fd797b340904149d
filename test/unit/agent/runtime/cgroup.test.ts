/** Control groups as files: what is written to them; that the kernel heeds it is the kernel's part. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { findCgroupScope } from '../../../../src/agent/holder/cgroup-scope.ts';
import { cgroupStats, openCgroups, ranOutOfMemory, weightOf } from '../../../../src/agent/runtime/cgroup.ts';
import { run } from '../../../../src/agent/runtime/run.ts';
import { systemEnvironment } from '../../../../src/agent/runtime/system-path.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(path.join(tmpdir(), 'slipway-cgroup-'));
  mkdirSync(path.join(root, 'user/scope'), { recursive: true });
  writeFileSync(path.join(root, 'user/scope/cgroup.subtree_control'), 'cpu memory pids\n');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const own = '4:memory:/elsewhere\n0::/user/scope/slipway-agent\n';
const filesOf = (folder: string) => Object.fromEntries(readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isFile()).map(({ name }) => [name, readFileSync(path.join(folder, name), 'utf8')]));

describe('control groups', () => {
  test('are used by an agent that was started in one of its own', () => {
    expect(openCgroups('0::/user.slice/session-1.scope\n', root)).toBeUndefined();
    expect(openCgroups('4:memory:/x\n', root)).toBeUndefined();
    expect(openCgroups(own, root)?.limitsCpu).toBe(true);
    writeFileSync(path.join(root, 'user/scope/cgroup.subtree_control'), 'pids\n');
    expect(openCgroups(own, root)).toBeUndefined();
  });

  test('hold a container to what it may use', () => {
    const group = openCgroups(own, root)?.create('pod', 'web', { memory: 64 << 20, cpu: 500, cpuRequest: 250, podProcesses: 4096 }) ?? '';
    expect(group).toBe(path.join(root, 'user/scope/pod/web'));
    expect(filesOf(group)).toEqual({ 'memory.max': '67108864', 'memory.oom.group': '1', 'memory.swap.max': '0', 'cpu.weight': '10', 'cpu.max': '50000 100000' });
    expect(filesOf(path.dirname(group))).toMatchObject({ 'pids.max': '4096' });
  });

  test('bind nothing where nothing is asked for', () => {
    const group = openCgroups(own, root)?.create('pod', 'web', { memory: 0, cpu: 0, cpuRequest: 0, podProcesses: 0 }) ?? '';
    expect(filesOf(group)).toEqual({ 'cpu.weight': '1' });
  });

  test('tell what is used, and why something ended', () => {
    const group = path.join(root, 'user/scope');
    expect(cgroupStats(path.join(root, 'gone'))).toBeUndefined();
    writeFileSync(path.join(group, 'memory.current'), '5000\n');
    writeFileSync(path.join(group, 'memory.stat'), 'anon 3000\nfile 1500\ninactive_file 1000\n');
    writeFileSync(path.join(group, 'cpu.stat'), 'usage_usec 2500\nuser_usec 2000\n');
    writeFileSync(path.join(group, 'pids.current'), '3\n');
    expect(cgroupStats(group)).toEqual({ cpuNanoseconds: 2_500_000, usageBytes: 5000, workingSetBytes: 4000, rssBytes: 3000, processes: 3 });
    writeFileSync(path.join(group, 'memory.events'), 'low 0\nmax 12\noom 0\noom_kill 0\n');
    expect(ranOutOfMemory(group)).toBe(false);
    writeFileSync(path.join(group, 'memory.events'), 'low 0\nmax 12\noom 1\noom_kill 1\noom_group_kill 1\n');
    expect(ranOutOfMemory(group)).toBe(true);
  });

  test.each([[0, 1], [2, 1], [250, 10], [1000, 39], [4000, 157], [256_000, 10_000]])('%d thousandths of a core weigh %d', (milli, weight) => {
    expect(weightOf(milli)).toBe(weight);
  });

  test('that are given but cannot be used are told about', async () => {
    const scope = await findCgroupScope({ SLIPWAY_CGROUP: path.join(root, 'user/') });
    expect(scope).toMatchObject({ whole: false, detail: expect.stringContaining('hands on no memory controller, or this process was not started below it') as string, fix: expect.stringContaining('chown -R') as string });
    expect(scope.command(['true'])).toEqual(['true']);
  });

  /** Of this user's service manager, where there is one and control groups of version 2 are all there is. */
  const managed = `/sys/fs/cgroup/user.slice/user-${userInfo().uid}.slice/user@${userInfo().uid}.service/cgroup.controllers`;
  test.runIf(existsSync(managed) && readFileSync(managed, 'utf8').includes('memory'))('are handed out by a service manager', async () => {
    const scope = await findCgroupScope({});
    expect(scope.detail).toContain('limits by the kernel, in a scope of systemd');
    const told = await run(scope.command(['sh', '-c', 'cat /proc/self/cgroup']), { env: { ...systemEnvironment, ...scope.environment } });
    expect(told).toMatch(/^0::.*\.scope\/slipway-agent$/m);
  });
});
