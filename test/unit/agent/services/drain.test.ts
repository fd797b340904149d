import { expect, test } from 'vitest';
import { drainOf, podIndex, podsIn, type Drain } from '../../../../src/agent/services/drain.ts';
import type { EndpointSlice } from '../../../../src/api/kinds/cluster.ts';
import type { Change, Informer } from '../../../../src/client/informer.ts';
import { manualClock } from '../../../support/manual-clock.ts';

const slice = (...pods: [uid: string, conditions: object][]): EndpointSlice => ({
  apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata: { name: 'web-1', namespace: 'demo' }, addressType: 'IPv4', ports: [],
  endpoints: pods.map(([uid, conditions]) => ({ addresses: ['10.128.0.5'], conditions, targetRef: { kind: 'Pod', name: uid, uid } })),
});
const serving = { ready: true, serving: true, terminating: false };
const leaving = { ready: false, serving: true, terminating: true };

function setup(first: EndpointSlice) {
  let held = first;
  const listeners: ((change: Change<EndpointSlice>) => void)[] = [];
  const slices = {
    byIndex: (index: string, uid: string) => (index === podIndex && podsIn(held).includes(uid) ? [held] : []),
    onChange: (listener: (change: Change<EndpointSlice>) => void) => (listeners.push(listener), { dispose: () => undefined }),
  } as unknown as Informer<EndpointSlice>;
  const clock = manualClock();
  const drain = drainOf(slices, clock);
  const become = (next: EndpointSlice) => {
    const previous = held;
    held = next;
    for (const listener of listeners) listener({ type: 'modified', object: next, previous });
  };
  return { clock, drain, become };
}

async function waits(drain: Drain, uid: string, signal = new AbortController().signal) {
  const state = { over: false };
  void drain.until(uid, signal).then(() => (state.over = true));
  await Promise.resolve();
  return state;
}

test('a pod that no service leads to ends at once', async () => {
  const { drain } = setup(slice(['other', serving]));
  await drain.until('alone', new AbortController().signal);
});

test('one that serves waits until it is on no list of new connections, and a moment longer', async () => {
  const { clock, drain, become } = setup(slice(['a', serving], ['b', serving]));
  const state = await waits(drain, 'a');
  become(slice(['a', serving], ['b', leaving]));
  await clock.advance(500);
  expect(state.over).toBe(false);
  become(slice(['a', leaving], ['b', leaving]));
  await clock.advance(99);
  expect(state.over).toBe(false);
  await clock.advance(1);
  expect(state.over).toBe(true);
});

test('one that left before waits for its last connections only', async () => {
  const { clock, drain } = setup(slice(['a', leaving]));
  const state = await waits(drain, 'a');
  await clock.advance(100);
  expect(state.over).toBe(true);
});

test('services that nobody tells hold a pod for a second; who hurries it is not held at all', async () => {
  const { clock, drain } = setup(slice(['a', serving]));
  const hurry = new AbortController();
  const [state, hurried] = [await waits(drain, 'a'), await waits(drain, 'a', hurry.signal)];
  hurry.abort();
  await clock.advance(0);
  expect([state.over, hurried.over]).toEqual([false, true]);
  await clock.advance(1_100);
  expect(state.over).toBe(true);
});
