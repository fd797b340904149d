import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { configMaps, pods, type ConfigMap } from '../../../../../src/api/kinds/core.ts';
import type { KubeObject, OwnerReference } from '../../../../../src/api/meta.ts';
import type { Resource } from '../../../../../src/api/resource.ts';
import { isStatusError } from '../../../../../src/api/status.ts';
import { systemClock } from '../../../../../src/base/clock.ts';
import type { Disposable } from '../../../../../src/base/disposable.ts';
import { silentLog } from '../../../../../src/base/log.ts';
import { garbageCollector } from '../../../../../src/controlplane/kernel/reconcile/garbage-collector.ts';
import { startApi, type RunningApi } from '../../../../support/api-server.ts';
import { sampleKinds } from '../../../../support/sample-kinds.ts';

let api: RunningApi;
let collector: Disposable;
const stored = sampleKinds.filter((one) => one.type === 'stored').map((one) => one.resource);
const start = () => garbageCollector({ store: api.store, client: api.client, resources: stored, clock: systemClock, log: silentLog });

beforeEach(async () => {
  api = await startApi(sampleKinds);
  await api.ask('POST', '/api/v1/namespaces', { body: { metadata: { name: 'demo' } } });
  collector = start();
});
afterEach(async () => {
  await collector.dispose();
  await api.dispose();
});

const reference = (owner: KubeObject, more: Partial<OwnerReference> = {}): OwnerReference => ({ apiVersion: owner.apiVersion, kind: owner.kind, name: owner.metadata.name, uid: owner.metadata.uid ?? '', ...more });
const make = (name: string, ...owners: OwnerReference[]) => api.client.create<ConfigMap>(configMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'demo', ...(owners.length > 0 && { ownerReferences: owners }) } });
const read = (name: string, of: Resource = configMaps) =>
  api.client.get(of, { namespace: 'demo', name }).catch((error: unknown) => {
    if (isStatusError(error, 'NotFound')) return undefined;
    throw error;
  });
const end = (name: string, propagationPolicy: 'Background' | 'Foreground' | 'Orphan', of: Resource = configMaps) => api.client.delete(of, { namespace: 'demo', name }, { propagationPolicy });

/** Looks again after every commit. */
function eventually(holds: () => Promise<boolean>): Promise<void> {
  return new Promise((resolve, reject) => {
    const look = () => void holds().then((yes) => {
      if (!yes) return;
      void watch.dispose();
      resolve();
    }, reject);
    const watch = api.store.watch('', undefined, look);
    look();
  });
}
const gone = (name: string) => eventually(async () => (await read(name)) === undefined);

describe('in the background', () => {
  it('deletes what lost its last owner, all the way down', async () => {
    const top = await make('top');
    const middle = await make('middle', reference(top));
    await make('leaf', reference(middle));
    await end('top', 'Background');
    await gone('leaf');
    expect(await read('middle')).toBeUndefined();
  });

  it('only takes the reference off what has another owner', async () => {
    const [a, b] = [await make('a'), await make('b')];
    await make('shared', reference(a), reference(b));
    await end('a', 'Background');
    await eventually(async () => (await read('shared'))?.metadata.ownerReferences?.length === 1);
    expect((await read('shared'))?.metadata.ownerReferences?.[0]?.name).toBe('b');
  });

  it('deletes what names an owner that never was, or is in another namespace', async () => {
    await make('lost', { apiVersion: 'v1', kind: 'ConfigMap', name: 'never', uid: 'no-such-uid' });
    await gone('lost');
    await api.ask('POST', '/api/v1/namespaces', { body: { metadata: { name: 'other' } } });
    const far = await api.client.create<ConfigMap>(configMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'far', namespace: 'other' } });
    await make('near', reference(far));
    await gone('near');
  });

  it('keeps what is owned by something that is not stored here', async () => {
    await make('kept', { apiVersion: 'alien.example/v1', kind: 'Alien', name: 'x', uid: 'alien' });
    const probe = await make('probe');
    await make('probed', reference(probe));
    await end('probe', 'Background');
    await gone('probed');
    expect(await read('kept')).toBeDefined();
  });

  it('works off what happened while it was not there', async () => {
    const owner = await make('owner');
    await make('owned', reference(owner));
    await collector.dispose();
    await end('owner', 'Background');
    expect(await read('owned')).toBeDefined();
    collector = start();
    await gone('owned');
  });
});

describe('in the foreground', () => {
  it('keeps the owner until those that hold it are gone', async () => {
    const owner = await make('owner');
    await api.client.create(pods, {
      apiVersion: 'v1', kind: 'Pod', metadata: { name: 'slow', namespace: 'demo', ownerReferences: [reference(owner, { blockOwnerDeletion: true })] }, spec: { containers: [{ name: 'c', image: 'i' }] },
    } as KubeObject);
    await end('owner', 'Foreground');
    await eventually(async () => (await read('slow', pods))?.metadata.deletionTimestamp !== undefined);
    expect((await read('owner'))?.metadata.finalizers).toEqual(['foregroundDeletion']);
    await api.client.delete(pods, { namespace: 'demo', name: 'slow' }, { gracePeriodSeconds: 0 });
    await gone('owner');
  });

  it('ends at once without dependents', async () => {
    await make('alone');
    await end('alone', 'Foreground');
    await gone('alone');
  });
});

it('orphans what is to stay', async () => {
  const owner = await make('owner');
  await make('child', reference(owner));
  await end('owner', 'Orphan');
  await gone('owner');
  expect((await read('child'))?.metadata.ownerReferences).toBeUndefined();
});
