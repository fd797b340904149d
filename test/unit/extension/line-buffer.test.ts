import { expect, test } from 'vitest';
import { LineBuffer } from '../../../src/extension/panels/line-buffer.ts';

const line = (text: string, source = 'a') => ({ source, time: '', text });

test('keeps the newest lines and numbers them without a gap', () => {
  const buffer = new LineBuffer(100);
  for (let index = 0; index < 1000; index += 1) buffer.push([line(String(index))]);
  expect(buffer.size).toBeLessThanOrEqual(110);
  const last = buffer.last(3);
  expect(last.map(({ number, text }) => [number, text])).toEqual([[997, '997'], [998, '998'], [999, '999']]);
});

test('gives older lines before a number, also after a source was forgotten', () => {
  const buffer = new LineBuffer(100);
  buffer.push([line('0'), line('1', 'b'), line('2'), line('3', 'b'), line('4')]);
  buffer.clear('b');
  expect(buffer.before(4, 10).map(({ text }) => text)).toEqual(['0', '2']);
  expect(buffer.before(4, 1).map(({ text }) => text)).toEqual(['2']);
  expect(buffer.countBefore(0)).toBe(0);
  expect(buffer.countBefore(99)).toBe(3);
});
