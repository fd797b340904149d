/** The life of claims and volumes: bound, grown, protected, given back. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { storageClasses } from '../../../../src/api/kinds/cluster.ts';
import { persistentVolumeClaims, persistentVolumes, pods, type PersistentVolumeClaim } from '../../../../src/api/kinds/core.ts';
import { conditionOf, isPodReady } from '../../../../src/api/pod.ts';
import { smallPlatform, type SmallPlatform } from '../../../support/agent/small-platform.ts';
import { eventually } from '../../../support/eventually.ts';

let platform: SmallPlatform;
beforeEach(async () => {
  platform = await smallPlatform();
  await platform.project('demo');
  await platform.agent('node-1');
});
afterEach(() => platform.dispose());

const at = { namespace: 'demo', name: 'data' };
const claim = (more: object = {}) => platform.client.create(persistentVolumeClaims, { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: at, spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, ...more } } as never);
const uses = (name: string, volume: object = { persistentVolumeClaim: { claimName: 'data' } }) => platform.run('demo', name, { containers: [{ name: 'web', image: 'a', volumeMounts: [{ name: 'data', mountPath: '/data' }] }], volumes: [{ name: 'data', ...volume }] });
const read = () => platform.client.get(persistentVolumeClaims, at);
const bound = async (name: string): Promise<PersistentVolumeClaim> => {
  await uses(name);
  await platform.until('demo', name, isPodReady);
  return read();
};
const volumes = async () => (await platform.client.list(persistentVolumes)).items.map(({ metadata, spec, status }) => [metadata.name, spec.capacity?.['storage'], status?.phase]);
const folder = (name: string | undefined) => path.join(platform.folder, 'volumes', name ?? '');

describe('a claim', () => {
  test('waits for its first pod, then gets a folder, and grows', async () => {
    await claim();
    await platform.told('demo', 'data', ['Normal WaitForFirstConsumer waiting for first consumer to be created before binding']);
    const { spec } = await bound('db-1');
    expect(existsSync(folder(spec.volumeName))).toBe(true);
    await platform.client.patch(persistentVolumeClaims, at, 'merge', { spec: { resources: { requests: { storage: '2Gi' } } } });
    await eventually(async () => (await read()).status?.capacity?.['storage']).toBe('2Gi');
    expect(await volumes()).toEqual([[spec.volumeName, '2Gi', 'Bound']]);
    await expect(platform.client.patch(persistentVolumeClaims, at, 'merge', { spec: { resources: { requests: { storage: '1Gi' } } } })).rejects.toThrow('field can not be less than status.capacity');
  });

  test('that is deleted stays as long as a pod uses it, then its volume goes with its folder', async () => {
    await claim();
    const { spec } = await bound('db-1');
    await platform.client.delete(persistentVolumeClaims, at);
    expect((await read()).metadata.deletionTimestamp).toBeDefined();
    expect(isPodReady(await platform.until('demo', 'db-1', () => true))).toBe(true);
    await platform.client.delete(pods, { namespace: 'demo', name: 'db-1' });
    await eventually(volumes).toEqual([]);
    await eventually(() => existsSync(folder(spec.volumeName))).toBe(false);
  });

  test('of a class that retains leaves its data', async () => {
    await platform.client.create(storageClasses, { apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass', metadata: { name: 'kept' }, provisioner: 'slipway.dev/local', reclaimPolicy: 'Retain', volumeBindingMode: 'Immediate' } as never);
    await claim({ storageClassName: 'kept' });
    await eventually(async () => (await read()).status?.phase).toBe('Bound');
    const { spec } = await read();
    await expect(platform.client.patch(persistentVolumeClaims, at, 'merge', { spec: { resources: { requests: { storage: '2Gi' } } } })).rejects.toThrow('the storageclass that provisions the pvc must support resize');
    await platform.client.delete(persistentVolumeClaims, at);
    await eventually(volumes).toEqual([[spec.volumeName, '1Gi', 'Released']]);
    expect(existsSync(folder(spec.volumeName))).toBe(true);
  });

  test('for one pod only keeps others waiting', async () => {
    await claim({ accessModes: ['ReadWriteOncePod'] });
    await bound('db-1');
    await uses('db-2');
    const waiting = await platform.until('demo', 'db-2', (pod) => conditionOf(pod, 'PodScheduled')?.reason === 'Unschedulable');
    expect(conditionOf(waiting, 'PodScheduled')?.message).toContain('node has pod using PersistentVolumeClaim with the same name and ReadWriteOncePod access mode');
    await platform.client.delete(pods, { namespace: 'demo', name: 'db-1' });
    await platform.until('demo', 'db-2', isPodReady);
  });

  test('made for a pod by its template belongs to it; one of that name that does not is not taken', async () => {
    const template = { ephemeral: { volumeClaimTemplate: { metadata: { labels: { app: 'db' } }, spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } } } } };
    const pod = await uses('db-1', template);
    await platform.until('demo', 'db-1', isPodReady);
    const made = await platform.client.get(persistentVolumeClaims, { namespace: 'demo', name: 'db-1-data' });
    expect(made.metadata).toMatchObject({ labels: { app: 'db' }, ownerReferences: [{ kind: 'Pod', name: 'db-1', uid: pod.metadata.uid, controller: true }] });
    await platform.client.create(persistentVolumeClaims, { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { namespace: 'demo', name: 'db-2-data' }, spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } } } as never);
    await uses('db-2', template);
    await platform.told('demo', 'db-2', ['Warning FailedMount MountVolume.SetUp failed for volume "data" : PVC demo/db-2-data was not created for pod demo/db-2 (pod is not owner)']);
  });
});
