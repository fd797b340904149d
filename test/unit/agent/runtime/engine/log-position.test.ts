import { expect, test } from 'vitest';
import { beginning, EntryStamps, positionOf, sinceOf } from '../../../../../src/agent/runtime/engine/log-position.ts';

/** Copies `entries` in two readings: all again from `since`, after the first `cut` were written. */
function resumed(entries: readonly string[], cut: number): string[] {
  const first = new EntryStamps(beginning);
  const written = entries.slice(0, cut).map((stamp, at) => `${first.next(stamp)} stdout F ${at}\n`);
  const position = positionOf(written.join(''));
  const second = new EntryStamps(position);
  const from = sinceOf(position) * 1000;
  const rest = entries.flatMap((stamp, at) => {
    if (Math.floor(Date.parse(stamp) / 1000) * 1000 < from) return [];
    const mark = second.next(stamp);
    return mark === undefined ? [] : [`${mark} stdout F ${at}\n`];
  });
  return [...written, ...rest];
}

const texts = (lines: readonly string[]) => lines.map((line) => Number(line.trim().split(' ').at(-1)));

test.each<[string, string[]]>([
  ['to the nanosecond', ['2026-01-01T00:00:00.000000001Z', '2026-01-01T00:00:00.5Z', '2026-01-01T00:00:01.000000000Z', '2026-01-01T00:00:01.123456789Z', '2026-01-01T00:00:03.1Z']],
  ['with equal times', ['2026-01-01T00:00:00.1Z', '2026-01-01T00:00:00.1Z', '2026-01-01T00:00:00.1Z', '2026-01-01T00:00:00.2Z', '2026-01-01T00:00:00.2Z']],
  ['to the second', ['2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z', '2026-01-01T00:00:01Z', '2026-01-01T00:00:01Z', '2026-01-01T00:00:01Z', '2026-01-01T00:00:05Z']],
  ['to the second, of another zone', ['2026-01-01T01:00:00+01:00', '2026-01-01T01:00:00+01:00', '2026-01-01T01:00:01+01:00']],
])('a copy that goes on after any entry has each once, in order: times %s', (_, entries) => {
  for (let cut = 0; cut <= entries.length; cut += 1) expect(texts(resumed(entries, cut))).toEqual(entries.map((_entry, at) => at));
});

test('times are written with nine digits, in UTC, and say which entry of its second it was', () => {
  const stamps = new EntryStamps(beginning);
  expect(['2026-01-01T01:00:00+01:00', '2026-01-01T01:00:00+01:00', '2026-01-01T00:00:02.25Z'].map((text) => stamps.next(text))).toEqual(['2026-01-01T00:00:00.000000000Z', '2026-01-01T00:00:00.000000001Z', '2026-01-01T00:00:02.250000000Z']);
});

test('an entry that a crash cut short does not count', () => {
  const whole = '2026-01-01T00:00:00.100000000Z stdout F a\n2026-01-01T00:00:00.200000000Z stdout F b\n';
  expect(positionOf(`${whole}2026-01-01T00:00:00.300000000Z std`)).toEqual({ stamp: '2026-01-01T00:00:00.200000000Z', count: 1 });
  expect(positionOf('')).toEqual(beginning);
});
