import { expect, test } from 'vitest';
import { parseAnsi, withoutAnsi } from '../../../src/webviews/shared/ansi.ts';

test.each([
  ['plain', [{ text: 'plain', style: '' }]],
  ['', []],
  ['\u001b[31mred\u001b[0m rest', [{ text: 'red', style: 'fg-1' }, { text: ' rest', style: '' }]],
  ['\u001b[1;92mok', [{ text: 'ok', style: 'fg-10 bold' }]],
  ['\u001b[41;37mx\u001b[49my\u001b[39mz', [{ text: 'x', style: 'fg-7 bg-1' }, { text: 'y', style: 'fg-7' }, { text: 'z', style: '' }]],
  ['\u001b[38;5;3mindexed\u001b[38;2;1;2;3mtrue', [{ text: 'indexed', style: 'fg-3' }, { text: 'true', style: '' }]],
  ['\u001b[2Kcleared\u001b]0;title\u0007line', [{ text: 'cleared', style: '' }, { text: 'line', style: '' }]],
  ['<b>&amp;</b>', [{ text: '<b>&amp;</b>', style: '' }]],
])('%j', (line, spans) => {
  expect(parseAnsi(line)).toEqual(spans);
  expect(withoutAnsi(line)).toBe(spans.map(({ text }) => text).join(''));
});
