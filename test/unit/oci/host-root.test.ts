import { existsSync, lstatSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { describeHostRoot, writeHostSkeleton } from '../../../src/oci/host-root.ts';
import { relocateEnv, relocatePath } from '../../../src/oci/relocate.ts';

let folder: string;
beforeEach(async () => void (folder = await mkdtemp(join(tmpdir(), 'slipway-host-root-'))));
afterEach(() => rm(folder, { recursive: true }));

test('programs are bound, users and keys are not', async () => {
  const toolchain = join(folder, 'toolchain');
  await mkdir(toolchain);
  const root = await describeHostRoot({ hostPaths: [toolchain, '/usr/lib/node', join(folder, 'gone')], hostname: 'web-1' });
  const seen = [...root.binds, ...root.links].map(({ path }) => path);
  expect(seen).toEqual(expect.arrayContaining(['/usr', '/bin', '/lib', toolchain]));
  expect(seen).not.toEqual(expect.arrayContaining(['/usr/lib/node']));
  expect(seen.filter((path) => /passwd|shadow|group|private|hosts|resolv|ssh|home|root/.test(path) && path !== toolchain)).toEqual([]);
  const at = join(folder, 'skeleton');
  await mkdir(at);
  await writeHostSkeleton(at, root);
  await writeHostSkeleton(at, root);
  expect(readFileSync(join(at, 'etc/passwd'), 'utf8')).toContain('default:x:1001:0:');
  expect(readFileSync(join(at, 'etc/hosts'), 'utf8')).toContain('web-1');
  expect(lstatSync(join(at, 'tmp')).mode & 0o7777).toBe(0o1777);
  for (const { path } of root.binds) expect(existsSync(join(at, path))).toBe(true);
  for (const { path } of root.links) expect(lstatSync(join(at, path)).isSymbolicLink()).toBe(true);
});

test('without a root of its own, what an image brings is led into its folder', () => {
  expect(['/opt/app-root/src', '/opt/s2i', '/usr/bin/node', '/opt/app-rooted', '/tmp/src/x'].map((path) => relocatePath(path, '/w'))).toEqual(['/w/opt/app-root/src', '/w/opt/s2i', '/usr/bin/node', '/opt/app-rooted', '/w/tmp/src/x']);
  expect(relocateEnv({ PATH: '/opt/app-root/bin:/usr/bin', URL: 'http://x:80/opt/app-root', HOME: '/opt/app-root/src' }, '/w')).toEqual({ PATH: '/w/opt/app-root/bin:/usr/bin', URL: 'http://x:80/opt/app-root', HOME: '/w/opt/app-root/src', APP_ROOT: '/w/opt/app-root' });
});
