import { describe, expect, it } from 'vitest';
import { ImportSchedule } from '../../../../src/controlplane/image/import-schedule.ts';

const minutes = (count: number) => count * 60_000;

function at(perMinute = 60) {
  let now = Date.parse('2026-01-01T00:00:00Z');
  const schedule = new ImportSchedule(() => new Date(now), { intervalMs: minutes(15), buckets: 4, perMinute });
  return { schedule, pass: (ms: number) => void (now += ms) };
}

describe('the schedule of imports', () => {
  it('spreads streams over the interval, the first furthest ahead', () => {
    const { schedule } = at();
    expect(['a', 'b', 'c', 'd', 'e'].map((key) => schedule.dueIn(key) / minutes(1))).toEqual([15, 11.25, 7.5, 3.75, 15]);
    expect(schedule.dueIn('b')).toBe(minutes(11.25));
  });

  it('counts the interval from the last look', () => {
    const { schedule, pass } = at();
    schedule.dueIn('a');
    pass(minutes(14));
    schedule.delay('a');
    expect(schedule.dueIn('a')).toBe(minutes(15));
    pass(minutes(16));
    expect(schedule.dueIn('a')).toBe(0);
  });

  it('forgets streams that went, and gives their place away', () => {
    const { schedule } = at();
    for (const key of 'abcd') schedule.dueIn(key);
    schedule.remove('a');
    expect([schedule.size, schedule.dueIn('e'), schedule.size]).toEqual([3, minutes(15), 4]);
    schedule.remove('nobody');
  });

  it('lets no more through than so many a minute, and twice that after a rest', () => {
    const { schedule, pass } = at(6);
    const taken = () => {
      let count = 0;
      while (schedule.take() === 0) count++;
      return count;
    };
    expect(taken()).toBe(12);
    expect(schedule.take()).toBe(10_000);
    pass(10_000);
    expect(taken()).toBe(1);
    pass(minutes(1));
    expect(taken()).toBe(6);
    pass(minutes(60));
    expect(taken()).toBe(12);
  });
});
