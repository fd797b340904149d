import { execFileSync } from 'node:child_process';
import { createReadStream, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, readlinkSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { extractArchive } from '../../../src/oci/archive-extractor.ts';

let at: string;
beforeEach(() => {
  at = mkdtempSync(join(tmpdir(), 'slipway-archive-'));
  mkdirSync(join(at, 'src/bin'), { recursive: true });
  writeFileSync(join(at, 'src/bin/run'), 'run', { mode: 0o755 });
  writeFileSync(join(at, 'src/data'), 'd'.repeat(100_000));
  writeFileSync(join(at, 'src/empty'), '');
  symlinkSync('bin/run', join(at, 'src/inside'));
});
afterEach(() => rmSync(at, { recursive: true }));

/** A zip made by Python's own module, the one that is everywhere. */
const zip = (program: string) => execFileSync('python3', ['-c', `import zipfile, os, sys\nz = zipfile.ZipFile('a', 'w', zipfile.ZIP_DEFLATED)\n${program}\nz.close()`], { cwd: at });
const walk = "for d, ds, fs in os.walk('src'):\n  for f in fs + [x for x in ds if os.path.islink(os.path.join(d, x))]:\n    p = os.path.join(d, f)\n    if os.path.islink(p):\n      i = zipfile.ZipInfo(p[4:]); i.create_system = 3; i.external_attr = 0o120777 << 16; z.writestr(i, os.readlink(p))\n    else: z.write(p, p[4:])";
const tar = (...more: string[]) => execFileSync('tar', ['-C', 'src', '-cf', 'a', ...more, '.'], { cwd: at });
const extract = (limits?: { maxBytes: number; maxEntries: number }) => extractArchive(createReadStream(join(at, 'a'), { highWaterMark: 1000 }), join(at, 'out'), limits && { limits });

describe('extractArchive', () => {
  it.each([
    ['tar', () => tar()],
    ['tar', () => tar('-z')],
    ['zip', () => zip(walk)],
  ] as const)('unpacks %s', async (format, make) => {
    make();
    const result = await extract();
    expect(result).toMatchObject({ format, skipped: [] });
    expect(readdirSync(join(at, 'out')).sort()).toEqual(['bin', 'data', 'empty', 'inside']);
    expect(readFileSync(join(at, 'out/data'), 'utf8')).toHaveLength(100_000);
    expect(statSync(join(at, 'out/bin/run')).mode & 0o777).toBe(0o755);
    expect(readlinkSync(join(at, 'out/inside'))).toBe('bin/run');
    expect(readdirSync(at).sort()).toEqual(['a', 'out', 'src']);
  });

  it.each([
    ['tar', () => tar()],
    ['zip', () => zip(walk)],
  ])('leaves links out that lead outside, also by way of others (%s)', async (_format, make) => {
    mkdirSync(join(at, 'src/a/b/c'), { recursive: true });
    symlinkSync('../../..', join(at, 'src/a/b/c/up'));
    symlinkSync('a/b/c/up/../..', join(at, 'src/sly'));
    symlinkSync('/etc/passwd', join(at, 'src/absolute'));
    symlinkSync('missing/file', join(at, 'src/dangling'));
    symlinkSync('circle', join(at, 'src/circle'));
    make();
    const { skipped } = await extract();
    expect(skipped.map(({ name }) => name).sort()).toEqual(['absolute', 'circle', 'sly']);
    expect(existsSync(join(at, 'out/sly'))).toBe(false);
    expect(readlinkSync(join(at, 'out/a/b/c/up'))).toBe('../../..');
    expect(readlinkSync(join(at, 'out/dangling'))).toBe('missing/file');
  });

  it('refuses names that climb and what is too much, and says what to do', async () => {
    zip("z.writestr('../evil', 'x')");
    await expect(extract()).rejects.toMatchObject({ problem: 'UnsafePath' });
    expect(existsSync(join(at, 'evil'))).toBe(false);
    tar('--transform', 's,^./data,../evil,', '-P');
    await expect(extract()).rejects.toMatchObject({ problem: 'UnsafePath' });
    for (const make of [() => tar('-z'), () => zip(walk)]) {
      make();
      await expect(extract({ maxBytes: 50_000, maxEntries: 100 })).rejects.toThrow(/larger than 0 MiB unpacked; leave out/);
      await expect(extract({ maxBytes: 1e9, maxEntries: 2 })).rejects.toThrow(/more than 2 files/);
    }
  });

  it('names damage', async () => {
    zip(walk);
    const good = readFileSync(join(at, 'a'));
    const flipped = Buffer.from(good);
    flipped[good.indexOf('bin/run') + 8] = (flipped[good.indexOf('bin/run') + 8] ?? 0) ^ 0xff;
    for (const bytes of [good.subarray(0, good.length - 30), flipped, Buffer.from('plain text')]) {
      writeFileSync(join(at, 'a'), bytes);
      await expect(extract()).rejects.toMatchObject({ problem: 'Corrupt' });
    }
    zip("z.writestr('a', 'x')");
    const encrypted = readFileSync(join(at, 'a'));
    encrypted[encrypted.indexOf(Buffer.from('PK\x01\x02')) + 8] = 1;
    writeFileSync(join(at, 'a'), encrypted);
    await expect(extract()).rejects.toThrow('without a password');
  });
});
