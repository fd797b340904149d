import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { isFree, podPorts } from '../../../../../src/agent/runtime/process/ports.ts';
import { ProcessPods } from '../../../../../src/agent/runtime/process/process-pods.ts';
import type { PodSandboxConfig } from '../../../../../src/agent/runtime/runtime.ts';

const config = (change: Partial<PodSandboxConfig> = {}): PodSandboxConfig => ({
  uid: 'u', namespace: 'demo', name: 'web', attempt: 0, hostname: 'web', hostNetwork: false, dns: { servers: [], searches: [], options: [] }, hostAliases: [], ports: [8080, 9090], ...change,
});

describe('pods without addresses', () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'slipway-ports-'))));
  afterEach(() => rmSync(folder, { recursive: true }));

  test('each gets other ports, from a range that nothing else gives out', async () => {
    const pods = new ProcessPods(folder);
    const maps = await Promise.all([config(), config(), config()].map(async (one) => (await pods.run(one)).portMap!));
    const given = maps.flatMap((map) => Object.values(map));
    expect(new Set(given).size).toBe(6);
    expect(given.every((port) => port >= podPorts.first && port < podPorts.first + podPorts.count)).toBe(true);
    expect(maps.map((map) => Object.keys(map))).toEqual(Array(3).fill(['8080', '9090']));
  });

  test('one that names no port is taken to serve the usual one', async () => {
    expect(Object.keys((await new ProcessPods(folder).run(config({ ports: [] }))).portMap!)).toEqual(['8080']);
  });

  test('one on the network of the host gets exactly the ports it names', async () => {
    expect((await new ProcessPods(folder).run(config({ hostNetwork: true }))).portMap).toEqual({ 8080: 8080, 9090: 9090 });
  });

  test('another agent finds them as they were', async () => {
    const before = new ProcessPods(folder);
    const [kept, stopped, removed] = [await before.run(config()), await before.run(config()), await before.run(config())];
    before.stop(stopped.id);
    before.remove(removed.id);
    expect(new ProcessPods(folder).list()).toEqual(expect.arrayContaining([kept, { ...stopped, ready: false }]));
    expect(new ProcessPods(folder).list()).toHaveLength(2);
  });

  test('a port that a stranger has taken costs the pod its sandbox', async () => {
    const pods = new ProcessPods(folder);
    const { id, portMap } = await pods.run(config());
    await pods.claim(id, [8080, 9090]);
    const stranger: Server = await new Promise((resolve) => {
      const server = createServer().listen(portMap![9090], '127.0.0.1', () => resolve(server));
    });
    expect(await isFree(portMap![9090]!)).toBe(false);
    await expect(pods.claim(id, [8080])).resolves.toBeUndefined();
    await expect(pods.claim(id, [8080, 9090])).rejects.toMatchObject({ reason: 'CreateContainerError', message: expect.stringContaining('another port') as string });
    expect(pods.list()).toMatchObject([{ id, ready: false }]);
    await new Promise((resolve) => stranger.close(resolve));
  });
});
