import { describe, expect, test } from 'vitest';
import { calm, planPressure, type Observations, type PressureState } from '../../../../src/agent/eviction/pressure-plan.ts';
import { evictionMessage, rank, type PodUsage } from '../../../../src/agent/eviction/ranking.ts';
import { exceededStorage, hasStorageLimits } from '../../../../src/agent/eviction/storage-plan.ts';
import type { Signal, Threshold } from '../../../../src/agent/eviction/threshold.ts';
import { durationMs, settingsFrom } from '../../../../src/agent/node/settings.ts';
import type { Pod } from '../../../../src/api/kinds/core.ts';
import { pod } from '../../../support/agent/pod-documents.ts';

const mebibyte = 1024 ** 2;
const memory = (mib: number): Observations => new Map<Signal, { available: number; capacity: number }>([['memory.available', { available: mib * mebibyte, capacity: 1000 * mebibyte }]]);
const hard: Threshold = { signal: 'memory.available', below: { quantity: 100 * mebibyte }, graceMs: 0, reclaim: { quantity: 50 * mebibyte } };
const soft: Threshold = { signal: 'memory.available', below: { share: 0.3 }, graceMs: 60_000 };

describe('pressure', () => {
  /** Looks one after another: second, MiB available → conditions, what is due. */
  test.each<[string, Threshold[], [number, number, string[], 'hard' | 'soft' | undefined][]]>([
    ['comes at a hard threshold at once and goes after its time', [hard], [
      [0, 500, [], undefined],
      [10, 99, ['MemoryPressure'], 'hard'],
      // More than the threshold, less than what must be reclaimed beyond it.
      [20, 120, ['MemoryPressure'], 'hard'],
      [30, 151, ['MemoryPressure'], undefined],
      [200, 151, ['MemoryPressure'], undefined],
      [330, 151, [], undefined],
    ]],
    ['lasts as long as the threshold is reached again', [hard], [[0, 99, ['MemoryPressure'], 'hard'], [100, 500, ['MemoryPressure'], undefined], [200, 99, ['MemoryPressure'], 'hard'], [450, 500, ['MemoryPressure'], undefined], [501, 500, [], undefined]]],
    ['shows at a soft threshold at once and costs pods only later', [soft, hard], [
      [0, 250, ['MemoryPressure'], undefined],
      [59, 250, ['MemoryPressure'], undefined],
      [60, 250, ['MemoryPressure'], 'soft'],
      [70, 50, ['MemoryPressure'], 'hard'],
    ]],
    ['forgets a soft threshold that was left in between', [soft], [[0, 250, ['MemoryPressure'], undefined], [30, 400, ['MemoryPressure'], undefined], [60, 250, ['MemoryPressure'], undefined], [120, 250, ['MemoryPressure'], 'soft']]],
    ['of what cannot be read is none', [{ signal: 'pid.available', below: { quantity: 10 }, graceMs: 0 }], [[0, 1, [], undefined]]],
  ])('%s', (_, thresholds, looks) => {
    let state: PressureState = calm;
    for (const [second, mib, conditions, due] of looks) {
      const plan = planPressure(thresholds, memory(mib), state, second * 1000, 300_000);
      state = plan.state;
      expect({ second, conditions: [...plan.conditions], due: plan.due && (plan.due.graceMs === 0 ? 'hard' : 'soft') }).toEqual({ second, conditions, due });
    }
  });

  test('of memory is relieved before that of the disk', () => {
    const disk: Threshold = { signal: 'nodefs.available', below: { share: 0.1, atMost: 50 }, graceMs: 0 };
    const observations: Observations = new Map([...memory(50), ['nodefs.available', { available: 49, capacity: 1000 }] as const]);
    expect(planPressure([disk, hard], observations, calm, 0, 0).due).toBe(hard);
    expect(planPressure([disk], observations, calm, 0, 0).due).toBe(disk);
    expect(planPressure([disk], new Map([['nodefs.available', { available: 51, capacity: 1000 }]]), calm, 0, 0).due).toBeUndefined();
  });
});

function usage(name: string, mib: number, { request, priority, disk = 0, ...rest }: { request?: string; priority?: number; disk?: number; status?: Pod['status']; annotations?: Record<string, string> } = {}): PodUsage {
  const one = pod({ ...(priority !== undefined && { priority }), containers: [{ name: 'web', image: 'a', ...(request && { resources: { requests: { memory: request, 'ephemeral-storage': request } } }) }] }, { name, ...rest });
  return { pod: one, containers: [{ name: 'web', memory: mib * mebibyte, processes: 1, disk: disk * mebibyte }], volumeBytes: 0 };
}

describe('who goes first', () => {
  test.each<[string, Signal, PodUsage[], string[]]>([
    ['uses more than it asked for', 'memory.available', [usage('modest', 90, { request: '100Mi' }), usage('greedy', 60, { request: '50Mi' })], ['greedy', 'modest']],
    ['has the lower priority', 'memory.available', [usage('high', 300, { priority: 10 }), usage('low', 100, { priority: 0 })], ['low', 'high']],
    ['is furthest beyond its request', 'memory.available', [usage('asked', 300, { request: '290Mi' }), usage('unasked', 50)], ['unasked', 'asked']],
    ['is not the system, not a mirror and has not ended', 'memory.available', [usage('system', 900, { priority: 2_000_000_000 }), usage('mirror', 900, { annotations: { 'kubernetes.io/config.mirror': 'x' } }), usage('ended', 900, { status: { phase: 'Succeeded' } }), usage('plain', 1)], ['plain']],
    ['has written most where the disk is short', 'nodefs.available', [usage('thinker', 900, { disk: 1 }), usage('writer', 1, { disk: 80 })], ['writer', 'thinker']],
  ])('%s', (_, signal, all, expected) => {
    expect(rank(all, signal).map((one) => one.pod.metadata.name)).toEqual(expected);
  });

  test('is told why, in the kubelet\'s words', () => {
    expect(evictionMessage(usage('web-1', 250, { request: '100Mi' }), hard, memory(50))).toBe(
      'The node was low on resource: memory. Threshold quantity: 100Mi, available: 50Mi. Container web was using 250Mi, request is 100Mi, has larger consumption of memory. ',
    );
    expect(evictionMessage(usage('web-1', 10), { signal: 'nodefs.inodesFree', below: { quantity: 5 }, graceMs: 0 }, new Map([['nodefs.inodesFree', { available: 3, capacity: 100 }]]))).toBe('The node was low on resource: inodes. Threshold quantity: 5, available: 3. ');
  });
});

describe('what a pod may write', () => {
  const limited = (limits: (string | undefined)[], sizeLimit?: string, medium?: string) => pod({
    containers: limits.map((limit, index) => ({ name: `c${index}`, image: 'a', ...(limit && { resources: { limits: { 'ephemeral-storage': limit } } }) })),
    volumes: [{ name: 'cache', emptyDir: { ...(sizeLimit && { sizeLimit }), ...(medium && { medium }) } }],
  });
  test.each<[string, Pod, Record<string, number>, number, string | undefined]>([
    ['a volume within its limit', limited([undefined], '10Mi'), {}, 10, undefined],
    ['a volume beyond it', limited([undefined], '10Mi'), {}, 11, 'Usage of EmptyDir volume "cache" exceeds the limit "10Mi". '],
    ['a volume in memory beyond it', limited([undefined], '10Mi', 'Memory'), {}, 11, 'Usage of EmptyDir volume "cache" exceeds the limit "10Mi". '],
    ['a container beyond its own', limited(['10Mi', '100Mi']), { c0: 11 }, 0, 'Container c0 exceeded its local ephemeral storage limit "10Mi". '],
    ['all of it beyond the sum, volumes included', limited(['10Mi', '10Mi']), { c0: 8, c1: 8 }, 5, 'Pod ephemeral local storage usage exceeds the total limit of containers 20Mi. '],
    ['memory does not count as disk', limited(['10Mi'], undefined, 'Memory'), { c0: 8 }, 5, undefined],
    ['no limits, no bound', limited([undefined]), { c0: 10_000 }, 10_000, undefined],
  ])('%s', (_, one, containers, volume, expected) => {
    const sizes = new Map(Object.entries(containers).map(([name, mib]) => [name, mib * mebibyte]));
    expect(exceededStorage(one, { containers: sizes, emptyDirs: new Map([['cache', volume * mebibyte]]) })).toBe(expected);
  });

  test('is looked at only where something limits it', () => {
    expect(hasStorageLimits(limited([undefined]))).toBe(false);
    expect(hasStorageLimits(limited(['1Gi']))).toBe(true);
    expect(hasStorageLimits(limited([undefined], '1Gi'))).toBe(true);
  });
});

describe('the settings of a node', () => {
  test('are the kubelet\'s unless said otherwise', () => {
    const { settings, problems } = settingsFrom({});
    expect(problems).toEqual([]);
    expect(settings.thresholds.map(({ signal, graceMs }) => `${signal} ${graceMs}`)).toEqual(['memory.available 0', 'nodefs.available 0', 'nodefs.inodesFree 0', 'imagefs.available 0', 'imagefs.inodesFree 0']);
    expect(settings).toMatchObject({ pressureTransitionMs: 300_000, podPids: 4096, images: { high: 0.85, low: 0.8, minimumAgeMs: 120_000 } });
  });

  test('have the names of its own configuration', () => {
    const { settings, problems } = settingsFrom({
      evictionHard: { 'memory.available': '1Gi' }, evictionSoft: { 'nodefs.available': '20%' }, evictionSoftGracePeriod: { 'nodefs.available': '1m30s' }, evictionMinimumReclaim: { 'memory.available': '500Mi' },
      evictionPressureTransitionPeriod: '30s', evictionMaxPodGracePeriod: 60, imageGCHighThresholdPercent: 60, imageGCLowThresholdPercent: 50, imageMinimumGCAge: '0s', podPidsLimit: 100,
    });
    expect(problems).toEqual([]);
    expect(settings).toEqual({
      thresholds: [
        { signal: 'memory.available', below: { quantity: 1024 ** 3 }, graceMs: 0, reclaim: { quantity: 500 * mebibyte } },
        { signal: 'nodefs.available', below: { share: 0.2 }, graceMs: 90_000 },
      ],
      pressureTransitionMs: 30_000, maxPodGraceSeconds: 60, podPids: 100, images: { high: 0.6, low: 0.5, enough: Infinity, minimumAgeMs: 0, maximumAgeMs: 0 },
    });
  });

  test.each<[object | string, string]>([
    [{ evictionHard: { 'cpu.available': '1' } }, 'evictionHard: unknown signal "cpu.available"; there are memory.available, nodefs.available, nodefs.inodesFree, imagefs.available, imagefs.inodesFree, pid.available'],
    [{ evictionHard: { 'memory.available': 'much' } }, "evictionHard: quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"],
    [{ evictionHard: { 'memory.available': '101%' } }, 'evictionHard: "101%" is more than there is'],
    [{ evictionSoft: { 'memory.available': '1Gi' } }, 'evictionSoft: memory.available has no evictionSoftGracePeriod'],
    [{ imageGCHighThresholdPercent: 50 }, 'imageGCLowThresholdPercent must be less than imageGCHighThresholdPercent'],
    [{ podPidsLimit: -1 }, 'podPidsLimit: must be a whole number of at least 0'],
    ['text', 'the document is no object'],
  ])('that cannot be are told: %j', (document, problem) => {
    const { settings, problems } = settingsFrom(document);
    expect(problems).toEqual([problem]);
    expect(settings.images).toMatchObject({ high: 0.85, low: 0.8 });
  });

  test('write time as Go does', () => {
    for (const [text, ms] of [['90s', 90_000], ['1m30s', 90_000], ['2h0m0s', 7_200_000], ['500ms', 500]] as const) expect(durationMs(text)).toBe(ms);
    expect(() => durationMs('soon')).toThrow('"soon" is no duration');
  });
});
