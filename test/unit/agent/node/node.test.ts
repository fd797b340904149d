import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { planCollection } from '../../../../src/agent/node/image-collector.ts';
import type { ImageSettings } from '../../../../src/agent/node/settings.ts';
import { abandonedMs, NodeAgent } from '../../../../src/agent/node/node-agent.ts';
import { leases } from '../../../../src/api/kinds/cluster.ts';
import { nodes } from '../../../../src/api/kinds/core.ts';
import { silentLog } from '../../../../src/base/log.ts';
import { ConnectionError, type Client } from '../../../../src/client/client.ts';
import type { AgentConfig } from '../../../../src/protocol/agent.ts';
import { FakeRuntime } from '../../../support/agent/fake-runtime.ts';
import { smallPlatform, type SmallPlatform } from '../../../support/agent/small-platform.ts';
import { manualClock } from '../../../support/manual-clock.ts';

let platform: SmallPlatform | undefined;
const folder = mkdtempSync(path.join(tmpdir(), 'slipway-node-'));
afterEach(async () => {
  await platform?.dispose();
  platform = undefined;
  rmSync(folder, { recursive: true, force: true });
});

const config = { nodeName: 'node-1', runtime: 'sandbox', directory: tmpdir(), socket: '/run/node-1.sock', network: { nodeIp: '100.64.0.2', podCidr: '10.128.0.0/23' } } as AgentConfig;

describe('a node', () => {
  test('renews its lease, comes back when it was deleted, and tells when nobody answers for ten minutes', async () => {
    platform = await smallPlatform();
    const clock = manualClock('2026-01-01T00:00:00Z');
    let away = false;
    // The way to the control plane, which can be cut.
    const client = new Proxy(platform.client, {
      get: (target, name: keyof Client) => (away ? () => Promise.reject(new ConnectionError('cannot reach the control plane')) : target[name].bind(target)),
    });
    let abandoned = 0;
    const node = new NodeAgent({ client, config, runtime: new FakeRuntime(), clock, log: silentLog, thresholds: [], pressure: { conditions: new Set(), onChange: () => ({ dispose: () => undefined }) }, onAbandoned: () => abandoned++ });
    await node.start();
    const renewed = async () => (await platform?.client.get(leases, { namespace: 'kube-node-lease', name: 'node-1' }))?.spec?.renewTime;
    expect(await renewed()).toBe('2026-01-01T00:00:00.000000Z');
    // While the control plane answers, its real answers must keep up with a clock that is not real.
    const until = async (test: () => Promise<boolean>) => {
      while (!(await test())) {
        await clock.advance(1_000);
        if (!away) await new Promise((resolve) => setTimeout(resolve, 20));
      }
    };
    await until(async () => (await renewed()) !== '2026-01-01T00:00:00.000000Z');

    await platform.client.delete(nodes, { name: 'node-1' });
    await until(async () => (await platform?.client.list(nodes))?.items.some(({ status }) => status?.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True')) ?? false);

    away = true;
    const cut = clock.now().getTime();
    await until(() => Promise.resolve(abandoned > 0));
    // Counted from the last answer. That may lie a little before the cut: this clock runs on while real requests are under way.
    const silent = clock.now().getTime() - cut;
    expect(silent).toBeGreaterThanOrEqual(abandonedMs - 60_000);
    expect(silent).toBeLessThanOrEqual(abandonedMs + 10_000);
    await node.dispose();
  });
});

describe('images that nothing uses', () => {
  const image = (id: string, size: number, lastUsed: number) => ({ id, reference: id, size, lastUsed, config: { env: [], entrypoint: [], cmd: [], exposedPorts: [], labels: {} } });
  const all = [image('new', 100, 990_000), image('old', 40, 1_000), image('middle', 50, 2_000), image('spare', 50, 3_000)];
  const usual = { high: 0.85, low: 0.8, enough: Infinity, minimumAgeMs: 120_000, maximumAgeMs: 0 };
  test.each<[string, number, Partial<ImageSettings>, boolean, string[], number]>([
    ['stay while the disk has room', 160, {}, false, [], 0],
    ['go, longest unused first, until it has room again', 120, {}, false, ['old', 'middle'], 80],
    ['go but for those used lately, and more is wanted', 10, {}, false, ['old', 'middle', 'spare'], 190],
    ['stay if what is free is enough whatever its share', 120, { enough: 100 }, false, [], 0],
    ['go until what is free is enough', 60, { enough: 100 }, false, ['old'], 40],
    ['go for their age alone', 500, { maximumAgeMs: 997_500 }, false, ['old', 'middle'], 0],
    ['go all under pressure', 500, {}, true, ['old', 'middle', 'spare'], 0],
  ])('%s', (_, freeBytes, settings, everything, expected, wanted) => {
    const plan = planCollection(all, { bytes: 1000, freeBytes }, { ...usual, ...settings }, 1_000_000, everything);
    expect(plan.images.map(({ id }) => id)).toEqual(expected);
    expect(plan.wantedBytes).toBeCloseTo(wanted);
  });
});
