import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { mergeVariables, parseEnvironment, readEnvironmentFile } from '../../../../src/controlplane/build/tools/build/source/environment.ts';
import { ignoredPaths, matcher } from '../../../../src/detect/s2i-ignore.ts';
import { applyIgnoreFile } from '../../../../src/controlplane/build/tools/build/source/ignore.ts';

describe('.s2iignore', () => {
  const tree: Record<string, string[]> = { '': ['.git', '.hidden', 'README.md', 'docs', 'main.js', 'test.js', 'a[1].txt'], docs: ['a.md', 'b.md', 'deep'], 'docs/deep': ['c.md'], '.git': ['config'] };
  const list = (folder: string) => Promise.resolve(tree[folder] ?? []);

  test.each<[string, string, string[]]>([
    ['a name', 'README.md', ['README.md']],
    ['a pattern does not go into folders', '*.md', ['README.md']],
    ['a path', 'docs/*.md', ['docs/a.md', 'docs/b.md']],
    ['a folder, however written', './docs/', ['docs']],
    ['hidden files match, as in Go', '*hidden', ['.hidden']],
    ['comments, spaces and empty lines', '# *\n\n   main.js  \n', ['main.js']],
    ['what is taken back', '*.js\n!main.js', ['test.js']],
    ['only what an earlier line took', '!main.js\n*.js', ['main.js', 'test.js']],
    ['a file of a folder that goes is not saved', 'docs\n!docs/a.md', ['docs']],
    ['nothing outside the source', '../*\n/../x', []],
    ['classes and quotes', '[mt]*.js\na\\[1\\].txt', ['a[1].txt', 'main.js', 'test.js']],
    ['a malformed pattern', '[a-', []],
    ['every folder of one level', '*/*.md', ['docs/a.md', 'docs/b.md']],
  ])('%s', async (_, text, paths) => {
    expect(await ignoredPaths(text, list)).toEqual(paths);
  });

  test.each([['a?c', 'abc', true], ['a?c', 'a/c', true], ['[^a]x', 'bx', true], ['[^a]x', 'ax', false], ['a.c', 'abc', false], ['\\*', '*', true], ['*', '', true]])('%s and %s: %s', (pattern, name, fits) => {
    expect(matcher(pattern)(name)).toBe(fits);
  });
});

describe('.s2i/environment', () => {
  test('lines, comments, trimming', () => {
    expect(parseEnvironment('A=1\n# B=2\n  C = a = b \nD\n=E\nF=\n #G=1\r\n')).toEqual([{ name: 'A', value: '1' }, { name: 'C', value: 'a = b' }, { name: 'F', value: '' }, { name: '#G', value: '1' }]);
  });

  test('later lists win', () => {
    expect(mergeVariables([{ name: 'A', value: '1' }, { name: 'B', value: '1' }], [{ name: 'A', value: '2' }, { name: 'C', value: '2' }])).toEqual([{ name: 'A', value: '2' }, { name: 'B', value: '1' }, { name: 'C', value: '2' }]);
  });
});

describe('links in a source', () => {
  let folder = '';
  let source = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'source-'));
    source = join(folder, 'source');
    mkdirSync(join(source, '.s2i'), { recursive: true });
    mkdirSync(join(folder, 'elsewhere'));
    writeFileSync(join(folder, 'elsewhere/secret'), 'KEY=1\n');
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  test('are not followed out of it to delete', async () => {
    symlinkSync('../elsewhere', join(source, 'linked'));
    writeFileSync(join(source, '.s2iignore'), 'linked/*\n*/secret\n');
    expect(await applyIgnoreFile(source)).toEqual([]);
    expect(existsSync(join(folder, 'elsewhere/secret'))).toBe(true);
  });

  test('are not followed out of it to read; inside it they are', async () => {
    symlinkSync('../../elsewhere/secret', join(source, '.s2i/environment'));
    expect(await readEnvironmentFile(source)).toEqual([]);
    rmSync(join(source, '.s2i/environment'));
    writeFileSync(join(source, 'shared.env'), 'A=1\n');
    symlinkSync('../shared.env', join(source, '.s2i/environment'));
    expect(await readEnvironmentFile(source)).toEqual([{ name: 'A', value: '1' }]);
  });
});
