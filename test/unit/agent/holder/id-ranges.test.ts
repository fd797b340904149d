import { expect, test } from 'vitest';
import { planIdMap, rangesOf } from '../../../../src/agent/holder/id-ranges.ts';

const subuid = '# made by useradd\nada:100000:65536\nadam:165536:65536\n1000:300000:10\nada:400000:x\nada:-1:5\nada:400000:0\n\n';

test("a user's ranges, by name or number", () => {
  expect(rangesOf(subuid, 'ada', 1000)).toEqual([{ start: 100_000, count: 65_536 }, { start: 300_000, count: 10 }]);
  expect(rangesOf(subuid, 'eve', 1002)).toEqual([]);
  expect(rangesOf('', 'ada', 1000)).toEqual([]);
});

test('the user is root inside, the ranges follow; too few are none', () => {
  expect(planIdMap(1000, [{ start: 100_000, count: 200_000 }])).toEqual([{ inside: 0, outside: 1000, count: 1 }, { inside: 1, outside: 100_000, count: 65_535 }]);
  expect(planIdMap(1000, [{ start: 100_000, count: 65_000 }, { start: 500_000, count: 65_000 }, { start: 900_000, count: 5 }])).toEqual([
    { inside: 0, outside: 1000, count: 1 }, { inside: 1, outside: 100_000, count: 65_000 }, { inside: 65_001, outside: 500_000, count: 535 },
  ]);
  expect(planIdMap(1000, [{ start: 100_000, count: 65_533 }])).toBeUndefined();
  expect(planIdMap(1000, [])).toBeUndefined();
});
