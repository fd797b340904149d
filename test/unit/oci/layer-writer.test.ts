import { execFileSync } from 'node:child_process';
import { chmodSync, createReadStream, linkSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, readlinkSync, rmSync, statSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { digestOfFile } from '../../../src/oci/digest.ts';
import { applyLayer } from '../../../src/oci/layer-applier.ts';
import { writeLayer, type LayerEntry } from '../../../src/oci/layer-writer.ts';
import { diffUpper, snapshotDiff, takeSnapshot, treeEntries } from '../../../src/oci/tree-reader.ts';

let at: string;
beforeEach(() => void (at = mkdtempSync(join(tmpdir(), 'slipway-writer-'))));
afterEach(() => rmSync(at, { recursive: true }));

function put(name: string, body = name): void {
  mkdirSync(dirname(join(at, name)), { recursive: true });
  writeFileSync(join(at, name), body);
}

const owned = { mode: 0o644, uid: 1001, gid: 0 };
const listing = (path: string) => execFileSync('tar', ['--numeric-owner', '--full-time', '--utc', '-tvf', path], { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' } }).trim().split('\n');
const short = (entries: LayerEntry[]) => entries.map((entry) => `${entry.type} ${entry.name}`).sort();

describe('writeLayer', () => {
  it('gives the same bytes for the same entries in any order, in a form that tar reads', async () => {
    put('source', 'content');
    const entries: LayerEntry[] = [
      { ...owned, type: 'file', name: 'b/z', size: 7, content: join(at, 'source') },
      { ...owned, type: 'directory', name: 'b', mode: 0o775 },
      { type: 'whiteout', name: 'b/old' },
      { ...owned, type: 'file', name: 'b/+early', size: 1, content: Buffer.from('x'), uid: 1_000_580_000 },
      { ...owned, type: 'symlink', name: 'b/link', target: '/absolute/target' },
      { ...owned, type: 'link', name: 'b/zz', target: 'b/z' },
      { ...owned, type: 'file', name: 'empty', size: 0, content: join(at, 'source') },
      { ...owned, type: 'file', name: `${'n'.repeat(150)}/ünïcode`, size: 0, content: Buffer.alloc(0) },
    ];
    for (const compression of ['gzip', 'zstd', 'none'] as const) {
      const layer = await writeLayer(entries, { directory: join(at, 'out'), compression });
      const again = await writeLayer([...entries].reverse(), { directory: join(at, 'again'), compression });
      expect(again).toEqual({ ...layer, path: again.path });
      expect(await digestOfFile(layer.path)).toBe(layer.digest);
      expect(statSync(layer.path).size).toBe(layer.size);
      expect(readdirSync(join(at, 'out')).filter((name) => name.startsWith('.'))).toEqual([]);
      const applied = await applyLayer(createReadStream(layer.path), join(at, 'root'));
      expect(applied.diffId).toBe(layer.diffId);
      expect(readFileSync(join(at, 'root/b/zz'), 'utf8')).toBe('content');
      expect(readlinkSync(join(at, 'root/b/link'))).toBe('/absolute/target');
      rmSync(join(at, 'root'), { recursive: true });
      if (compression !== 'none') continue;
      expect(listing(layer.path).map((line) => line.replace(/n{150}/, 'nnn'))).toEqual([
        'drwxrwxr-x 1001/0            0 1970-01-01 00:00:00 b/',
        '-rw------- 0/0               0 1970-01-01 00:00:00 b/.wh.old',
        '-rw-r--r-- 1000580000/0      1 1970-01-01 00:00:00 b/+early',
        'lrw-r--r-- 1001/0            0 1970-01-01 00:00:00 b/link -> /absolute/target',
        '-rw-r--r-- 1001/0            7 1970-01-01 00:00:00 b/z',
        'hrw-r--r-- 1001/0            0 1970-01-01 00:00:00 b/zz link to b/z',
        '-rw-r--r-- 1001/0            0 1970-01-01 00:00:00 empty',
        '-rw-r--r-- 1001/0            0 1970-01-01 00:00:00 nnn/\\303\\274n\\303\\257code',
      ]);
    }
  });

  it('compresses the same however the content comes in pieces', async () => {
    const content = Buffer.from(Array.from({ length: 400_000 }, (_, index) => (index * index) % 251));
    writeFileSync(join(at, 'big'), content);
    for (const compression of ['gzip', 'zstd'] as const) {
      const [streamed, whole] = await Promise.all([join(at, 'big'), content].map((from) => writeLayer([{ ...owned, type: 'file', name: 'f', size: content.length, content: from }], { directory: join(at, 'out'), compression })));
      expect(streamed).toEqual(whole);
    }
  });

  it('fails, and leaves nothing, when a file is not what was promised or cannot be read', async () => {
    put('source', 'short');
    for (const [content, size, text] of [[join(at, 'source'), 100, /became smaller/], [join(at, 'missing'), 1, /ENOENT/], [at, 10, /EISDIR/]] as const)
      await expect(writeLayer([{ ...owned, type: 'file', name: 'f', size, content }], { directory: join(at, 'out') })).rejects.toThrow(text);
    await expect(writeLayer([{ type: 'whiteout', name: 'a' }, { ...owned, type: 'directory', name: 'a' }], { directory: join(at, 'out') })).rejects.toThrow('two entries named "a"');
    await expect(writeLayer([], { directory: join(at, 'out'), signal: AbortSignal.abort(new Error('cancelled')) })).rejects.toThrow('cancelled');
    expect(readdirSync(join(at, 'out'))).toEqual([]);
  });

  it('keeps memory flat', async () => {
    writeFileSync(join(at, 'big'), '');
    truncateSync(join(at, 'big'), 320 << 20);
    const before = process.memoryUsage().rss;
    let peak = 0;
    const watch = setInterval(() => void (peak = Math.max(peak, process.memoryUsage().rss)), 5);
    await writeLayer([{ ...owned, type: 'file', name: 'big', size: 320 << 20, content: join(at, 'big') }], { directory: join(at, 'out'), compression: 'none' });
    clearInterval(watch);
    // Far more than buffers take, far less than the file: the collector is in no hurry on a busy machine.
    expect((peak - before) / 2 ** 20).toBeLessThan(160);
  });
});

describe('treeEntries', () => {
  it('lists a tree with chosen owners, hard links once, without what is excluded', async () => {
    put('src/a');
    put('src/node_modules/.cache/x');
    linkSync(join(at, 'src/a'), join(at, 'src/b'));
    symlinkSync('a', join(at, 'src/s'));
    chmodSync(join(at, 'src/a'), 0o4755);
    utimesSync(join(at, 'src/a'), 1_600_000_000, 1_600_000_000);
    const entries = await treeEntries(join(at, 'src'), { prefix: 'opt/app', owner: (_name, stat) => ({ uid: 1001, gid: 0, mode: stat.mode & 0o777 }), exclude: (name) => name.endsWith('/.cache'), keepTimes: true });
    expect(short(entries)).toEqual(['directory opt/app/node_modules', 'file opt/app/a', 'link opt/app/b', 'symlink opt/app/s']);
    expect(entries.find(({ name }) => name === 'opt/app/a')).toMatchObject({ mode: 0o755, uid: 1001, gid: 0, mtime: 1_600_000_000 });
    put('src/.wh.bad');
    await expect(treeEntries(join(at, 'src'))).rejects.toThrow('rename it');
  });
});

const changes = [
  'echo changed > m/file',
  'rm m/gone',
  'rm -r m/replaced && mkdir m/replaced && echo new > m/replaced/new',
  'rm -r m/gonedir',
  'rm m/tofile/x && rmdir m/tofile && echo f > m/tofile',
  'chmod 700 m/mode',
  'touch m/fleeting && rm m/fleeting',
  'ln -s /etc m/link',
].join('\n');

function lowerTree(root: string): void {
  for (const name of ['file', 'gone', 'replaced/a', 'replaced/deep/b', 'gonedir/x/y', 'tofile/x', 'mode/inside', 'same']) put(`${root}/${name}`);
}
const visible = (root: string) => execFileSync('find', ['.', '-printf', '%P %y %m %l\\n'], { cwd: root, encoding: 'utf8' }).split('\n').sort();

describe('snapshotDiff', () => {
  it('finds what changed, so that the layer makes the one tree out of the other', async () => {
    lowerTree('m');
    lowerTree('copy');
    const before = await takeSnapshot(join(at, 'm'));
    execFileSync('sh', ['-ec', changes], { cwd: at });
    const entries = await snapshotDiff(join(at, 'm'), before);
    expect(short(entries)).toEqual(['directory mode', 'file file', 'file replaced/new', 'file tofile', 'symlink link', 'whiteout gone', 'whiteout gonedir', 'whiteout replaced/a', 'whiteout replaced/deep']);
    const layer = await writeLayer(entries, { directory: join(at, 'out') });
    await applyLayer(createReadStream(layer.path), join(at, 'copy'));
    expect(visible(join(at, 'copy'))).toEqual(visible(join(at, 'm')));
  });
});

describe.runIf(process.platform === 'linux')('diffUpper', () => {
  it('finds deletions and replaced directories of a real overlay', async () => {
    lowerTree('lower');
    lowerTree('copy');
    put('program.mjs', `
      import { cpSync } from 'node:fs';
      const { diffUpper } = await import(${JSON.stringify(new URL('../../../src/oci/tree-reader.ts', import.meta.url).href)});
      const { writeLayer } = await import(${JSON.stringify(new URL('../../../src/oci/layer-writer.ts', import.meta.url).href)});
      const entries = await diffUpper({ upper: 't/u', lowers: ['lower'], merged: 'm' });
      const layer = await writeLayer(entries, { directory: 'out' });
      console.log(JSON.stringify({ entries: entries.map((e) => e.type + ' ' + e.name).sort(), path: layer.path }));`);
    const script = `mkdir t m; mount -t tmpfs none t; mkdir t/u t/w; mount -t overlay overlay -o userxattr,lowerdir=lower,upperdir=t/u,workdir=t/w m\n${changes}\n"$0" program.mjs; cp -a m merged`;
    const output = execFileSync('unshare', ['-Urm', 'sh', '-ec', script, process.execPath], { cwd: at, encoding: 'utf8' });
    const { entries, path } = JSON.parse(output) as { entries: string[]; path: string };
    expect(entries).toEqual(['directory mode', 'file file', 'file replaced/new', 'file tofile', 'symlink link', 'whiteout gone', 'whiteout gonedir', 'whiteout replaced/a', 'whiteout replaced/deep']);
    await applyLayer(createReadStream(join(at, path)), join(at, 'copy'));
    expect(visible(join(at, 'copy'))).toEqual(visible(join(at, 'merged')));
  });

  it('takes a plain folder as an upper without deletions; a directory that only holds changes is left as it is below', async () => {
    put('upper/etc/new');
    put('upper/own/new');
    put('lower/etc/old');
    expect(short(await diffUpper({ upper: join(at, 'upper'), lowers: [join(at, 'lower')] }))).toEqual(['directory own', 'file etc/new', 'file own/new']);
  });
});
