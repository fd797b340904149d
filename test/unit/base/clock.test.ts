import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';

const hour = 3_600_000;

describe('the clock of the machine', () => {
  let ran: number;
  beforeEach(() => {
    ran = 0;
    vi.useFakeTimers({ now: Date.parse('2026-01-01T22:00:00Z') });
  });
  afterEach(() => void vi.useRealTimers());
  const after = (ms: number) => systemClock.after(ms, () => (ran += 1));

  test.each([0, 10, 60_000, 3 * hour, 40 * 24 * hour])('calls once after %i ms, however long that is', (ms) => {
    after(ms);
    vi.advanceTimersByTime(Math.max(0, ms - 1));
    expect(ran).toBe(ms === 0 ? 1 : 0);
    vi.advanceTimersByTime(1);
    expect(ran).toBe(1);
    vi.advanceTimersByTime(hour);
    expect([ran, vi.getTimerCount()]).toEqual([1, 0]);
  });

  test('counts the time in which the machine slept', () => {
    after(11 * hour);
    vi.advanceTimersByTime(10 * 60_000);
    vi.setSystemTime(Date.parse('2026-01-02T09:00:00Z'));
    vi.advanceTimersByTime(60_000);
    expect(ran).toBe(1);
  });

  test('is not held up by a clock that is set back', () => {
    after(2 * hour);
    vi.setSystemTime(Date.parse('2026-01-01T10:00:00Z'));
    vi.advanceTimersByTime(2 * hour);
    expect(ran).toBe(1);
  });

  test('calls nothing that was given up on its way', () => {
    const timer = after(2 * hour);
    vi.advanceTimersByTime(hour);
    void timer.dispose();
    vi.advanceTimersByTime(2 * hour);
    expect([ran, vi.getTimerCount()]).toEqual([0, 0]);
  });
});
