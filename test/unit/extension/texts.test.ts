import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';

const read = (file: string) => JSON.parse(readFileSync(file, 'utf8')) as Record<string, string>;
const placeholders = (text: string) => [...text.matchAll(/\{\d\}/g)].map(([found]) => found).sort();

function used(): Set<string> {
  const files = readdirSync('src/extension', { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
  const found = files.flatMap((file) => [...readFileSync(path.join('src/extension', file), 'utf8').matchAll(/(?:l10n\.t|\bt)\(\s*'((?:[^'\\]|\\.)*)'/g)]);
  return new Set(found.map((match) => (match[1] ?? '').replaceAll("\\'", "'")));
}

describe('texts', () => {
  test('every text of the extension has its Simplified Chinese, and none is left over', () => {
    const bundle = read('media/l10n/bundle.l10n.zh-cn.json');
    expect([...used()].sort()).toEqual(Object.keys(bundle).sort());
  });

  test('translations keep the placeholders', () => {
    for (const [text, translated] of Object.entries(read('media/l10n/bundle.l10n.zh-cn.json'))) expect(placeholders(translated), text).toEqual(placeholders(text));
  });

  test('every text of the manifest stands in both languages', () => {
    const asked = [...readFileSync('package.json', 'utf8').matchAll(/"%([\w.]+)%"/g)].map((match) => match[1] ?? '');
    const english = read('package.nls.json');
    expect(Object.keys(english).sort()).toEqual([...new Set(asked)].sort());
    expect(Object.keys(read('package.nls.zh-cn.json')).sort()).toEqual(Object.keys(english).sort());
  });

  test('every command of the manifest is registered, and the other way round', () => {
    const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as { contributes: { commands: { command: string }[] } };
    const files = readdirSync('src/extension/commands', { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
    const ids = files.flatMap((file) => [...readFileSync(path.join('src/extension/commands', file), 'utf8').matchAll(/(?:id: |\[)'(slipway\.[\w.]+)'/g)].map((match) => match[1]));
    expect([...new Set(ids)].sort()).toEqual(manifest.contributes.commands.map(({ command }) => command).sort());
  });
});
