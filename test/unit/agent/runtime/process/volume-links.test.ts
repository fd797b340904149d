import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { linkVolumes, planVolumes } from '../../../../../src/agent/runtime/process/volume-links.ts';
import type { Mount } from '../../../../../src/agent/runtime/runtime.ts';

const mount = (containerPath: string, change: Partial<Mount> = {}): Mount => ({ hostPath: '/volumes/v', containerPath, readOnly: false, volume: 'data', ...change });

describe('the plan', () => {
  test("a volume in the application's folders is linked there, persistent or not", () => {
    expect(planVolumes([mount('/opt/app-root/src/data/')])).toEqual({ links: [{ path: '/opt/app-root/src/data', target: '/volumes/v' }], variables: { SLIPWAY_VOLUME_DATA: '/volumes/v' } });
  });

  test('what may be elsewhere is linked in the work folder and told by a variable', () => {
    expect(planVolumes([mount('/etc/config', { movable: true })])).toEqual({ links: [{ path: '/etc/config', target: '/volumes/v' }], variables: { SLIPWAY_VOLUME_DATA: '/volumes/v' } });
  });

  test('a persistent volume at a path of this machine is refused, with what to do', () => {
    expect(() => planVolumes([mount('/var/lib/postgresql/data')])).toThrow(expect.objectContaining({ reason: 'VolumeNotMounted', message: expect.stringMatching(/sandbox.*engine/) as string }) as Error);
  });

  test.each([[[mount('/')]], [[mount('/opt/app-root/a'), mount('/opt/app-root/a/b')]]])('the root and a volume inside a volume are refused', (mounts) => {
    expect(() => planVolumes(mounts)).toThrow(expect.objectContaining({ reason: 'VolumeNotMounted' }) as Error);
  });

  test('files of the platform are linked without a variable', () => {
    expect(planVolumes([mount('/dev/termination-log', { volume: undefined })])).toEqual({ links: [{ path: '/dev/termination-log', target: '/volumes/v' }], variables: {} });
  });
});

describe('the links', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'slipway-links-'))));
  afterEach(() => rmSync(folder, { recursive: true }));

  test('hide what the image had there and never touch the volume', () => {
    const [root, volume] = [join(folder, 'root'), join(folder, 'volume')];
    mkdirSync(join(root, 'opt/app-root/data/old'), { recursive: true });
    mkdirSync(volume);
    writeFileSync(join(volume, 'kept'), 'kept');
    linkVolumes({ links: [{ path: '/opt/app-root/data', target: volume }], variables: {} }, root);
    expect(readdirSync(join(root, 'opt/app-root/data'))).toEqual(['kept']);
    rmSync(root, { recursive: true });
    expect(readFileSync(join(volume, 'kept'), 'utf8')).toBe('kept');
  });
});
