import { expect, test } from 'vitest';
import { duration } from '../../../src/api/duration.ts';

const start = '2026-01-01T00:00:00.000Z';
const at = (seconds: number) => Date.parse(start) + seconds * 1000;

test.each([[0.42, '0.4 s'], [9.94, '9.9 s'], [12.3, '12 s'], [185, '3 m 5 s'], [-1, '0.0 s']])('%d seconds read as %s', (seconds, text) => {
  expect(duration(start, undefined, at(seconds))).toBe(text);
  expect(duration(start, new Date(Math.max(at(seconds), at(0))).toISOString(), 0)).toBe(text);
});
