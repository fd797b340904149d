/** Images that prune themselves: when, by which rules, and what the ImagePruner tells. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { images, imageStreams } from '../../../../src/api/kinds/image.ts';
import { imagePruners, prunedAnnotation, type ImagePruner } from '../../../../src/api/kinds/image-pruner.ts';
import { decidePruning, keepYoungerThanMs, pruneOptions, prunerStatus } from '../../../../src/controlplane/image/pruner-plan.ts';
import { registryClient, type RegistryClient } from '../../../../src/oci/registry-client.ts';
import { eventually } from '../../../support/eventually.ts';
import { startImagePlatform, type ImagePlatform } from '../../../support/image-platform.ts';
import { manualClock } from '../../../support/manual-clock.ts';
import { pushSmall, smallImage } from '../../../support/registry-images.ts';

const pruner = (spec: ImagePruner['spec'] = {}, prunedAt?: string): ImagePruner => ({
  apiVersion: 'imageregistry.operator.openshift.io/v1', kind: 'ImagePruner',
  metadata: { name: 'cluster', generation: 2, creationTimestamp: '2026-01-01T10:00:00Z', ...(prunedAt && { annotations: { [prunedAnnotation]: prunedAt } }) }, spec,
});
/** Of this machine's day, whatever its time zone. */
const local = (text: string) => new Date(text);
const started = local('2026-01-01T09:00:00');

describe('images are pruned', () => {
  it.each<[string, ImagePruner, { now: string; startedAt?: Date; busy?: boolean }, ReturnType<typeof decidePruning>]>([
    ['not before midnight', pruner({}, local('2026-01-01T10:00:00').toISOString()), { now: '2026-01-01T23:30:00' }, { now: false, afterMs: 30 * 60_000 }],
    ['looked for at least hourly, since machines sleep', pruner({}, local('2026-01-01T10:00:00').toISOString()), { now: '2026-01-01T12:00:00' }, { now: false, afterMs: 3_600_000 }],
    ['at midnight', pruner({}, local('2026-01-01T10:00:00').toISOString()), { now: '2026-01-02T00:00:00' }, { now: true }],
    ['once for many times that were missed, some time after a start', pruner({}, local('2025-12-01T00:00:00').toISOString()), { now: '2026-01-01T09:01:00' }, { now: false, afterMs: 4 * 60_000 }],
    ['then', pruner({}, local('2025-12-01T00:00:00').toISOString()), { now: '2026-01-01T09:05:00' }, { now: true }],
    ['not while something is built', pruner({}, local('2025-12-01T00:00:00').toISOString()), { now: '2026-01-01T10:00:00', busy: true }, { now: false, afterMs: 60_000 }],
    ['never while suspended', pruner({ suspend: true }, local('2025-12-01T00:00:00').toISOString()), { now: '2026-01-01T10:00:00' }, { now: false }],
    ['by a schedule of their own', pruner({ schedule: '*/10 * * * *' }, local('2026-01-01T10:01:00').toISOString()), { now: '2026-01-01T10:04:00' }, { now: false, afterMs: 6 * 60_000 }],
  ])('%s', (_, object, { now, startedAt = started, busy = false }, expected) => {
    expect(decidePruning(object, { now: local(now), startedAt, busy })).toEqual(expected);
  });
});

it('reads ages as Go writes them, and the older field in nanoseconds', () => {
  expect([{}, { keepYoungerThanDuration: '1h30m' }, { keepYoungerThanDuration: '0' }, { keepYoungerThan: 60e9 }, { keepYoungerThan: 60e9, keepYoungerThanDuration: '5s' }].map(keepYoungerThanMs)).toEqual([3_600_000, 5_400_000, 0, 60_000, 5000]);
  expect(() => keepYoungerThanMs({ keepYoungerThanDuration: 'an hour' })).toThrow('60m or 1h30m');
  expect(pruneOptions({})).toEqual({ keepTagRevisions: 3, keepYoungerThanMs: 3_600_000 });
});

it('tells how it went, with the time of each change', () => {
  const first = prunerStatus(pruner(), undefined, new Date('2026-01-01T00:00:00Z'));
  expect(first).toEqual({
    observedGeneration: 2,
    conditions: [
      { type: 'Available', status: 'True', reason: 'AsExpected', message: 'Images are pruned by the control plane', lastTransitionTime: '2026-01-01T00:00:00Z' },
      { type: 'Scheduled', status: 'True', reason: 'Scheduled', message: 'The pruner job has been scheduled', lastTransitionTime: '2026-01-01T00:00:00Z' },
      { type: 'Failed', status: 'False', reason: 'Complete', message: 'Pruner completed successfully', lastTransitionTime: '2026-01-01T00:00:00Z' },
    ],
  });
  const later = prunerStatus({ ...pruner({ suspend: true }), status: first }, 'no', new Date('2026-01-02T00:00:00Z'));
  expect(later.conditions?.map(({ type, status, reason, lastTransitionTime }) => [type, status, reason, lastTransitionTime])).toEqual([
    ['Available', 'True', 'AsExpected', '2026-01-01T00:00:00Z'], ['Scheduled', 'False', 'Suspended', '2026-01-02T00:00:00Z'], ['Failed', 'True', 'Error', '2026-01-02T00:00:00Z'],
  ]);
});

describe('on a platform', () => {
  let directory: string;
  let platform: ImagePlatform;
  let client: RegistryClient;
  const clock = manualClock(new Date().toISOString());
  const revisions = Array.from({ length: 5 }, (_, index) => smallImage(`revision ${index}`, ['base', `layer ${index}`]));
  const day = 25 * 3_600_000;
  const get = () => platform.client.get(imagePruners, { name: 'cluster' });
  const history = async () => (await platform.client.get(imageStreams, { namespace: 'demo', name: 'app' })).status?.tags?.[0]?.items?.map(({ image }) => revisions.findIndex(({ digest }) => digest === image));

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'slipway-pruner-'));
    platform = await startImagePlatform(directory, { clock });
    client = registryClient({ baseUrl: platform.registry, auth: { username: 'x', password: 'admin' } });
    for (const image of revisions) await pushSmall(client, 'demo/app', 'latest', image);
  });
  afterAll(async () => {
    client.close();
    await platform.close();
    rmSync(directory, { recursive: true });
  });

  it('there is one with the defaults of OpenShift; what is wrong is refused', async () => {
    expect((await get()).spec).toEqual({ schedule: '', suspend: false, keepTagRevisions: 3, keepYoungerThanDuration: '60m', successfulJobsHistoryLimit: 3, failedJobsHistoryLimit: 3, ignoreInvalidImageReferences: true });
    const patch = (spec: object) => platform.client.patch(imagePruners, { name: 'cluster' }, 'merge', { spec });
    await expect(patch({ schedule: 'now and then' })).rejects.toMatchObject({ code: 422, message: expect.stringContaining('spec.schedule') as string });
    await expect(patch({ keepYoungerThanDuration: 'an hour' })).rejects.toMatchObject({ code: 422 });
    await expect(patch({ keepTagRevisions: -1 })).rejects.toMatchObject({ code: 422, message: expect.stringContaining('must be greater than or equal to 0') as string });
    await eventually(async () => (await get()).status?.conditions?.map(({ type, status }) => `${type} ${status}`)).toEqual(['Available True', 'Scheduled True', 'Failed False']);
  });

  it('suspended it takes nothing; then all but three revisions go, a day later', async () => {
    await platform.client.patch(imagePruners, { name: 'cluster' }, 'merge', { spec: { suspend: true } });
    await eventually(async () => (await get()).status?.conditions?.[1]?.reason).toBe('Suspended');
    await clock.advance(day);
    expect(await history()).toEqual([4, 3, 2, 1, 0]);
    await platform.client.patch(imagePruners, { name: 'cluster' }, 'merge', { spec: { suspend: false } });
    await eventually(history).toEqual([4, 3, 2]);
    await eventually(async () => (await platform.client.list(images)).items.map(({ metadata }) => metadata.name).sort()).toEqual(revisions.slice(2).map(({ digest }) => digest).sort());
    await eventually(async () => (await get()).metadata.annotations?.[prunedAnnotation]).toBe(`${clock.now().toISOString().slice(0, 19)}Z`);
    expect((await get()).status?.conditions?.at(-1)).toMatchObject({ type: 'Failed', status: 'False' });
  });
});
