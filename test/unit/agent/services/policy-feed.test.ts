import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { pods, type Pod } from '../../../../src/api/kinds/core.ts';
import { networkPolicies, type NetworkPolicy } from '../../../../src/api/kinds/network-policy.ts';
import { isPodReady } from '../../../../src/api/pod.ts';
import { systemClock } from '../../../../src/base/clock.ts';
import { silentLog } from '../../../../src/base/log.ts';
import { policyFeed, type PolicyFeed } from '../../../../src/agent/services/policy-feed.ts';
import { smallPlatform, type SmallPlatform } from '../../../support/agent/small-platform.ts';
import { eventually } from '../../../support/eventually.ts';

let platform: SmallPlatform;
let feed: PolicyFeed;
let attempts: number;
/** Isolated addresses, as the kernel would have them. */
let held: string[];
let refused: string | undefined;
let told: (string | undefined)[];

beforeEach(async () => {
  [held, refused, told, attempts] = [[], undefined, [], 0];
  platform = await smallPlatform({ admit: (pod, ip) => feed.admit(pod, ip) });
  await platform.project('demo');
});
afterEach(async () => {
  await feed.dispose();
  await platform.dispose();
});

/** Begins with these policies, which it does not know before. */
async function follow(policies: Record<string, Record<string, string>>): Promise<void> {
  for (const [name, labels] of Object.entries(policies)) await close(name, labels);
  feed = policyFeed({
    client: platform.client, clock: systemClock, log: silentLog, node: 'node-1', system: [], tell: (why) => void told.push(why),
    enforce: (isolations) => {
      attempts += 1;
      if (refused !== undefined) return Promise.reject(new Error(refused));
      held = [...isolations.keys()];
      return Promise.resolve();
    },
  });
}
const close = (name: string, matchLabels: Record<string, string> = {}) => platform.client.create<NetworkPolicy>(networkPolicies, { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: { name, namespace: 'demo' }, spec: { podSelector: { matchLabels } } } as NetworkPolicy);
/** One that the API does not know the address of yet. */
const started = (name: string, ip: string, labels: Record<string, string> = {}): [Pod, string] => [{ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'demo', uid: name, labels }, spec: { containers: [{ name: 'web', image: 'app:1' }] } }, ip];

describe('a pod that starts', () => {
  test('waits until the policies hold for it, before they are known here too', async () => {
    await follow({ shut: { app: 'web' } });
    await feed.admit(...started('web', '10.128.0.5', { app: 'web' }));
    expect(held).toEqual(['10.128.0.5']);
  });

  test('waits for no others', async () => {
    await follow({ shut: { app: 'web' } });
    const all = Array.from({ length: 300 }, (_, at) => started(`web-${at}`, `10.128.${at >> 8}.${at & 255}`, { app: 'web' }));
    await Promise.all(all.map((one) => feed.admit(...one)));
    expect(held).toHaveLength(300);
  });

  test('does not where a policy selects it and cannot be made to hold; others do', async () => {
    await follow({ shut: { app: 'web' } });
    refused = 'no rules today';
    await expect(feed.admit(...started('web', '10.128.0.5', { app: 'web' }))).rejects.toThrow('the network policies of its project cannot be enforced: no rules today');
    await feed.admit(...started('other', '10.128.0.6'));
    refused = undefined;
    await feed.admit(...started('web', '10.128.0.5', { app: 'web' }));
    expect(held).toEqual(['10.128.0.5']);
    expect(told).toEqual(['no rules today', undefined]);
  });

  test('does where the rules that cannot be changed hold for it already', async () => {
    await follow({ shut: { app: 'web' } });
    await feed.admit(...started('web', '10.128.0.5', { app: 'web' }));
    refused = 'no rules today';
    await expect(feed.admit(...started('next', '10.128.0.6', { app: 'web' }))).rejects.toThrow('no rules today');
    await feed.admit(...started('web', '10.128.0.5', { app: 'web' }));
  });

  test('does again when the policy that could not be made to hold is gone', async () => {
    await follow({ shut: { app: 'web' } });
    await feed.admit(...started('next', '10.128.0.6', { app: 'next' }));
    refused = 'no rules today';
    await close('more', { app: 'next' });
    await eventually(() => told).toEqual(['no rules today']);
    await platform.client.delete(networkPolicies, { namespace: 'demo', name: 'more' });
    await eventually(() => told).toEqual(['no rules today', undefined]);
  });

  test('is held back by its agent, told why, and started once they hold', async () => {
    await follow({ shut: {} });
    refused = 'no rules today';
    const { runtime } = await platform.agent('node-1');
    await platform.run('demo', 'web-1', {});
    await platform.told('demo', 'web-1', ['Warning FailedCreatePodSandBox Failed to create pod sandbox: the network policies of its project cannot be enforced: no rules today']);
    // It is tried again in the sandbox that is there.
    await eventually(() => told.length).toBe(1);
    expect(runtime.calls).toEqual(['sandbox web-1 #0']);
    refused = undefined;
    await platform.until('demo', 'web-1', isPodReady);
    expect(runtime.calls).toEqual(['sandbox web-1 #0', 'create web #0']);
    expect(held).toEqual(['127.0.0.1']);
    await platform.client.delete(pods, { namespace: 'demo', name: 'web-1' });
    await platform.gone('demo', 'web-1');
  });

  test('is held back by an agent that takes over a sandbox whose maker was killed', async () => {
    await follow({ shut: {} });
    refused = 'no rules today';
    const first = await platform.agent('node-1');
    await platform.run('demo', 'web-1', {});
    await eventually(() => first.runtime.calls.length).toBe(1);
    await first.agent.dispose();
    const before = attempts;
    await platform.agent('node-1', first.runtime);
    await eventually(() => attempts).toBeGreaterThan(before);
    expect(first.runtime.calls).toEqual(['sandbox web-1 #0']);
    refused = undefined;
    await platform.until('demo', 'web-1', isPodReady);
    expect(held).toEqual(['127.0.0.1']);
  });
});
