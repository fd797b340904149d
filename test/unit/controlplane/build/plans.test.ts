import { describe, expect, test } from 'vitest';
import type { Build, BuildConfig, BuildPhase, BuildRequest } from '../../../../src/api/kinds/build.ts';
import type { Pod } from '../../../../src/api/kinds/core.ts';
import type { ImageStream } from '../../../../src/api/kinds/image.ts';
import { goDuration, describeSource } from '../../../../src/controlplane/build/build-columns.ts';
import { dueBuild, surplusBuilds } from '../../../../src/controlplane/build/build-config-plan.ts';
import { withoutProgress } from '../../../../src/controlplane/build/build-log.ts';
import { buildPodName, labelValue } from '../../../../src/controlplane/build/build-names.ts';
import { planCancelled, planState } from '../../../../src/controlplane/build/build-plan.ts';
import { validateBuildSpec } from '../../../../src/controlplane/build/build-spec-rules.ts';
import { planInstantiation, refusal } from '../../../../src/controlplane/build/instantiate-plan.ts';
import { missingBuilderText, resolveImage, resolveOutput, type StreamLookup } from '../../../../src/controlplane/build/image-resolver.ts';
import { judge } from '../../../../src/controlplane/build/run-policy.ts';
import { initialSteps, mergeStep, type BuildTermination } from '../../../../src/protocol/build-progress.ts';

const builderSpec = 'docker-registry.default.svc:5000/openshift/nodejs@sha256:aa';
const streamOf = (namespace: string, name: string, pullSpec: string, words = 'builder'): ImageStream => ({
  apiVersion: 'image.openshift.io/v1', kind: 'ImageStream', metadata: { namespace, name }, spec: { tags: [{ name: 'latest', annotations: { tags: words } }] },
  status: { dockerImageRepository: '', tags: [{ tag: 'latest', items: [{ created: '', dockerImageReference: pullSpec, image: pullSpec.split('@')[1] ?? '', generation: 1 }] }] },
});
const streams: StreamLookup = (namespace, name) => (namespace === 'openshift' && name === 'nodejs' ? streamOf(namespace, name, builderSpec) : namespace === 'demo' && name === 'web' ? streamOf(namespace, name, 'x@sha256:bb') : undefined);
const from = { kind: 'ImageStreamTag', namespace: 'openshift', name: 'nodejs:latest' };
const config = (more: Partial<BuildConfig['spec']> = {}, lastVersion = 0): BuildConfig => ({
  apiVersion: 'build.openshift.io/v1', kind: 'BuildConfig', metadata: { name: 'web', namespace: 'demo', uid: 'u', labels: { app: 'web' }, annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '{}' } },
  spec: { source: { type: 'Git', git: { uri: 'https://host/web.git' } }, strategy: { type: 'Source', sourceStrategy: { from, env: [{ name: 'A', value: '1' }] } }, output: { to: { kind: 'ImageStreamTag', name: 'web:latest' } }, triggers: [{ type: 'ConfigChange' }, { type: 'ImageChange', imageChange: {} }], ...more },
  status: { lastVersion },
});
const request = (more: Partial<BuildRequest> = {}): BuildRequest => ({ apiVersion: 'build.openshift.io/v1', kind: 'BuildRequest', metadata: { name: 'web' }, ...more });
const build = (number: number, phase: BuildPhase, policy = 'Serial', more: Partial<Build['status']> = {}): Build => ({
  apiVersion: 'build.openshift.io/v1', kind: 'Build',
  metadata: { name: `web-${number}`, namespace: 'demo', uid: `b${number}`, creationTimestamp: `2026-01-0${number}T00:00:00Z`, labels: { 'openshift.io/build.start-policy': policy }, annotations: { 'openshift.io/build.number': String(number) } },
  spec: { source: { binary: {} }, strategy: { sourceStrategy: { from: { kind: 'DockerImage', name: builderSpec } } }, output: { to: { kind: 'ImageStreamTag', name: 'web:latest' } } },
  status: { phase, ...more },
});

describe('instantiation', () => {
  test('a numbered build, its builder by digest, what triggers have seen', () => {
    const planned = planInstantiation(config(), request({ env: [{ name: 'A', value: '2' }, { name: 'B', value: '3' }] }), streams, '2026-01-01T00:00:00Z');
    expect(planned.build).toMatchObject({
      metadata: { name: 'web-1', labels: { app: 'web', buildconfig: 'web', 'openshift.io/build.start-policy': 'Serial' }, ownerReferences: [{ kind: 'BuildConfig', name: 'web', controller: true }] },
      spec: { strategy: { sourceStrategy: { from: { kind: 'DockerImage', name: builderSpec }, env: [{ name: 'A', value: '2' }, { name: 'B', value: '3' }] } }, triggeredBy: [{ message: 'Manually triggered' }] },
      status: { phase: 'New', config: { name: 'web' } },
    });
    expect(planned.build.metadata.annotations).not.toHaveProperty('kubectl.kubernetes.io/last-applied-configuration');
    expect(planned.build.spec).not.toHaveProperty('triggers');
    expect(planned.config.status).toMatchObject({ lastVersion: 1, imageChangeTriggers: [{ lastTriggeredImageID: builderSpec }] });
    expect(dueBuild(planned.config, streams)).toBeUndefined();
  });

  test('a builder that is not there stays as it is named', () => {
    const planned = planInstantiation(config({ strategy: { sourceStrategy: { from: { ...from, name: 'cobol:1' } } } }), request(), streams, '');
    expect(planned.build.spec.strategy.sourceStrategy?.from.name).toBe('cobol:1');
    expect(missingBuilderText({ ...from, name: 'cobol:1' }, [streamOf('openshift', 'nodejs', 'x'), streamOf('openshift', 'old', 'x', 'builder,hidden')])).toMatch(/"openshift\/cobol:1"\. Builders of this platform: nodejs\./);
  });

  test('refusals', () => {
    expect(refusal(config({}, 3), request({ lastVersion: 2 }))?.message).toBe('the LastVersion(3) on build config demo/web does not match the build request LastVersion(2)');
    expect(refusal(config({ source: { binary: {} } }), request())?.code).toBe(400);
    expect(refusal(config({ source: { binary: {} } }), request({ binary: {} }))).toBeUndefined();
  });

  test('references', () => {
    expect(resolveImage({ kind: 'ImageStreamImage', namespace: 'openshift', name: 'nodejs@sha256:aa' }, 'demo', streams)?.pullSpec).toBe(builderSpec);
    expect(resolveImage({ kind: 'ImageStreamTag', name: 'web:none' }, 'demo', streams)).toBeUndefined();
    expect(resolveOutput({ kind: 'ImageStreamTag', name: 'web:v2' }, 'demo', streams)).toBe('docker-registry.default.svc:5000/demo/web:v2');
    expect(resolveOutput({ kind: 'ImageStreamTag', name: 'none:v2' }, 'demo', streams)).toBeUndefined();
  });
});

describe('triggers', () => {
  const noted = (of: BuildConfig, id: string): BuildConfig => ({ ...of, status: { lastVersion: 1, imageChangeTriggers: [{ from: { namespace: 'openshift', name: 'nodejs:latest' }, lastTriggeredImageID: id }] } });
  const seen = (id: string) => [{ type: 'ImageChange' as const, imageChange: { lastTriggeredImageID: id } }];
  test.each<[string, BuildConfig, string | undefined]>([
    ['a new config', config(), 'Build configuration change'],
    ['a built config', config({ triggers: [{ type: 'ConfigChange' }] }, 1), undefined],
    ['a trigger that came later', config({}, 1), 'Image change'],
    ['a trigger whose image the status remembers', noted(config({}, 1), builderSpec), undefined],
    ['the status knows better than the field', noted(config({ triggers: seen(builderSpec) }, 1), 'old'), 'Image change'],
    ['another tag', config({ triggers: [{ type: 'ImageChange', imageChange: { from: { kind: 'ImageStreamTag', name: 'web:latest' } } }] }, 1), 'Image change'],
    ['a tag that is not there', config({ triggers: [{ type: 'ImageChange', imageChange: { from: { kind: 'ImageStreamTag', name: 'web:none' } } }] }, 1), undefined],
    ['an image to start from that another build makes', config({ strategy: { sourceStrategy: { from: { kind: 'ImageStreamTag', name: 'web:none' } } } }), undefined],
    ['an image to start from that nobody watches', config({ strategy: { sourceStrategy: { from: { kind: 'ImageStreamTag', name: 'web:none' } } }, triggers: [{ type: 'ConfigChange' }] }), 'Build configuration change'],
    ['an upload beside a Dockerfile', config({ source: { binary: {}, dockerfile: 'FROM scratch' } }), 'Build configuration change'],
    ['a new builder image', config({ triggers: seen('old') }, 1), 'Image change'],
    ['the same builder image', config({ triggers: seen(builderSpec) }, 1), undefined],
    ['a paused trigger', config({ triggers: [{ type: 'ImageChange', imageChange: { lastTriggeredImageID: 'old', paused: true } }] }, 1), undefined],
    ['an image trigger alone starts the first build', config({ triggers: [{ type: 'ImageChange', imageChange: {} }] }), 'Image change'],
    ['a source that must be sent', config({ source: { binary: {} } }), undefined],
    ['no trigger', config({ triggers: [] }), undefined],
  ])('%s', (_, of, cause) => {
    expect(dueBuild(of, streams)?.triggeredBy?.[0]?.message).toBe(cause);
  });

  test('history: the newest of each outcome stay', () => {
    const all = [build(1, 'Complete'), build(2, 'Failed'), build(3, 'Complete'), build(4, 'Cancelled'), build(5, 'Running')];
    expect(surplusBuilds(config({ successfulBuildsHistoryLimit: 1, failedBuildsHistoryLimit: 0 }), all).map((one) => one.metadata.name)).toEqual(['web-1', 'web-4', 'web-2']);
    expect(surplusBuilds(config(), all)).toEqual([]);
  });
});

describe('run policies', () => {
  test.each<[string, Build, Build[], boolean, string[]]>([
    ['nothing else', build(1, 'New'), [], true, []],
    ['Serial waits for what runs', build(2, 'New'), [build(1, 'Running')], false, []],
    ['Serial waits for its turn', build(3, 'New'), [build(2, 'New')], false, []],
    ['Serial goes before later ones', build(2, 'New'), [build(3, 'New'), build(1, 'Complete')], true, []],
    ['a waiting build given up does not count', build(2, 'New'), [build(1, 'New', 'Serial', { cancelled: true })], true, []],
    ['one that ends is active until it has ended', build(2, 'New'), [build(1, 'Running', 'Serial', { cancelled: true })], false, []],
    ['Serial waits behind a Parallel one with a lower number', build(2, 'New'), [build(1, 'New', 'Parallel')], false, []],
    ['the latest drops older waiting ones, never one that runs', build(4, 'New', 'SerialLatestOnly'), [build(1, 'Running', 'SerialLatestOnly'), build(2, 'New', 'SerialLatestOnly'), build(3, 'New', 'Serial')], false, ['web-2', 'web-3']],
    ['the latest drops one whose pod has not started', build(2, 'New', 'SerialLatestOnly'), [build(1, 'Pending', 'SerialLatestOnly')], false, ['web-1']],
    ['the latest runs once nothing is before it', build(3, 'New', 'SerialLatestOnly'), [build(1, 'Complete', 'SerialLatestOnly'), build(2, 'New', 'SerialLatestOnly', { cancelled: true })], true, []],
    ['an overtaken one does not start', build(2, 'New', 'SerialLatestOnly'), [build(3, 'New', 'SerialLatestOnly')], false, []],
    ['Parallel runs beside others', build(2, 'New', 'Parallel'), [build(1, 'Running', 'Parallel')], true, []],
    ['Parallel waits for a serial one that runs', build(2, 'New', 'Parallel'), [build(1, 'Running')], false, []],
    ['Parallel goes before a serial one that waits', build(2, 'New', 'Parallel'), [build(1, 'New')], true, []],
  ])('%s', (_, one, others, run, cancel) => {
    const verdict = judge(one, [one, ...others]);
    expect([verdict.run, verdict.cancel.map(({ metadata }) => metadata.name)]).toEqual([run, cancel]);
  });
});

describe('state from the pod', () => {
  const now = new Date('2026-01-01T00:01:00Z');
  const pod = (phase: string, terminated?: object, more: object = {}): Pod => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web-1-build' }, spec: { containers: [] }, status: { phase, containerStatuses: [{ name: 'sti-build', state: terminated ? { terminated } : { running: { startedAt: '2026-01-01T00:00:00Z' } } }], ...more } } as unknown as Pod);
  const deleted = (of: Pod): Pod => ({ ...of, metadata: { ...of.metadata, deletionTimestamp: '2026-01-01T00:00:20Z' } });
  const ended = (more: Partial<BuildTermination>) => ({ exitCode: 1, finishedAt: '2026-01-01T00:00:30Z', startedAt: '2026-01-01T00:00:00Z', message: JSON.stringify({ stages: [], steps: [], ...more }) });
  const plan = (of: Build, its: Pod | undefined, shows = true) => planState({ build: of, pod: its, told: [], steps: initialSteps(), streamShows: () => shows, now });

  test.each<[string, Build, Pod | undefined, object]>([
    ['waits', build(1, 'New'), pod('Pending'), { phase: 'Pending' }],
    ['runs', build(1, 'Pending', 'Serial', { reason: 'X' }), pod('Running'), { phase: 'Running', startTimestamp: '2026-01-01T00:00:00Z' }],
    ['complete', build(1, 'Running'), pod('Succeeded', { ...ended({ imageDigest: 'sha256:cc' }), exitCode: 0 }), { phase: 'Complete', completionTimestamp: '2026-01-01T00:00:30Z', duration: 30e9, output: { to: { imageDigest: 'sha256:cc' } } }],
    ['failed', build(1, 'Running'), pod('Failed', ended({ reason: 'AssembleFailed', message: 'm', logSnippet: 's' })), { phase: 'Failed', reason: 'AssembleFailed', message: 'm', logSnippet: 's' }],
    ['failed without a word', build(1, 'Running'), pod('Failed', { exitCode: 2 }), { phase: 'Failed', reason: 'GenericBuildFailed' }],
    ['out of memory', build(1, 'Running'), pod('Failed', { exitCode: 137, reason: 'OOMKilled' }), { phase: 'Failed', reason: 'OutOfMemoryKilled' }],
    ['too long', build(1, 'Running'), pod('Failed', { exitCode: 137 }, { reason: 'DeadlineExceeded' }), { phase: 'Failed', message: expect.stringContaining('completionDeadlineSeconds') as string }],
    ['evicted', build(1, 'Running'), pod('Failed', undefined, { reason: 'Evicted', message: 'low on memory' }), { phase: 'Failed', reason: 'BuildPodEvicted', message: 'low on memory' }],
    ['succeeded, and its container did not', build(1, 'Running'), pod('Succeeded', ended({})), { phase: 'Error', reason: 'FailedContainer' }],
    ['succeeded without a container', build(1, 'Running'), pod('Succeeded', undefined, { containerStatuses: [] }), { phase: 'Error', reason: 'NoBuildContainerStatus' }],
    ['pod deleted', build(1, 'Running'), deleted(pod('Failed', ended({ reason: 'AssembleFailed' }))), { phase: 'Error', reason: 'BuildPodDeleted', message: 'The pod for this build was deleted before the build completed.' }],
    ['a pod that is pending again', build(1, 'Running'), pod('Pending'), { phase: 'Running' }],
    ['pod gone', build(1, 'Running'), undefined, { phase: 'Error', reason: 'BuildPodDeleted' }],
  ])('%s', (_, of, its, status) => {
    expect(plan(of, its).status).toMatchObject(status);
  });

  test('the last step is the image stream\'s', () => {
    const last = (shows: boolean) => plan(build(1, 'Running'), pod('Succeeded', { ...ended({ imageDigest: 'sha256:cc' }), exitCode: 0 }), shows).steps.at(-1)?.state;
    expect([last(true), last(false)]).toEqual(['done', 'waiting']);
  });

  test('what was running when it was cancelled has failed, the rest is skipped', () => {
    const steps = mergeStep(mergeStep(initialSteps(), { step: 'SourceFetched', state: 'done', finishedAt: 'x' }), { step: 'Assemble', state: 'running' });
    expect(planCancelled(build(1, 'Running'), steps, now).steps.map(({ state }) => state)).toEqual(['skipped', 'skipped', 'skipped', 'done', 'skipped', 'failed', 'skipped', 'skipped', 'skipped']);
  });
});

test.each<[string, Partial<Build['spec']>, RegExp | undefined]>([
  ['nothing wrong', {}, undefined],
  ['an option as URL', { source: { git: { uri: '--upload-pack=x' } } }, /not a valid url/],
  ['an option as ref', { source: { git: { uri: 'https://x/y', ref: '-x' } } }, /may not start with "-"/],
  ['scp form', { source: { git: { uri: 'git@host:team/app.git' } } }, undefined],
  ['a context outside', { source: { contextDir: 'a/../../b' } }, /must not be a relative path/],
  ['two sources', { source: { git: { uri: 'https://x/y' }, binary: {} } }, /spec.source.git: .*may not be set when binary is also set/],
  ['no strategy', { strategy: {} }, /must provide a value for exactly one of/],
  ['Docker without anything to build', { strategy: { dockerStrategy: {} } }, /at least one source input/],
  ['a tag without a tag', { strategy: { sourceStrategy: { from: { kind: 'ImageStreamTag', name: 'nodejs' } } } }, /<name>:<tag>/],
  ['script and command', { postCommit: { script: 'x', command: ['y'] } }, /cannot use command and script together/],
])('spec: %s', (_, more, why) => {
  const errors = validateBuildSpec({ strategy: { sourceStrategy: { from } }, ...more });
  if (why) expect(errors.map(({ field, message }) => `${field}: ${message}`).join()).toMatch(why);
  else expect(errors).toEqual([]);
});

test.each([[850e6, '850ms'], [1500e6, '1.5s'], [32e9, '32s'], [123e9, '2m3s'], [3605e9, '1h0m5s']])('%d ns is %s', (nanoseconds, text) => {
  expect(goDuration(nanoseconds)).toBe(text);
});

test('sources in a word', () => {
  expect([{ source: { git: { uri: '', ref: 'main' } } }, { source: { git: { uri: '' } }, revision: { git: { commit: '0123456789' } } }, { source: { binary: {} } }, { source: { dockerfile: 'x', git: { uri: '', ref: 'v' } } }, {}].map((spec) => describeSource({ strategy: {}, ...spec }))).toEqual(['Git@main', 'Git@0123456', 'Binary', 'Dockerfile,Git@v', 'Source']);
});

test('names keep within their limits and stay different', () => {
  expect(buildPodName('web-1')).toBe('web-1-build');
  const [a, b] = [labelValue(`${'x'.repeat(70)}a`), labelValue(`${'x'.repeat(70)}b`)];
  expect(a.length).toBeLessThanOrEqual(63);
  expect(a).not.toBe(b);
});

test('logs are read without the marked lines, wherever chunks end', async () => {
  const filter = withoutProgress();
  const out: string[] = [];
  filter.on('data', (chunk: Buffer) => out.push(chunk.toString()));
  for (const chunk of ['one\n::slip', 'way-step {"a":1}\n2026-01-01T00:00:00.1Z ::slipway-step {}\ntw', 'o\nthree']) filter.write(chunk);
  await new Promise<void>((resolve) => filter.end(resolve));
  expect(out.join('')).toBe('one\ntwo\nthree');
});
