import { describe, expect, it } from 'vitest';
import { pods } from '../../../../../src/api/kinds/core.ts';
import { conflict } from '../../../../../src/api/status.ts';
import { silentLog } from '../../../../../src/base/log.ts';
import { controller, type ReconcileResult } from '../../../../../src/controlplane/kernel/reconcile/controller.ts';
import { manualClock, settle } from '../../../../support/manual-clock.ts';

function running(reconcile: (key: string, times: number) => ReconcileResult) {
  const clock = manualClock();
  const times: number[] = [];
  const start = clock.now().getTime();
  const one = controller({
    name: 'test',
    clock,
    log: silentLog,
    async reconcile(key) {
      times.push(clock.now().getTime() - start);
      await Promise.resolve();
      return reconcile(key, times.length);
    },
  });
  return { clock, times, one };
}

describe('controller', () => {
  it('retries a conflict soon, without waiting longer each time, until it goes on', async () => {
    const { one, clock, times } = running((_, count) => {
      if (count <= 9) throw conflict(pods, 'web');
    });
    one.enqueue('demo/web');
    await clock.advance(80);
    expect(times).toEqual([0, 10, 20, 30, 40, 50, 60, 70, 80]);
    await clock.advance(1279);
    expect(times).toHaveLength(9);
    await clock.advance(1);
    expect(times).toHaveLength(10);
  });

  it('looks again when asked to, and after enqueueAfter', async () => {
    const { one, clock, times } = running((_, count) => (count === 1 ? { afterMs: 50 } : undefined));
    one.enqueue('demo/web');
    await clock.advance(1000);
    one.enqueueAfter('demo/web', 500);
    await clock.advance(1000);
    expect(times).toEqual([0, 50, 1500]);
    await one.dispose();
    one.enqueue('demo/web');
    await settle();
    expect(times).toHaveLength(3);
  });
});
