import { execFileSync } from 'node:child_process';
import { existsSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, readlinkSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { pack, type Header } from 'tar-stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { digestOf } from '../../../src/oci/digest.ts';
import { applyLayer, type ApplyOptions } from '../../../src/oci/layer-applier.ts';
import type { LayerError } from '../../../src/oci/layer-error.ts';
import { isOverlayWhiteout } from '../../../src/oci/whiteout.ts';

type Made = Partial<Header> & { name: string; body?: string };

async function tarOf(...entries: Made[]): Promise<Buffer> {
  const made = pack();
  for (const { body, ...header } of entries) made.entry({ mtime: new Date(0), ...header }, body ?? '');
  made.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of made) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** In pieces of odd size, as a network gives them. */
async function* pieces(bytes: Buffer): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += 777) yield bytes.subarray(at, at + 777);
}

let outside: string;
let root: string;
beforeEach(() => {
  outside = mkdtempSync(join(tmpdir(), 'slipway-layer-'));
  root = join(outside, 'root');
  mkdirSync(root);
  writeFileSync(join(outside, 'secret'), 'untouched');
});
afterEach(() => {
  expect(readFileSync(join(outside, 'secret'), 'utf8')).toBe('untouched');
  rmSync(outside, { recursive: true });
});

const apply = async (entries: Made[], options?: ApplyOptions) => applyLayer(pieces(await tarOf(...entries)), root, options);
const refusal = async (entries: Made[], options?: ApplyOptions) => ((await apply(entries, options).then(() => undefined, (error: unknown) => error)) as LayerError | undefined)?.problem;
const text = (name: string) => readFileSync(join(root, name), 'utf8');

describe('what a layer may hold', () => {
  it('writes files, directories, links and modes, whatever the compression', async () => {
    const tar = await tarOf(
      { name: './' , type: 'directory', mode: 0o755 },
      { name: 'usr/lib/', type: 'directory', mode: 0o550 },
      { name: 'lib', type: 'symlink', linkname: 'usr/lib' },
      { name: 'lib/through-link', mode: 0o640, body: 'a' },
      { name: '/absolute', body: 'b', mode: 0o6755, mtime: new Date(1_500_000_000_000) },
      { name: 'hard', type: 'link', linkname: 'lib/through-link' },
      { name: 'dangling', type: 'symlink', linkname: '/nowhere' },
      { name: `long/${'n'.repeat(120)}/${'m'.repeat(120)}`, body: 'long' },
      { name: 'big', body: 'x'.repeat(300_000) },
    );
    const halves = [zstdCompressSync(tar.subarray(0, 1000)), Buffer.from('502a4d1803000000616263', 'hex'), zstdCompressSync(tar.subarray(1000))];
    for (const bytes of [tar, gzipSync(tar), Buffer.concat([gzipSync(tar.subarray(0, 999)), gzipSync(tar.subarray(999))]), zstdCompressSync(tar), Buffer.concat(halves), Buffer.concat([halves[1]!, halves[0]!, halves[2]!])]) {
      rmSync(root, { recursive: true });
      const applied = await applyLayer(pieces(bytes), root);
      expect(applied).toEqual({ diffId: digestOf(tar), entries: 9, bytes: tar.length, skipped: [] });
      expect(readlinkSync(join(root, 'lib'))).toBe('usr/lib');
      expect(text('usr/lib/through-link')).toBe('a');
      expect(statSync(join(root, 'hard')).ino).toBe(statSync(join(root, 'usr/lib/through-link')).ino);
      expect(statSync(join(root, 'usr/lib')).mode & 0o7777).toBe(0o750);
      expect(statSync(join(root, 'absolute')).mode & 0o7777).toBe(0o755);
      expect(statSync(join(root, 'absolute')).mtimeMs).toBe(1_500_000_000_000);
      expect(text(`long/${'n'.repeat(120)}/${'m'.repeat(120)}`)).toBe('long');
      expect(text('big')).toHaveLength(300_000);
    }
  });

  it('lets later entries replace earlier ones', async () => {
    await apply([
      { name: 'file-then-directory', body: 'x' },
      { name: 'file-then-directory', type: 'directory' },
      { name: 'file-then-directory/in', body: 'in' },
      { name: 'directory-then-file/in', body: 'in' },
      { name: 'directory-then-file', body: 'file' },
      { name: 'twice', body: '1' },
      { name: 'twice', body: '2' },
      { name: 'link-then-directory', type: 'symlink', linkname: '/' },
      { name: 'link-then-directory', type: 'directory' },
      { name: 'link-then-directory/in', body: 'in' },
    ]);
    expect(text('file-then-directory/in')).toBe('in');
    expect(text('directory-then-file')).toBe('file');
    expect(text('twice')).toBe('2');
    expect(text('link-then-directory/in')).toBe('in');
  });

  it('leaves devices and pipes out and says so', async () => {
    const { skipped } = await apply([{ name: 'dev/null', type: 'character-device', devmajor: 1, devminor: 3 }, { name: 'dev/sda', type: 'block-device' }, { name: 'pipe', type: 'fifo' }]);
    expect(skipped).toEqual(['dev/null', 'dev/sda', 'pipe']);
    expect(readdirSync(root)).toEqual([]);
  });
});

describe('hostile layers', () => {
  it.each<[string, Made[]]>([
    ['climbing name', [{ name: '../secret', body: 'x' }]],
    ['name that climbs in the middle', [{ name: 'a/../../secret', body: 'x' }]],
    ['whiteout of a parent', [{ name: '.wh...', body: '' }]],
    ['climbing whiteout', [{ name: '../.wh.secret', body: '' }]],
    ['hard link to nothing', [{ name: 'steal', type: 'link', linkname: '/etc/passwd' }]],
    ['hard link that climbs', [{ name: 'steal', type: 'link', linkname: '../secret' }]],
    ['hard link through a link', [{ name: 'up', type: 'symlink', linkname: '..' }, { name: 'steal', type: 'link', linkname: 'up/secret' }]],
    ['links in a circle', [{ name: 'a', type: 'symlink', linkname: 'b' }, { name: 'b', type: 'symlink', linkname: 'a' }, { name: 'a/x', body: '' }]],
    ['a file as root', [{ name: './', type: 'symlink', linkname: '/' }]],
  ])('refuses a %s', async (_name, entries) => {
    expect(await refusal(entries)).toBe('UnsafePath');
  });

  it.each<[string, Made[], LayerError['problem']]>([
    ['a name beyond any path', [{ name: `${'d/'.repeat(2100)}x`, body: '' }], 'UnsafePath'],
    ['a sparse file', [{ name: 'sparse', body: '', pax: { 'GNU.sparse.major': '1', 'GNU.sparse.name': 'x' } }], 'Unsupported'],
    ['a link without target', [{ name: 'link', type: 'symlink', linkname: '' }], 'Corrupt'],
    ['a file below a file', [{ name: 'a', body: 'x' }, { name: 'a/b', body: 'y' }], 'Corrupt'],
    ['a folder made a link, then written through', [{ name: 'd', type: 'directory' }, { name: 'd', type: 'symlink', linkname: 'd' }, { name: 'd/x', body: '' }], 'UnsafePath'],
    ['a hard link to a folder', [{ name: 'd', type: 'directory' }, { name: 'l', type: 'link', linkname: 'd' }], 'UnsafePath'],
  ])('refuses %s', async (_name, entries, problem) => {
    expect(await refusal(entries)).toBe(problem);
  });

  it('an extended header that claims to be huge is refused before it is read', async () => {
    const tar = await tarOf({ name: 'x', body: '', pax: { comment: 'c'.repeat(2000) } });
    const size = Buffer.from('00777777777\0');
    size.copy(tar, 124);
    tar.write('        ', 148);
    tar.write(`${tar.subarray(0, 512).reduce((sum, byte) => sum + byte, 0).toString(8).padStart(6, '0')}\0 `, 148);
    await expect(applyLayer(pieces(tar), root)).rejects.toMatchObject({ problem: 'Corrupt' });
  });

  it('leaves extended attributes and the bits that lend powers alone', async () => {
    await apply([{ name: 'tool', body: 'x', mode: 0o7755, pax: { 'SCHILY.xattr.security.capability': 'all', 'SCHILY.xattr.user.overlay.opaque': 'y' } }, { name: 'sticky', type: 'directory', mode: 0o3777 }]);
    expect(statSync(join(root, 'tool')).mode & 0o7777).toBe(0o755);
    expect(statSync(join(root, 'sticky')).mode & 0o7777).toBe(0o1777);
    if (process.platform === 'linux') expect(execFileSync('python3', ['-c', 'import os,sys; print(os.listxattr(sys.argv[1]))', join(root, 'tool')], { encoding: 'utf8' }).trim()).toBe('[]');
  });

  it.each([
    ['absolute', '/'],
    ['climbing', '../../../../../..'],
    ['its own parent', '..'],
  ])('writes through a link (%s) only inside the root', async (_name, linkname) => {
    await apply([{ name: 'out', type: 'symlink', linkname }, { name: 'out/secret', body: 'mine' }, { name: 'out/deep/er', body: 'deep' }]);
    expect(text('secret')).toBe('mine');
    expect(text('deep/er')).toBe('deep');
  });

  it('replaces a link, never what it points to', async () => {
    symlinkSync(join(outside, 'secret'), join(root, 'file'));
    symlinkSync(outside, join(root, 'folder'));
    await apply([{ name: 'file', body: 'new' }, { name: 'folder', type: 'directory', mode: 0o700 }]);
    expect(text('file')).toBe('new');
    expect(lstatSync(join(root, 'folder')).isDirectory()).toBe(true);
  });

  it('refuses bombs by size and by number, and leaves no digest behind', async () => {
    const bomb = gzipSync(await tarOf({ name: 'zeros', body: '\0'.repeat(20_000_000) }));
    expect(bomb.length).toBeLessThan(30_000);
    await expect(applyLayer(pieces(bomb), root, { limits: { maxBytes: 1_000_000, maxEntries: 10 } })).rejects.toMatchObject({ problem: 'TooLarge' });
    expect(statSync(join(root, 'zeros')).size).toBeLessThanOrEqual(1_000_000);
    expect(await refusal([{ name: '1' }, { name: '2' }, { name: '3' }], { limits: { maxBytes: 1e6, maxEntries: 2 } })).toBe('TooManyEntries');
  });

  it('names damage as such', async () => {
    const tar = await tarOf({ name: 'a', body: 'x'.repeat(5000) });
    for (const bytes of [gzipSync(tar).subarray(0, 60), zstdCompressSync(tar).subarray(0, 30), tar.subarray(0, 2000), Buffer.from('no archive at all, but longer than one header'.repeat(20)), Buffer.concat([zstdCompressSync(tar), Buffer.from('tail')])])
      await expect(applyLayer(pieces(bytes), root)).rejects.toMatchObject({ problem: 'Corrupt' });
  });

  it('passes on what the source fails with', async () => {
    async function* broken(): AsyncGenerator<Buffer> {
      yield (await tarOf({ name: 'a', body: 'x'.repeat(5000) })).subarray(0, 1000);
      throw new Error('connection reset');
    }
    await expect(applyLayer(broken(), root)).rejects.toThrow('connection reset');
  });
});

describe.runIf(process.platform === 'linux')('hostile layers over others', () => {
  const lower = () => join(outside, 'lower');
  const over = async (below: Made[], entries: Made[]) => {
    await applyLayer(pieces(await tarOf(...below)), lower(), { whiteouts: 'overlay' });
    return apply(entries, { whiteouts: 'overlay', lowers: [lower()] });
  };
  const all = (folder: string) => execFileSync('find', ['.', '-mindepth', '1', '-printf', '%P\\n'], { cwd: folder, encoding: 'utf8' }).split('\n').filter(Boolean).sort();

  it.each<[string, Made[], Made[], string[]]>([
    ['a link below that leads out is written through inside', [{ name: 'out', type: 'symlink', linkname: '/' }], [{ name: 'out/secret', body: 'mine' }], ['secret']],
    ['a climbing link below', [{ name: 'a/up', type: 'symlink', linkname: '../../../..' }], [{ name: 'a/up/secret', body: 'mine' }], ['a', 'secret']],
    ['a mark through a link below hides a name of the root', [{ name: 'out', type: 'symlink', linkname: '/' }, { name: 'secret', body: 'lower' }], [{ name: 'out/.wh.secret' }], ['secret']],
    ['an opaque folder through a link below', [{ name: 'out', type: 'symlink', linkname: 'd' }, { name: 'd/x', body: '' }], [{ name: 'out/.wh..wh..opq' }], ['d', 'd/x']],
    ['a hard link to a link below is that link', [{ name: 'out', type: 'symlink', linkname: '/etc/passwd' }], [{ name: 'same', type: 'link', linkname: 'out' }], ['same']],
    ['a hard link to a file below is a copy', [{ name: 'file', body: 'lower' }], [{ name: 'same', type: 'link', linkname: 'file' }], ['same']],
  ])('%s', async (_name, below, entries, names) => {
    await over(below, entries);
    expect(all(root)).toEqual(names);
    expect(all(lower())).toEqual([...new Set(below.flatMap(({ name }) => name.split('/').map((_part, at, parts) => parts.slice(0, at + 1).join('/'))))].sort());
  });

  it('a hidden file cannot be linked to', async () => {
    await expect(over([{ name: 'file', body: 'lower' }], [{ name: '.wh.file' }, { name: 'same', type: 'link', linkname: 'nothing' }])).rejects.toMatchObject({ problem: 'UnsafePath' });
  });
});

describe('whiteouts', () => {
  const base: Made[] = [{ name: 'etc/a', body: 'a' }, { name: 'etc/b', body: 'b' }, { name: 'etc/deep/c', body: 'c' }, { name: 'top', body: 't' }];

  it('apply to what lower layers brought, in any order', async () => {
    await apply(base);
    await apply([{ name: 'etc/a', body: 'again' }, { name: 'etc/.wh.a' }, { name: 'etc/.wh.b' }, { name: 'etc/deep/new', body: 'n' }, { name: 'etc/.wh.deep' }, { name: '.wh.missing' }, { name: '.wh..wh.plnk', type: 'directory' }]);
    expect(text('etc/a')).toBe('again');
    expect(existsSync(join(root, 'etc/b'))).toBe(false);
    expect(readdirSync(join(root, 'etc/deep'))).toEqual(['new']);
    expect(text('top')).toBe('t');
  });

  it('clear opaque directories but not what the layer brought there', async () => {
    await apply(base);
    await apply([{ name: 'etc/new', body: 'n' }, { name: 'etc/deep/new', body: 'n' }, { name: 'etc/.wh..wh..opq' }]);
    expect(readdirSync(join(root, 'etc')).sort()).toEqual(['deep', 'new']);
    expect(readdirSync(join(root, 'etc/deep'))).toEqual(['new']);
  });

  it('never reach through a link', async () => {
    symlinkSync(outside, join(root, 'out'));
    await apply([{ name: 'out/.wh.secret' }, { name: '.wh.out' }]);
    expect(existsSync(join(root, 'out'))).toBe(false);
  });

  describe.runIf(process.platform === 'linux')('for overlays', () => {
    it('become devices, opaque directories become marks for each lower name', async () => {
      const lower = join(outside, 'lower');
      await applyLayer(pieces(await tarOf(...base, { name: 'lib', type: 'symlink', linkname: 'etc/deep' })), lower, { whiteouts: 'overlay' });
      await apply(
        [{ name: '.wh.top' }, { name: 'etc/deep/.wh..wh..opq' }, { name: 'etc/deep/mine', body: 'm' }, { name: 'etc/.wh.b' }, { name: 'etc/b/fresh', body: 'f' }, { name: 'lib/via', body: 'v' }, { name: 'copied', type: 'link', linkname: 'etc/a' }],
        { whiteouts: 'overlay', lowers: [lower] },
      );
      const hidden = (name: string) => isOverlayWhiteout(lstatSync(join(root, name)));
      expect(hidden('top')).toBe(true);
      expect(hidden('etc/deep/c')).toBe(true);
      expect(text('etc/deep/mine')).toBe('m');
      expect(text('etc/b/fresh')).toBe('f');
      expect(existsSync(join(root, 'lib'))).toBe(false);
      expect(text('etc/deep/via')).toBe('v');
      expect(statSync(join(root, 'copied')).nlink).toBe(1);

      const mount = `mount -t tmpfs none ${outside}/root/../m && mkdir ${outside}/m/u ${outside}/m/w ${outside}/m/o && mount -t overlay overlay -o userxattr,lowerdir=${root}:${lower},upperdir=${outside}/m/u,workdir=${outside}/m/w ${outside}/m/o && cd ${outside}/m/o && find . | sort`;
      mkdirSync(join(outside, 'm'));
      const listing = execFileSync('unshare', ['-Urm', 'sh', '-c', mount], { encoding: 'utf8' });
      expect(listing.trim().split('\n')).toEqual(['.', './copied', './etc', './etc/a', './etc/b', './etc/b/fresh', './etc/deep', './etc/deep/mine', './etc/deep/via', './lib']);
    });
  });
});
