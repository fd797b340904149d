import { describe, expect, test } from 'vitest';
import type { Route } from '../../../src/api/kinds/route.ts';
import { mostServices, sharesOf, splitPatch, withoutService, withService, withShare, type Share } from '../../../src/api/traffic-split.ts';

const route = (...weights: (number | undefined)[]) => {
  const [to, ...alternateBackends] = weights.map((weight, index) => ({ kind: 'Service', name: 'abcd'[index] ?? '', ...(weight !== undefined && { weight }) }));
  return { spec: { to, alternateBackends } } as unknown as Route;
};
const shares = (...percents: number[]): Share[] => percents.map((percent, index) => ({ service: 'abcd'[index] ?? '', percent }));

describe('a traffic split', () => {
  test.each<[string, (number | undefined)[], number[]]>([
    ['one service has it all', [undefined], [100]],
    ['weights are shares of their sum', [3, 1], [75, 25]],
    ['a service without a weight has 100', [undefined, 100], [50, 50]],
    ['percents are whole and make a hundred', [1, 1, 1], [34, 33, 33]],
    ['no weight, no share', [0, 0], [0, 0]],
    ['a weight of nothing', [256, 0], [100, 0]],
  ])('%s', (_, weights, percents) => expect(sharesOf(route(...weights)).map(({ percent }) => percent)).toEqual(percents));

  test.each<[string, Share[], string, number, number[]]>([
    ['the other gets the rest', shares(100, 0), 'b', 30, [70, 30]],
    ['the others keep their proportion', shares(60, 30, 10), 'c', 40, [40, 20, 40]],
    ['others without a share get equal parts', shares(100, 0, 0), 'a', 50, [50, 25, 25]],
    ['no less than nothing, no more than all', shares(50, 50), 'a', 140, [100, 0]],
    ['the only one has it all', shares(100), 'a', 20, [100]],
  ])('is changed: %s', (_, before, service, percent, after) => expect(withShare(before, service, percent).map((one) => one.percent)).toEqual(after));

  test('takes in services that get nothing yet, up to the number a route may have', () => {
    expect(withService(shares(100), 'b')).toEqual(shares(100, 0));
    expect(withService(shares(100), 'a')).toEqual(shares(100));
    expect(withService(shares(100, 0, 0, 0), 'e')).toHaveLength(mostServices);
  });

  test('gives what a service had to the others, but never loses the last', () => {
    expect(withoutService(shares(20, 80), 'b')).toEqual(shares(100));
    expect(withoutService(shares(50, 30, 20), 'a')).toEqual([{ service: 'b', percent: 60 }, { service: 'c', percent: 40 }]);
    expect(withoutService(shares(100), 'a')).toEqual(shares(100));
  });

  test('is written to the route as weights', () => {
    expect(splitPatch(shares(80, 20))).toEqual({ spec: { to: { kind: 'Service', name: 'a', weight: 80 }, alternateBackends: [{ kind: 'Service', name: 'b', weight: 20 }] } });
    expect(splitPatch(shares(100))).toEqual({ spec: { to: { kind: 'Service', name: 'a', weight: 100 }, alternateBackends: null } });
  });
});
