import { describe, expect, test } from 'vitest';
import type { Build } from '../../../src/api/kinds/build.ts';
import { buildHint } from '../../../src/extension/panels/build-hints.ts';
import { viewBuild, type BuildCircumstances, type BuildWords } from '../../../src/extension/panels/build-view.ts';
import { buildSteps, initialSteps, mergeStep, stepsAnnotation, type StepProgress } from '../../../src/protocol/build-progress.ts';
import { say } from './say.ts';

const words: BuildWords = {
  step: (step) => step, cached: (count) => `${count} cached`,
  phase: (phase) => phase, source: (source) => source?.git?.uri ?? source?.type ?? '', hint: (log) => buildHint(log, say),
};
const circumstances: BuildCircumstances = { cached: 0, canOpen: true, hasFile: () => true, now: new Date('2026-01-01T00:01:00Z') };

function build(status: Partial<Build['status']>, steps?: StepProgress[]): Build {
  return {
    apiVersion: 'build.openshift.io/v1', kind: 'Build',
    metadata: { name: 'web-1', namespace: 'shop', creationTimestamp: '2026-01-01T00:00:00Z', ...(steps && { annotations: { [stepsAnnotation]: JSON.stringify(steps) } }) },
    spec: { source: { type: 'Binary' }, strategy: { type: 'Source', sourceStrategy: { from: { kind: 'DockerImage', name: 'docker-registry.default.svc:5000/openshift/nodejs@sha256:ab' } } } },
    status: { phase: 'Running', config: { kind: 'BuildConfig', name: 'web' }, ...status },
  };
}
const states = (one: Build) => viewBuild(one, words, circumstances).steps.map(({ state }) => state);
const assembling = mergeStep(mergeStep(initialSteps(), { step: 'SourceLocation', state: 'done', startedAt: '2026-01-01T00:00:01.000Z', finishedAt: '2026-01-01T00:00:01.500Z' }), { step: 'Assemble', state: 'running', startedAt: '2026-01-01T00:00:02.000Z' });

describe('a build in its panel', () => {
  test('shows the nine steps as told', () => {
    const view = viewBuild(build({}, assembling), words, circumstances);
    expect(view.steps.map(({ step }) => step)).toEqual([...buildSteps]);
    expect(view.steps[0]).toMatchObject({ state: 'done', finishedAt: '2026-01-01T00:00:01.500Z' });
    expect(view.steps[5]).toMatchObject({ state: 'running' });
    expect(view).toMatchObject({ startedAt: '2026-01-01T00:00:01.000Z', builder: 'nodejs', canCancel: true, canRebuild: false, canOpen: false });
    expect(view.finishedAt).toBeUndefined();
  });

  test.each([
    ['Complete', 'done', 'done'],
    ['Failed', 'failed', 'skipped'],
    ['Cancelled', 'skipped', 'skipped'],
  ] as const)('leaves no step running once it is %s', (phase, running, waiting) => {
    const shown = states(build({ phase }, assembling));
    expect([shown[5], shown[8]]).toEqual([running, waiting]);
  });

  test('says why it failed, with the last lines, a hint, and the file to look at', () => {
    const view = viewBuild(build({ phase: 'Failed', message: 'Assemble script failed: exit code 1.', logSnippet: 'npm ERR! code E404\nnpm ERR! 404 Not Found - GET http://mirror/expres\n' }, assembling), words, circumstances);
    expect(view.failure).toEqual({
      message: 'Assemble script failed: exit code 1.', lines: ['npm ERR! code E404', 'npm ERR! 404 Not Found - GET http://mirror/expres'],
      hint: 'npm could not find "expres". Is its name right?', file: 'package.json',
    });
    expect(view).toMatchObject({ canRebuild: true, canCancel: false });
  });

  test('of another cluster shows as many steps as its stages tell', () => {
    const stage = (name: 'PullImages' | 'FetchInputs' | 'Build') => ({ name, startTime: '2026-01-01T00:00:10Z', durationMilliseconds: 1_000 });
    expect(states(build({ phase: 'New' }))).toEqual(Array.from({ length: 9 }, () => 'waiting'));
    expect(states(build({ phase: 'Running' }))).toEqual(['done', 'done', 'done', 'running', 'waiting', 'waiting', 'waiting', 'waiting', 'waiting']);
    expect(states(build({ phase: 'Running', stages: [stage('PullImages'), stage('FetchInputs')] }))).toEqual(['done', 'done', 'done', 'done', 'running', 'waiting', 'waiting', 'waiting', 'waiting']);
    expect(states(build({ phase: 'Complete', stages: [stage('PullImages'), stage('FetchInputs'), stage('Build')] }))).toEqual(Array.from({ length: 9 }, () => 'done'));
  });
});

describe('a Dockerfile build in its panel', () => {
  const strategy = { type: 'Docker' as const, dockerStrategy: {} };
  const steps = mergeStep(initialSteps(strategy), { step: 'Dockerfile', state: 'running', startedAt: '2026-01-01T00:00:02.000Z', detail: '5/7 RUN make' });
  const plain = build({}, steps);

  test('tells the instruction it is at, and how many were not run', () => {
    const view = viewBuild({ ...plain, spec: { ...plain.spec, strategy } }, words, { ...circumstances, cached: 3 });
    expect(view).toMatchObject({ strategy: 'Docker', builder: 'Docker' });
    expect(view.steps.find(({ step }) => step === 'Dockerfile')).toMatchObject({ state: 'running', detail: '5/7 RUN make · 3 cached' });
  });
});

describe('a hint', () => {
  test.each([
    ['npm error Missing script: "start"', 'package.json'],
    ["npm error 404  'expres@*' is not in this registry.", 'package.json'],
    ['ERROR: No matching distribution found for inflexion==0.5', 'requirements.txt'],
    ['npm error code EAI_AGAIN', '.s2i/environment'],
    ['npm error `npm ci` can only install packages when your package.json and package-lock.json are in sync.', 'package.json'],
    ['Error: write ENOSPC', undefined],
  ])('is found in %j', (log, file) => {
    const hint = buildHint(log, say);
    expect(hint?.text).toBeTruthy();
    expect(hint?.file).toBe(file);
  });

  test('is not made up', () => expect(buildHint('the sources are broken on purpose', say)).toBeUndefined());
});
