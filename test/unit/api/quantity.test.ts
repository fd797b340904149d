import { describe, expect, it } from 'vitest';
import { canonicalQuantity, milliOf, parseQuantity, quantityOf } from '../../../src/api/quantity.ts';

describe('quantities', () => {
  it.each([
    ['0', '0'], ['1000m', '1'], ['0.5', '500m'], ['1.5', '1500m'], ['1024Mi', '1Gi'], ['1536Mi', '1536Mi'], ['1500M', '1500M'], ['1000k', '1M'], ['512', '512'], ['0.5Gi', '512Mi'],
    ['1Ki', '1Ki'], ['1023', '1023'], ['0.1Ki', '102400m'], ['100e3', '100e3'], ['1e3', '1e3'], ['1E', '1E'], ['-250m', '-250m'], ['+5', '5'], ['.5', '500m'], ['0.0000000001', '1n'], ['12e6', '12e6'],
  ])('%s is written %s', (text, expected) => expect(canonicalQuantity(text)).toBe(expected));

  it.each(['', 'x', '1 Gi', '1.2.3', '1KiB', '--1', '1e', '1i', `1.${'1'.repeat(1024)}`])('refuses %j', (text) => expect(() => parseQuantity(text)).toThrow('quantities must match the regular expression'));

  it('computes exactly', () => {
    expect([quantityOf('128Mi'), quantityOf('100m'), quantityOf(undefined)]).toEqual([134217728, 0.1, 0]);
    expect([milliOf('100m'), milliOf('2'), milliOf('1u'), milliOf(undefined)]).toEqual([100, 2000, 1, 0]);
  });
});
