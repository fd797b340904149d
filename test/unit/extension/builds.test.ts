import { describe, expect, test } from 'vitest';
import type { Build, BuildConfig } from '../../../src/api/kinds/build.ts';
import { parseVariables, requestOf } from '../../../src/extension/commands/build/build-request.ts';
import { webhooksOf, webhookUrl, withWebhook } from '../../../src/extension/commands/build-config/webhook-plan.ts';
import { buildReport } from '../../../src/extension/documents/build-report.ts';
import { buildReportUri, parseBuildReportUri } from '../../../src/extension/documents/build-report-uri.ts';
import { descriptionOf } from '../../../src/extension/explorer/node.ts';
import { causeText, presentBuild } from '../../../src/extension/explorer/presenters/build.ts';
import { stepProgress } from '../../../src/extension/panels/build-steps.ts';
import { initialSteps, mergeStep, stepsAnnotation, stepsFor } from '../../../src/protocol/build-progress.ts';
import { say } from './say.ts';

const make = (status: Partial<Build['status']>, spec: Partial<Build['spec']> = {}, annotations: Record<string, string> = {}): Build => ({
  apiVersion: 'build.openshift.io/v1', kind: 'Build', metadata: { name: 'web-2', namespace: 'shop', annotations, creationTimestamp: '2026-01-01T00:00:00Z' },
  spec: { strategy: { type: 'Source', sourceStrategy: { from: { kind: 'ImageStreamTag', name: 'nodejs:latest' } } }, ...spec }, status: { phase: 'Running', config: { name: 'web' }, ...status },
});

describe('a build in the tree', () => {
  test('counts its seconds while it runs, and only then', () => {
    const running = presentBuild(make({ startTimestamp: '2026-01-01T00:00:00Z' }), say);
    expect(descriptionOf(running, Date.parse('2026-01-01T00:00:12.400Z'))).toBe('Running · 12 s');
    expect(descriptionOf(running, Date.parse('2026-01-01T00:03:05Z'))).toBe('Running · 3 m 5 s');
    // Another machine's clock may be ahead of this one's.
    expect(descriptionOf(running, Date.parse('2025-12-31T23:59:58Z'))).toBe('Running · 0 s');
    for (const phase of ['New', 'Pending', 'Complete', 'Failed', 'Cancelled'] as const) expect(presentBuild(make({ phase, startTimestamp: '2026-01-01T00:00:00Z' }), say).since).toBeUndefined();
    expect(presentBuild(make({ phase: 'Failed', duration: 12_300_000_000 }), say).description).toBe('Failed · 12 s');
  });

  test.each([
    [[{ message: 'Manually triggered' }], 'started by hand'],
    [[{ message: 'Image change', imageChangeBuild: { fromRef: { kind: 'ImageStreamTag', name: 'nodejs:20' } } }], 'a new image: nodejs:20'],
    [[{ message: 'GitHub WebHook' }], 'GitHub WebHook'],
    [undefined, ''],
  ])('tells what started it: %j', (triggeredBy, text) => {
    expect(causeText(make({}, triggeredBy && { triggeredBy }), say)).toBe(text);
  });
});

describe('a request with options', () => {
  test('holds what was asked for, and nothing else', () => {
    expect(requestOf('web', {})).toEqual({ apiVersion: 'build.openshift.io/v1', kind: 'BuildRequest', metadata: { name: 'web' }, triggeredBy: [{ message: 'Manually triggered' }] });
    expect(requestOf('web', { commit: 'v2', env: [{ name: 'A', value: '1' }], buildArgs: [{ name: 'B', value: '2' }], noCache: true })).toMatchObject({
      revision: { type: 'Git', git: { commit: 'v2' } }, env: [{ name: 'A', value: '1' }], dockerStrategyOptions: { buildArgs: [{ name: 'B', value: '2' }], noCache: true },
    });
    expect(requestOf('web', { incremental: false })).toMatchObject({ sourceStrategyOptions: { incremental: false } });
  });

  test.each([
    ['', []],
    ['A=1', [['A', '1']]],
    ['A=1  B_2=x=y C=', [['A', '1'], ['B_2', 'x=y'], ['C', '']]],
    [`A="two words" B='a "b"' C=x"y z"w D=a\\ b E="a\\"b"`, [['A', 'two words'], ['B', 'a "b"'], ['C', 'xy zw'], ['D', 'a b'], ['E', 'a"b']]],
  ])('reads %j', (text, expected) => expect(parseVariables(text)).toEqual(expected.map(([name, value]) => ({ name, value }))));

  test.each([['A', 'A'], ['1A=x', '1A=x'], ['A=1 =2', '=2'], ['A="open', '"open']])('refuses %j', (text, wrong) => expect(parseVariables(text)).toEqual({ wrong }));
});

describe('webhooks', () => {
  const config = { apiVersion: 'build.openshift.io/v1', kind: 'BuildConfig', metadata: { name: 'web', namespace: 'shop' }, spec: { strategy: {}, triggers: [{ type: 'ConfigChange' }, { type: 'Generic', generic: { secret: 's3' } }] } } as BuildConfig;

  test('are found, and one more is added', () => {
    expect(webhooksOf(config)).toEqual([{ type: 'Generic', trigger: { secret: 's3' } }]);
    const more = withWebhook(config, 'GitHub', 'web-github');
    expect(more.spec.triggers?.at(-1)).toEqual({ type: 'GitHub', github: { secretReference: { name: 'web-github' } } });
    expect(webhooksOf(more).map(({ type }) => type)).toEqual(['GitHub', 'Generic']);
    expect(config.spec.triggers).toHaveLength(2);
  });

  test('have a URL in which nothing breaks out', () => {
    expect(webhookUrl('https://api.example:6443/', { namespace: 'shop', name: 'web' }, 'GitHub', 'a/b?c')).toBe('https://api.example:6443/apis/build.openshift.io/v1/namespaces/shop/buildconfigs/web/webhooks/a%2Fb%3Fc/github');
  });
});

describe('the steps of a build', () => {
  const docker = { strategy: { type: 'Docker' as const, dockerStrategy: {} } };
  const stage = (name: 'FetchInputs' | 'PullImages' | 'Build', seconds: number) => ({ name, startTime: `2026-01-01T00:00:${String(seconds).padStart(2, '0')}Z`, durationMilliseconds: 1_000 });
  const states = (build: Build) => stepProgress(build).map(({ step, state }) => `${step} ${state}`);

  test('of a Dockerfile are told with the instruction they are at', () => {
    const told = mergeStep(initialSteps(docker.strategy), { step: 'Dockerfile', state: 'running', startedAt: '2026-01-01T00:00:02.000Z', detail: '2/7 RUN make' });
    const steps = stepProgress(make({}, docker, { [stepsAnnotation]: JSON.stringify(told) }));
    expect(steps.map(({ step }) => step)).toEqual([...stepsFor(docker.strategy)]);
    expect(steps.find(({ step }) => step === 'Dockerfile')).toMatchObject({ state: 'running', detail: '2/7 RUN make' });
  });

  test('of a Dockerfile on another cluster follow its stages', () => {
    expect(states(make({ stages: [stage('FetchInputs', 1), stage('PullImages', 3)] }, docker))).toEqual([
      'SourceLocation done', 'BuilderImage done', 'BuildInstantiated done', 'SourceFetched done', 'Dockerfile running', 'ImageCommitted waiting', 'ImagePushed waiting', 'ImageStreamUpdated waiting',
    ]);
    expect(states(make({ phase: 'Failed', stages: [stage('FetchInputs', 1), stage('PullImages', 3)] }, docker))[4]).toBe('Dockerfile failed');
  });

  test('of a custom builder are its stages', () => {
    const custom = { strategy: { type: 'Custom' as const, customStrategy: { from: { kind: 'DockerImage', name: 'x' } } } };
    expect(states(make({ stages: [stage('FetchInputs', 1), stage('Build', 2)] }, custom))).toEqual(['BuildInstantiated done', 'FetchInputs done', 'Build running']);
    expect(states(make({ phase: 'Complete', stages: [stage('Build', 2)] }, custom))).toEqual(['BuildInstantiated done', 'Build done']);
    expect(states(make({ phase: 'Running' }, custom)).filter((one) => one.endsWith('running'))).toHaveLength(1);
  });

  test('survive somebody else\'s annotation', () => expect(states(make({ phase: 'New' }, {}, { [stepsAnnotation]: '{"no": "list"}' }))[0]).toBe('SourceLocation waiting'));
});

describe('a comparison', () => {
  const told = (seconds: number) => ({ [stepsAnnotation]: JSON.stringify(mergeStep(initialSteps(), { step: 'Assemble', state: 'done', startedAt: '2026-01-01T00:00:00.000Z', finishedAt: `2026-01-01T00:00:0${seconds}.000Z` })) });
  const words = { t: say, step: (step: string) => step };
  const older = make({ phase: 'Failed', message: 'no', duration: 3e9 }, {}, told(2));
  const newer = make({ phase: 'Complete', duration: 6e9 }, { revision: { type: 'Git', git: { commit: '1a2b3c4d5e6f', message: 'Fix it\n\nwell', author: { name: 'Me', email: 'me@x' } } } }, told(5));

  test('tells outcome, commit, and what takes longer than before', () => {
    expect(buildReport(older, ['line'], undefined, words)).toMatch(/State +Failed: no\n[^]*Assemble +2\.0 s\n[^]*Elapsed +3\.0 s\n\nline\n$/);
    const text = buildReport(newer, [], older, words);
    expect(text).toMatch(/Commit +1a2b3c4d Fix it\nAuthor +Me <me@x>\n/);
    expect(text).toMatch(/Assemble +5\.0 s \(\+3\.0 s\)\n/);
    expect(text).toMatch(/Elapsed +6\.0 s \(\+3\.0 s\)\n/);
  });

  test('has an address that leads back', () => {
    for (const against of ['web-1', undefined]) {
      const uri = buildReportUri('default/api:6443/me', 'shop', 'web-2', against);
      expect(parseBuildReportUri({ query: '', ...uri })).toEqual({ cluster: 'default/api:6443/me', namespace: 'shop', name: 'web-2', against });
    }
    expect(parseBuildReportUri({ path: '/a/b' })).toBeUndefined();
  });
});
