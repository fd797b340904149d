import { expect, it } from 'vitest';
import { ageOf, humanDuration } from '../../../src/api/age.ts';

const [s, m, h, d] = [1000, 60_000, 3_600_000, 86_400_000];
it.each([
  [0, '0s'], [1999, '1s'], [119 * s, '119s'], [120 * s, '2m'], [192 * s, '3m12s'], [10 * m - s, '9m59s'], [10 * m, '10m'], [179 * m, '179m'], [3 * h, '3h'], [5 * h + 30 * m, '5h30m'], [8 * h, '8h'], [47 * h, '47h'],
  [48 * h, '2d'], [52 * h, '2d4h'], [8 * d, '8d'], [90 * d, '90d'], [729 * d, '729d'], [730 * d, '2y'], [3 * 365 * d + 20 * d, '3y20d'], [9 * 365 * d, '9y'], [-1000, '0s'], [-5000, '<invalid>'],
])('%d ms is %s', (milliseconds, text) => expect(humanDuration(milliseconds)).toBe(text));

it('tells an age', () => {
  expect(ageOf('2026-01-01T00:00:00Z', new Date('2026-01-01T00:00:45Z'))).toBe('45s');
  expect(ageOf(undefined, new Date())).toBe('<unknown>');
});
