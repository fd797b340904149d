import type { IEnvVar } from 'kubernetes-models/v1';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { isAllowed } from '../../../../src/controlplane/build/tools/build/assemble-user.ts';
import { configuredVariables } from '../../../../src/controlplane/build/tools/build/configured-variables.ts';
import { mountPoints, rootFiles } from '../../../../src/controlplane/build/tools/build/root/build-root.ts';
import { imageUser } from '../../../../src/controlplane/build/tools/build/root/image-user.ts';
import { librariesIn } from '../../../../src/controlplane/build/tools/build/root/kit.ts';

test.each([
  ['1001', '1-', true], ['1001:0', '1-', true], ['0', '1-', false], ['', '1-', false], ['root', '1-', false], ['1001', '1-1000', false], ['5', '1-3,5', true], ['4', '1-3,5', false], ['0', '-10', true], ['11', '-10', false], ['7', ' 7 , 9 ', true], ['7', 'nonsense', false], ['7', '-', false],
])('user "%s" in "%s": %s', (user, ranges, allowed) => {
  expect(isAllowed(user, ranges)).toBe(allowed);
});

describe('variables of the strategy', () => {
  const secret = (name: string, optional?: boolean): IEnvVar => ({ name, valueFrom: { secretKeyRef: { name: 's', key: 'k', ...(optional !== undefined && { optional }) } } });
  const values = (variables: IEnvVar[], env: NodeJS.ProcessEnv = {}) => configuredVariables('env', variables, env).map(({ name, value }) => `${name}=${value}`);

  test.each<[string, IEnvVar[], NodeJS.ProcessEnv, string[]]>([
    ['plain ones', [{ name: 'A', value: '1' }, { name: 'B' }], {}, ['A=1', 'B=']],
    ['earlier ones, dollars, unknown names', [{ name: 'A', value: '1' }, { name: 'B', value: '$(A)$(C) $$(A) $A' }, { name: 'C', value: '2' }], {}, ['A=1', 'B=1$(C) $(A) $A', 'C=2']],
    ['references, by their place', [{ name: 'A', value: '1' }, secret('B')], { SLIPWAY_ENV_1: 'two', SLIPWAY_ARG_1: 'no' }, ['A=1', 'B=two']],
    ['what may be missing', [secret('A', true)], {}, []],
    ['a value that is empty is there', [secret('A')], { SLIPWAY_ENV_0: '' }, ['A=']],
    ['the last of one name', [{ name: 'A', value: '1' }, { name: 'A', value: '2' }], {}, ['A=2']],
  ])('%s', (_, variables, env, expected) => {
    expect(values(variables, env)).toEqual(expected);
  });

  test.each<[IEnvVar['valueFrom'], string]>([
    [{ secretKeyRef: { name: 's', key: 'k' } }, 'A refers to key "k" of secret "s"'],
    [{ configMapKeyRef: { name: 'c', key: 'k', optional: false } }, 'A refers to key "k" of config map "c"'],
    [{ fieldRef: { fieldPath: 'spec.nonsense' } }, 'A refers to field "spec.nonsense" of the build pod'],
  ])('%j is missing', (valueFrom, text) => {
    expect(() => values([{ name: 'A', ...(valueFrom && { valueFrom }) }])).toThrow(text);
  });
});

describe('a root', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'root-'));
    mkdirSync(join(folder, 'etc'));
    writeFileSync(join(folder, 'etc/passwd'), 'root:x:0:0::/root:/bin/sh\ndefault:x:1001:0::/opt:/sbin/nologin\nweb:x:33:34::/:/\n');
    writeFileSync(join(folder, 'etc/group'), 'root:x:0:\nteam:x:1234:\n');
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  const files = () => rootFiles(folder, join(folder, 'tmp'));

  test.each([
    [undefined, 0, 0], ['', 0, 0], ['root', 0, 0], ['1001', 1001, 0], ['33', 33, 34], ['web', 33, 34], ['default:team', 1001, 1234], ['1234:5', 1234, 5], ['7', 7, 0], ['7:team', 7, 1234],
  ])('user "%s" is %d:%d', async (text, uid, gid) => {
    expect(await imageUser(text, files())).toEqual({ uid, gid });
  });

  test.each([['nobody', /user "nobody" is not in its \/etc\/passwd/], ['web:nogroup', /group "nogroup" is not in its \/etc\/group/]])('user "%s" is unknown', async (text, why) => {
    await expect(imageUser(text, files())).rejects.toThrow(why);
  });

  test('volumes get a folder, and no way round it', async () => {
    writeFileSync(join(folder, 'file'), '');
    expect(await mountPoints(files(), [{ source: '/v', path: '/opt/a/b/' }, { source: '/v', path: '/etc' }])).toMatchObject([{ source: '/v', target: join(folder, 'opt/a/b'), name: 'opt/a/b' }, { source: '/v', target: join(folder, 'etc'), name: 'etc' }]);
    for (const path of ['/file', '/', '/..']) await expect(mountPoints(files(), [{ source: '/v', path }])).rejects.toMatchObject({ reason: 'FileSystemOperationFailed' });
  });
});

test.each([
  ['\tlinux-vdso.so.1 (0x1)\n\tlibc.so.6 => /lib/x86_64-linux-gnu/libc.so.6 (0x2)\n\t/lib64/ld-linux-x86-64.so.2 (0x3)', ['libc.so.6 /lib/x86_64-linux-gnu/libc.so.6', 'ld-linux-x86-64.so.2 /lib64/ld-linux-x86-64.so.2']],
  ['\t/lib/ld-musl-x86_64.so.1 (0x1)\n\tlibc.musl-x86_64.so.1 => /lib/ld-musl-x86_64.so.1 (0x1)', ['ld-musl-x86_64.so.1 /lib/ld-musl-x86_64.so.1', 'libc.musl-x86_64.so.1 /lib/ld-musl-x86_64.so.1', 'ld-musl-x86_64.so.1 /lib/ld-musl-x86_64.so.1']],
  ['\tnot a dynamic executable', []],
])('libraries of a program', (listed, expected) => {
  expect(librariesIn(listed).map(({ name, path }) => `${name} ${path}`)).toEqual(expected);
});
