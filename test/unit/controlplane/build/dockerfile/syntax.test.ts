import { describe, expect, test } from 'vitest';
import { parseMode } from '../../../../../src/controlplane/build/tools/build/dockerfile/copy-plan.ts';
import { parseIgnore } from '../../../../../src/controlplane/build/tools/build/dockerfile/ignore.ts';
import { pairsOf, parseDuration, parseInstruction } from '../../../../../src/controlplane/build/tools/build/dockerfile/instruction.ts';
import { parseLines } from '../../../../../src/controlplane/build/tools/build/dockerfile/lines.ts';
import { parseMount } from '../../../../../src/controlplane/build/tools/build/dockerfile/run-mount.ts';
import { runArgv } from '../../../../../src/controlplane/build/tools/build/dockerfile/run-step.ts';
import { neededStages, planStages } from '../../../../../src/controlplane/build/tools/build/dockerfile/stages.ts';
import { expandText, expandWord, expandWords, splitWords } from '../../../../../src/controlplane/build/tools/build/dockerfile/words.ts';
import { layerStoreFixture } from './store-fixture.ts';

describe('lines', () => {
  test.each<[string, string, [string, string][]]>([
    ['a continued line', 'RUN a \\\n  b\nRUN c', [['RUN', 'a   b'], ['RUN', 'c']]],
    ['comments and empty lines in between', 'RUN a \\\n  # comment\n\n b \\\n\n c\nRUN d', [['RUN', 'a  b  c'], ['RUN', 'd']]],
    ['a doubled escape continues nothing', 'RUN echo \\\\\nRUN x', [['RUN', 'echo \\\\'], ['RUN', 'x']]],
    ['blanks behind the escape', 'RUN a \\   \n b\nRUN c', [['RUN', 'a  b'], ['RUN', 'c']]],
    ['Windows line ends', 'FROM a\r\nRUN x \\\r\n  y\r\n', [['FROM', 'a'], ['RUN', 'x   y']]],
    ['an escape directive', '# escape=`\nRUN dir c:\\\nRUN a `\n b', [['RUN', 'dir c:\\'], ['RUN', 'a  b']]],
    ['a directive after a comment is a comment', '# hello\n# escape=`\nRUN a \\\n b', [['RUN', 'a  b']]],
    ['shifts and here-strings are no here-documents', 'RUN echo $((1<<2))\nRUN cat <<<foo\nRUN echo "<<EOF"', [['RUN', 'echo $((1<<2))'], ['RUN', 'cat <<<foo'], ['RUN', 'echo "<<EOF"']]],
    ['words are kept in any case', 'from a As b', [['FROM', 'a As b']]],
    ['a byte order mark', '\uFEFFFROM a', [['FROM', 'a']]],
  ])('%s', (_, text, expected) => expect(parseLines(text).lines.map(({ keyword, rest }) => [keyword, rest])).toEqual(expected));

  test.each<[string, string, { name: string; content: string; expand: boolean }[]]>([
    ['plain', 'RUN <<EOF\necho hi\nFROM x\nEOF\nRUN y', [{ name: 'EOF', content: 'echo hi\nFROM x\n', expand: true }]],
    ['what looks like a comment or a continued line', 'RUN <<EOF\n# no comment\na \\\nEOF', [{ name: 'EOF', content: '# no comment\na \\\n', expand: true }]],
    ['two', 'COPY <<A <<"B" /d/\na\nA\nb\nB\nRUN y', [{ name: 'A', content: 'a\n', expand: true }, { name: 'B', content: 'b\n', expand: false }]],
    ['tabs stripped', 'RUN <<-A\n\ta\n\t\tb\n\tA\nRUN y', [{ name: 'A', content: 'a\nb\n', expand: true }]],
    ['a quoted name with a blank', 'RUN cat <<"E O" >/x\nx\nE O\nRUN y', [{ name: 'E O', content: 'x\n', expand: false }]],
    ['a descriptor', 'RUN cat 3<<EOF >/x\nhi\nEOF\nRUN y', [{ name: 'EOF', content: 'hi\n', expand: true }]],
    ['in a substitution', 'RUN echo $(cat <<EOF)\nx\nEOF', [{ name: 'EOF', content: 'x\n', expand: true }]],
    ['of ONBUILD', 'ONBUILD RUN <<EOF\nfoo\nEOF\nRUN y', [{ name: 'EOF', content: 'foo\n', expand: true }]],
  ])('here-documents: %s', (_, text, expected) => expect(parseLines(text).lines[0]?.heredocs.map(({ name, content, expand }) => ({ name, content, expand }))).toEqual(expected));

  test.each([['# escape=x\nFROM a', /takes \\ or `/], ['# escape=`\n# escape=`\nFROM a', /only one escape/], ['RUN <<EOF\nx', /has no end/]])('%j is refused', (text, message) => expect(() => parseLines(text)).toThrow(message));
});

describe('words', () => {
  const values: Record<string, string> = { a: 'A', empty: '', path: 'dir/file.tar.gz', two: 'x y' };
  const rules = { escape: '\\', lookup: (name: string) => values[name] };

  test.each([
    ['$a-$b-${a}', 'A--A'], ['\\$a "\\$a" \'$a\'', '$a $a $a'], ['${empty:-d}${empty-d}${none:-d}${none-d}', 'ddd'], ['${a:+s}${empty:+s}${empty+s}${none+s}', 'ss'], ['${none:-${a}x}', 'Ax'], ['${none:-"q r"}', 'q r'],
    ['${path#*/}', 'file.tar.gz'], ['${path##*.}', 'gz'], ['${path%.*}', 'dir/file.tar'], ['${path%%.*}', 'dir/file'], ['${path/i/I}', 'dIr/file.tar.gz'], ['${path//i/I}', 'dIr/fIle.tar.gz'], ['${path//\\//-}', 'dir-file.tar.gz'], ['${path/?ar/zip}', 'dir/file.zip.gz'],
    ['a\\ b', 'a b'], ['"a  b"', 'a  b'], ['$', '$'], ['a$', 'a$'], ["it''s", 'its'], ['${a?no}', 'A'],
  ])('%s becomes %s', (text, expected) => expect(expandWord(text, rules)).toBe(expected));

  test.each([['${none:?must be given}', /none: must be given/], ['${a', /no closing brace/], ['"a', /not closed/], ["'a", /not closed/], ['${a^x}', /not known/]])('%s is refused', (text, message) => expect(() => expandWord(text, rules)).toThrow(message));

  test('several words from one variable, and none from an empty one', () => {
    expect(expandWords('1 $two "$two" $empty ""', rules)).toEqual(['1', 'x', 'y', 'x y', '']);
    expect(splitWords('a "b c" d\\ e \'f g\'h', '\\')).toEqual(['a', '"b c"', 'd\\ e', "'f g'h"]);
    expect(expandText('"$a" \'$a\' \\$a', rules)).toBe('"A" \'A\' $a');
  });
});

describe('instructions', () => {
  const parse = (text: string) => parseInstruction(parseLines(text).lines[0]!, '\\');

  test('flags, lists and pairs', () => {
    expect(parse('COPY --from=a --link --exclude=x --exclude=y a b')).toMatchObject({ flags: [{ name: 'from', value: 'a' }, { name: 'link', value: 'true' }, { name: 'exclude', value: 'x' }, { name: 'exclude', value: 'y' }], rest: 'a b' });
    expect(parse('CMD ["a", "b c"]').list).toEqual(['a', 'b c']);
    expect(parse("CMD ['a']").list).toBeUndefined();
    expect(parse('CMD --version').rest).toBe('--version');
    expect(pairsOf(parse('ENV a=1 b="2 3" c=4\\ 5'), '\\')).toEqual([{ name: 'a', value: '1' }, { name: 'b', value: '"2 3"' }, { name: 'c', value: '4\\ 5' }]);
    expect(pairsOf(parse('ENV a the rest = all'), '\\')).toEqual([{ name: 'a', value: 'the rest = all' }]);
  });

  test.each([['FOO x', /unknown instruction/], ['RUN', /at least one argument/], ['COPY --from=a --from=b c d', /given twice/], ['RUN --what x', /knows no flag/]])('%s is refused', (text, message) => expect(() => parse(text)).toThrow(message));

  test.each([['30s', 30e9], ['1m30s', 90e9], ['1.5h', 5400e9], ['0', 0]])('%s is %d ns', (text, nanoseconds) => expect(parseDuration(text, 1)).toBe(nanoseconds));

  test.each([['755', 0o644, 0o755], ['u=rwX,go=rX', 0o600, 0o644], ['u=rwX,go=rX', 0o700, 0o755], ['+x', 0o644, 0o755], ['g-w,o=', 0o666, 0o640], ['u+s', 0o755, 0o4755]])('--chmod=%s of %o is %o', (text, before, after) => expect(parseMode(text)(before, false)).toBe(after));

  test('the forms of RUN', () => {
    const argv = (text: string) => runArgv(parse(text), ['/bin/sh', '-c']);
    expect(argv('RUN a b').argv).toEqual(['/bin/sh', '-c', 'a b']);
    expect(argv('RUN ["a", "b"]').argv).toEqual(['a', 'b']);
    expect(argv('RUN <<EOF\na\nb\nEOF').argv).toEqual(['/bin/sh', '-c', 'a\nb\n']);
    expect(argv('RUN cat <<EOF > /x\na\nEOF').argv).toEqual(['/bin/sh', '-c', 'cat <<EOF > /x\na\nEOF\n']);
    expect(argv('RUN <<EOF\n#!/bin/x\nEOF')).toMatchObject({ argv: ['/tmp/heredoc-EOF'], script: { content: '#!/bin/x\n' } });
  });

  test('mounts', () => {
    expect(parseMount('type=cache,target=x,sharing=locked,uid=7', '/w')).toMatchObject({ type: 'cache', target: '/w/x', id: '/w/x', sharing: 'locked', uid: 7, writable: true });
    expect(parseMount('from=a,src=/b,dst=/c,rw', '/')).toEqual({ type: 'bind', target: '/c', source: '/b', from: 'a', writable: true });
    expect(parseMount('type=secret,id=a,required', '/')).toMatchObject({ id: 'a', target: '/run/secrets/a', required: true, mode: 0o400 });
    expect(parseMount('type=tmpfs,target=/t,size=2m', '/')).toEqual({ type: 'tmpfs', target: '/t', size: 2 ** 21 });
    for (const [text, message] of [['type=ssh', /no SSH agent/], ['type=x,target=/a', /the types are/], ['target=/', /over the root/], ['type=bind', /needs a target/], ['target=/a,colour=red', /knows no option/]] as const) expect(() => parseMount(text, '/')).toThrow(message);
  });
});

test('stages: what the last one stands on or copies from', () => {
  const instructions = parseLines('ARG base=x\nFROM $base AS a\nRUN 1\nFROM a AS b\nFROM y AS unused\nFROM scratch\nCOPY --from=b / /\nCOPY --from=image / /').lines.map((line) => parseInstruction(line, '\\'));
  const { stages } = planStages(instructions, { escape: '\\', buildArgs: new Map([['base', 'given']]), predefined: new Map() });
  expect(stages.map(({ name, base }) => [name, base])).toEqual([['a', { kind: 'image', name: 'given' }], ['b', { kind: 'stage', index: 0 }], ['unused', { kind: 'image', name: 'y' }], [undefined, { kind: 'scratch' }]]);
  expect(neededStages(stages, 3, ({ flags }) => flags.map(({ value }) => value))).toEqual([0, 1, 3]);
});

describe('.dockerignore', () => {
  test.each<[string, string[], string[]]>([
    ['*.md\n!README.md', ['a.md', 'sub/README.md'].slice(0, 1), ['README.md', 'sub/a.md']],
    ['**/*.md', ['a.md', 'sub/deep/a.md'], ['a.txt']],
    ['/foo\nbar/', ['foo', 'foo/x', 'bar/y'], ['sub/foo', 'barn']],
    ['*/temp*', ['a/temporary.txt', 'a/temp'], ['temp', 'a/b/temp']],
    ['*\n!src/**\nsrc/*.log', ['a', 'src/x.log'], ['src/a', 'src/deep/x.log']],
    ['docs/**', ['docs/a', 'docs/a/b'], ['docs']],
    ['**', ['a', 'a/b'], []],
    ['# comment\n\n  spaced  \n./here', ['spaced', 'here'], ['# comment']],
    ['[ab].t?t', ['a.txt', 'b.tst'], ['c.txt', 'a.tt']],
    ['!keep\nkeep', ['keep'], []],
  ])('%j', (text, ignored, kept) => {
    const rules = parseIgnore(text.split('\n'));
    expect(ignored.filter((path) => !rules.ignores(path))).toEqual([]);
    expect(kept.filter((path) => rules.ignores(path))).toEqual([]);
  });
});

describe('what builds keep', () => {
  test('is found by every key that leads to it, leased while it is used, and given up when nobody could find it', async () => {
    const { open, make, layers, dispose } = layerStoreFixture();
    const first = await open();
    const made = await make(first, 'one', 'text');
    await first.alias('other', made);
    expect((await first.find('other'))?.key).toBe('one');
    expect(await (await open(false)).find('one')).toBeUndefined();
    const second = await open();
    expect((await second.find('one'))?.name).toBe(made.name);
    // A newer layer of the same key: the old one stays for who uses it.
    const newer = await make(first, 'one', 'newer');
    await first.alias('other', newer);
    await first.close();
    expect(layers()).toEqual([made.name, newer.name].sort());
    await second.close();
    const third = await open();
    expect((await third.find('one'))?.name).toBe(newer.name);
    const last = await make(third, 'two', 'more');
    await third.close();
    expect(layers()).toEqual([newer.name, last.name].sort());
    dispose();
  });
});
