import { afterAll, beforeAll, expect, test } from 'vitest';
import columns from '../../../fixtures/kubernetes/table-columns.json' with { type: 'json' };
import { persistentVolumeClaims, persistentVolumes } from '../../../../src/api/kinds/core.ts';
import { storageClasses } from '../../../../src/api/kinds/cluster.ts';
import { Agent, request } from 'node:https';
import { json } from 'node:stream/consumers';
import { smallPlatform, type SmallPlatform } from '../../../support/agent/small-platform.ts';
import { eventually } from '../../../support/eventually.ts';

interface Table {
  columnDefinitions: { name: string; type: string; format: string; priority: number }[];
  rows: { cells: (string | number)[] }[];
}

let platform: SmallPlatform;
let get: (path: string) => Promise<Table>;
let agent: Agent;
beforeAll(async () => {
  platform = await smallPlatform();
  await platform.project('demo');
  const { url, ca, certificate, key } = await platform.listen();
  agent = new Agent({ ca, cert: certificate, key, keepAlive: true });
  get = (path) => new Promise((resolve, reject) => {
    request(`${url}${path}`, { agent, headers: { Accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' } }, (response) => resolve(json(response) as Promise<Table>)).once('error', reject).end();
  });
});
afterAll(async () => {
  agent.destroy();
  await platform.dispose();
});

test.each([
  ['v1/pods', '/api/v1/pods'], ['v1/nodes', '/api/v1/nodes'], ['v1/persistentvolumes', '/api/v1/persistentvolumes'], ['v1/persistentvolumeclaims', '/api/v1/persistentvolumeclaims'],
  ['storage.k8s.io/v1/storageclasses', '/apis/storage.k8s.io/v1/storageclasses'],
] as const)('%s has the real server\'s columns', async (name, path) => {
  const table = await get(path);
  expect(table.columnDefinitions.map(({ name: column, type, format, priority }) => [column, type, format ?? '', priority])).toEqual(columns[name]);
});

test('a node, its pods and volumes read as kubectl prints them', async () => {
  const { runtime } = await platform.agent('node-1');
  await platform.client.create(persistentVolumeClaims, { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name: 'data', namespace: 'demo' }, spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } } } as never);
  await platform.run('demo', 'web-1', { volumes: [{ name: 'd', persistentVolumeClaim: { claimName: 'data' } }] });
  await platform.until('demo', 'web-1', ({ status }) => status?.phase === 'Running');
  expect((await get('/api/v1/nodes')).rows[0]?.cells.slice(0, 6)).toEqual(['node-1', 'Ready', 'worker', expect.any(String), 'v1.32.0', '100.64.0.2']);
  expect((await get('/api/v1/namespaces/demo/pods')).rows[0]?.cells).toEqual(['web-1', '1/1', 'Running', '0', expect.any(String), '127.0.0.1', 'node-1', '<none>', '<none>']);
  const claim = await platform.client.get(persistentVolumeClaims, { namespace: 'demo', name: 'data' });
  const volume = `pvc-${claim.metadata.uid}`;
  expect((await get('/api/v1/persistentvolumeclaims')).rows[0]?.cells).toEqual(['data', 'Bound', volume, '1Gi', 'RWO', 'local', '<unset>', expect.any(String), 'Filesystem']);
  expect((await get('/api/v1/persistentvolumes')).rows[0]?.cells).toEqual([volume, '1Gi', 'RWO', 'Delete', 'Bound', 'demo/data', 'local', '<unset>', '', expect.any(String), 'Filesystem']);
  expect((await get('/apis/storage.k8s.io/v1/storageclasses')).rows[0]?.cells).toEqual(['local (default)', 'slipway.dev/local', 'Delete', 'WaitForFirstConsumer', 'true', expect.any(String)]);

  // The claim outlives its deletion until its pod is gone; then the folder goes with its volume.
  await platform.client.delete(persistentVolumeClaims, { namespace: 'demo', name: 'data' });
  expect((await get('/api/v1/persistentvolumeclaims')).rows[0]?.cells[1]).toBe('Terminating');
  const gone = (async () => {
    const watch = platform.client.watch(persistentVolumes, { resourceVersion: '0' });
    for await (const { type, object } of watch) if (type === 'DELETED' && object.metadata.name === volume) break;
    watch.dispose();
  })();
  const { pods } = await import('../../../../src/api/kinds/core.ts');
  await platform.client.delete(pods, { namespace: 'demo', name: 'web-1' });
  await gone;
  const { readdirSync } = await import('node:fs');
  expect(readdirSync(`${platform.folder}/volumes`).filter((name) => name.startsWith('pvc-'))).toEqual([]);
  await eventually(() => runtime.sandboxes.size).toBe(0);
  await expect(platform.client.delete(storageClasses, { name: 'local' })).resolves.toBeUndefined();
});
