import { expect, test } from 'vitest';
import { lookResumed, lookRunning, lookStopped, startOfThrottle, type ThrottleStep } from '../../../../src/agent/shim/throttle-plan.ts';

/** Plays a container that would use `demand` processors; the kernel counts in steps of 10 ms and every timer is 2 ms late. */
function play(limit: number, demand: number, seconds = 20) {
  let [now, cpu, read] = [1000, demand * 1000, 0];
  const used = () => {
    const counted = Math.floor(cpu / 10) * 10;
    const since = counted - read;
    read = counted;
    return since;
  };
  let state = startOfThrottle(0);
  const played = { looks: 0, longestStopMs: 0, share: 0 };
  let from = { now, cpu };
  while (now < seconds * 1000) {
    if (now < 3000) from = { now, cpu };
    let step: ThrottleStep = lookRunning(state, now, used(), limit);
    played.looks += 1;
    if (step.stop) {
      step = lookStopped(step.state, now, used(), limit);
      played.longestStopMs = Math.max(played.longestStopMs, step.afterMs);
      now += step.afterMs;
      step = lookResumed(step.state, now, used(), limit);
    }
    state = step.state;
    now += step.afterMs + 2;
    cpu += demand * (step.afterMs + 2);
  }
  return { ...played, share: (cpu - from.cpu) / (now - from.now), looks: played.looks / seconds };
}

test.each([[0.2, 2], [0.2, 1], [0.05, 2], [0.5, 2], [1, 2], [1.5, 2], [0.1, 8]])('a limit of %d processors holds one that would use %d', (limit, demand) => {
  const { share, looks, longestStopMs } = play(limit, demand);
  expect(share / limit).toBeGreaterThan(0.9);
  expect(share / limit).toBeLessThan(1.1);
  expect(looks).toBeLessThan(12);
  expect(longestStopMs).toBeLessThanOrEqual(1000);
});

test.each([[0.2, 0.19, 6], [0.2, 0.05, 1.1], [1, 0, 1.1]])('of a limit of %d processors, use of %d costs at most %d looks a second and stops nothing', (limit, demand, most) => {
  const { share, looks, longestStopMs } = play(limit, demand);
  expect(share).toBeCloseTo(demand);
  expect(looks).toBeLessThan(most);
  expect(longestStopMs).toBe(0);
});

test('who was not looked at for long is stopped no longer than others', () => {
  const found = lookRunning(startOfThrottle(0), 1000, 2000, 0.1);
  expect(found.stop).toBe(true);
  expect(lookStopped(found.state, 1000, 0, 0.1).afterMs).toBe(200);
});
