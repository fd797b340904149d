/** Volumes whose files follow the API while their pod runs. */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { TokenSource } from '../../../../src/agent/volume/tokens.ts';
import { configMaps, pods, secrets, type Container, type Pod } from '../../../../src/api/kinds/core.ts';
import { isPodReady } from '../../../../src/api/pod.ts';
import { smallPlatform, type SmallPlatform } from '../../../support/agent/small-platform.ts';
import { eventually } from '../../../support/eventually.ts';
import { manualClock } from '../../../support/manual-clock.ts';

let platform: SmallPlatform;
beforeEach(async () => {
  platform = await smallPlatform();
  await platform.project('demo');
});
afterEach(() => platform.dispose());

const settings = (data: Record<string, string>) => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'settings', namespace: 'demo' }, data });
const file = (pod: Pod, name: string) => path.join(platform.folder, 'pods', pod.metadata.uid ?? '', 'volumes', name);
const holds = (name: string, text: string) => eventually(() => readFileSync(name, 'utf8')).toBe(text);

const shows: Partial<Pod['spec']> = {
  containers: [{ name: 'web', image: 'a', volumeMounts: [{ name: 'all', mountPath: '/all' }, { name: 'all', mountPath: '/one', subPath: 'colour' }] }],
  volumes: [{
    name: 'all',
    projected: {
      sources: [
        { configMap: { name: 'settings' } },
        { secret: { name: 'later', optional: true } },
        { downwardAPI: { items: [{ path: 'labels', fieldRef: { fieldPath: 'metadata.labels' } }] } },
      ],
    },
  }],
};

describe('the volumes of a running pod', () => {
  test('follow config maps, secrets that come later and the pod\'s own labels', async () => {
    await platform.client.create(configMaps, settings({ colour: 'blue' }));
    const { runtime } = await platform.agent('node-1');
    await platform.run('demo', 'web-1', shows);
    const pod = await platform.until('demo', 'web-1', isPodReady);
    expect(readFileSync(file(pod, 'all/colour'), 'utf8')).toBe('blue');
    const part = runtime.running('web')?.config.mounts.find(({ containerPath }) => containerPath === '/one');
    expect(part).toMatchObject({ fixed: true, readOnly: true });
    await platform.client.patch(configMaps, { namespace: 'demo', name: 'settings' }, 'merge', { data: { colour: 'green' } });
    await holds(file(pod, 'all/colour'), 'green');
    await platform.client.create(secrets, { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'later', namespace: 'demo' }, stringData: { key: 's3cret' } } as never);
    await eventually(() => existsSync(file(pod, 'all/key'))).toBe(true);
    await platform.client.patch(pods, { namespace: 'demo', name: 'web-1' }, 'merge', { metadata: { labels: { tier: 'front' } } });
    await holds(file(pod, 'all/labels'), 'tier="front"');
    // Gone: the pod keeps what it has, and is told.
    await platform.client.delete(configMaps, { namespace: 'demo', name: 'settings' });
    await platform.told('demo', 'web-1', ['Warning FailedMount MountVolume.SetUp failed for volume "all" : configmap "settings" not found']);
    expect(readFileSync(file(pod, 'all/colour'), 'utf8')).toBe('green');
  });

  test('follow what changed while no agent ran', async () => {
    await platform.client.create(configMaps, settings({ colour: 'blue' }));
    const { agent, runtime } = await platform.agent('node-1');
    await platform.run('demo', 'web-1', shows);
    const pod = await platform.until('demo', 'web-1', isPodReady);
    await agent.dispose();
    await platform.client.patch(configMaps, { namespace: 'demo', name: 'settings' }, 'merge', { data: { colour: 'red' } });
    await platform.agent('node-1', runtime);
    await holds(file(pod, 'all/colour'), 'red');
  });
});

test('a token is renewed after four fifths of its life, for its audience and its pod', async () => {
  const pod = await platform.run('demo', 'web-1', {});
  const clock = manualClock(new Date().toISOString());
  const tokens = new TokenSource(platform.client, clock);
  const due: string[] = [];
  tokens.onDue((uid) => due.push(uid));
  const request = { audience: 'vault', expirationSeconds: 600 };
  const first = await tokens.token(pod, request);
  const claims = JSON.parse(Buffer.from(first.split('.')[1] ?? '', 'base64url').toString()) as { aud: string[]; exp: number; iat: number; 'kubernetes.io': { pod: { name: string; uid: string } } };
  expect(claims.aud).toEqual(['vault']);
  expect(claims.exp - claims.iat).toBe(600);
  expect(claims['kubernetes.io'].pod).toEqual({ name: 'web-1', uid: pod.metadata.uid });
  await clock.advance(470_000);
  expect(await tokens.token(pod, request)).toBe(first);
  expect(due).toEqual([]);
  await clock.advance(15_000);
  expect(due).toEqual([pod.metadata.uid]);
  expect(await tokens.token(pod, request)).not.toBe(first);
  tokens.release(pod.metadata.uid ?? '');
  await clock.advance(1_000_000);
  expect(due).toHaveLength(1);
  tokens.dispose();
});

describe('a container is refused', () => {
  const waits = async (container: Partial<Container>): Promise<string | undefined> => {
    await platform.agent('node-1');
    await platform.run('demo', 'web-1', { containers: [{ name: 'web', image: 'a', ...container }], volumes: [{ name: 'data', emptyDir: {} }] });
    const pod = await platform.until('demo', 'web-1', ({ status }) => status?.containerStatuses?.[0]?.state?.waiting?.message !== undefined);
    return pod.status?.containerStatuses?.[0]?.state?.waiting?.message;
  };

  test('a subPathExpr that names no variable', async () => {
    expect(await waits({ volumeMounts: [{ name: 'data', mountPath: '/data', subPathExpr: 'logs/$(NOBODY)' }] })).toBe('missing value for "NOBODY"');
  });

  test('mounts that would be passed on', async () => {
    expect(await waits({ volumeMounts: [{ name: 'data', mountPath: '/data', mountPropagation: 'HostToContainer' }] })).toContain('mountPropagation HostToContainer of mount /data cannot be given');
  });
});
