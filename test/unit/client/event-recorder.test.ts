import { describe, expect, it } from 'vitest';
import type { Event } from '../../../src/api/kinds/core.ts';
import type { KubeObject } from '../../../src/api/meta.ts';
import { forbidden, serviceUnavailable, notFound } from '../../../src/api/status.ts';
import { events } from '../../../src/api/kinds/core.ts';
import type { Client } from '../../../src/client/client.ts';
import { eventRecorder } from '../../../src/client/event-recorder.ts';
import { manualClock, settle } from '../../support/manual-clock.ts';

const pod: KubeObject = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web-1', namespace: 'demo', uid: 'u1', resourceVersion: '7' } };

function bench(fail: (call: number) => Error | undefined = () => undefined) {
  const stored = new Map<string, Event>();
  const clock = manualClock();
  let calls = 0;
  const refuse = () => {
    const error = fail(++calls);
    if (error) throw error;
  };
  const client = {
    async create(_: unknown, event: Event) {
      await settle(1);
      refuse();
      stored.set(event.metadata.name, event);
      return event;
    },
    async patch(_: unknown, at: { name: string }, __: string, patch: Partial<Event>) {
      await settle(1);
      refuse();
      const event = stored.get(at.name);
      if (!event) throw notFound(events, at.name);
      stored.set(at.name, { ...event, ...patch });
    },
  } as unknown as Client;
  return { clock, stored, told: () => [...stored.values()].map(({ type, reason, message, count }) => `${type} ${reason} ${message} ×${count}`), recorder: eventRecorder(client, 'deployer', clock), calls: () => calls };
}

describe('event recorder', () => {
  it('writes an event about the object, as its component', async () => {
    const { recorder, stored } = bench();
    recorder.normal(pod, 'Started', 'Started container web');
    await recorder.flush();
    expect([...stored.values()]).toMatchObject([{
      metadata: { namespace: 'demo', name: expect.stringMatching(/^web-1\.[0-9a-f]+$/) },
      involvedObject: { apiVersion: 'v1', kind: 'Pod', name: 'web-1', namespace: 'demo', uid: 'u1' },
      type: 'Normal', reason: 'Started', count: 1, source: { component: 'deployer' }, firstTimestamp: '2026-01-01T00:00:00Z', lastTimestamp: '2026-01-01T00:00:00Z',
    }]);
  });

  it('counts repeats, also those that come before the first is written, and begins anew after a while', async () => {
    const { recorder, clock, told } = bench();
    for (let times = 0; times < 3; times++) recorder.warning(pod, 'BackOff', 'again');
    recorder.normal(pod, 'Pulled', 'image');
    await recorder.flush();
    await clock.advance(60_000);
    recorder.warning(pod, 'BackOff', 'again');
    await recorder.flush();
    expect(told()).toEqual(['Warning BackOff again ×4', 'Normal Pulled image ×1']);
    await clock.advance(11 * 60_000);
    recorder.warning(pod, 'BackOff', 'again');
    await recorder.flush();
    expect(told()).toHaveLength(3);
  });

  it('makes a new event when the counted one aged out', async () => {
    const { recorder, stored, told } = bench();
    recorder.normal(pod, 'Pulled', 'image');
    await recorder.flush();
    stored.clear();
    recorder.normal(pod, 'Pulled', 'image');
    await recorder.flush();
    expect(told()).toEqual(['Normal Pulled image ×1']);
  });

  it('tries again what may pass, and gives up what is refused', async () => {
    const flaky = bench((call) => (call <= 2 ? serviceUnavailable('starting') : undefined));
    flaky.recorder.normal(pod, 'Created', 'one');
    const flushed = flaky.recorder.flush();
    await settle();
    await flaky.clock.advance(1000);
    await flushed;
    expect(flaky.told()).toEqual(['Normal Created one ×1']);
    const refused = bench(() => forbidden(events, '', 'the namespace is being terminated'));
    refused.recorder.normal(pod, 'Created', 'one');
    await refused.recorder.flush();
    expect([refused.told(), refused.calls()]).toEqual([[], 1]);
  });
});
