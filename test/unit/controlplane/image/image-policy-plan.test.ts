import { describe, expect, it } from 'vitest';
import { deployments } from '../../../../src/api/kinds/apps.ts';
import { builds } from '../../../../src/api/kinds/build.ts';
import { pods } from '../../../../src/api/kinds/core.ts';
import type { ImageStream } from '../../../../src/api/kinds/image.ts';
import type { KubeObject } from '../../../../src/api/meta.ts';
import { resource } from '../../../../src/api/resource.ts';
import { isCovered, localName, resolveName, slotsOf } from '../../../../src/controlplane/image/image-policy-plan.ts';

const digest = `sha256:${'a'.repeat(64)}`;
const stream = (lookup: boolean, spec: object = {}, image = digest): ImageStream => ({
  apiVersion: 'image.openshift.io/v1', kind: 'ImageStream', metadata: { name: 'web', namespace: 'demo' },
  spec: { lookupPolicy: { local: lookup }, ...spec },
  status: { dockerImageRepository: 'registry:5000/demo/web', tags: [{ tag: 'v1', items: [{ created: '', dockerImageReference: image ? `quay.io/acme/web@${digest}` : 'quay.io/acme/web:1', image, generation: 1 }] }] },
});

describe('a name', () => {
  it.each<[string, boolean, string | undefined]>([
    ['web', false, 'web:latest'],
    ['web:v1', false, 'web:v1'],
    ['my_app.x:v1', false, 'my_app.x:v1'],
    ['demo/web:v1', false, undefined],
    ['quay.io/web:v1', false, undefined],
    [`web@${digest}`, false, undefined],
    ['Not A Name', false, undefined],
    ['', false, undefined],
    ['quay.io/acme/web:v1', true, 'web:v1'],
    ['library/web', true, 'web:latest'],
    [`quay.io/acme/web@${digest}`, true, undefined],
    ['quay.io/a/b/web:v1', true, undefined],
    ['docker-registry.default.svc:5000/other/web:v1', true, undefined],
  ])('%s (forced: %s) may mean %s', (image, forced, expected) => {
    const name = localName(image, forced);
    expect(name && `${name.stream}:${name.tag}`).toBe(expected);
  });

  it.each<[string, ImageStream, string, boolean, string | undefined]>([
    ['stands for its image', stream(true), 'v1', false, `quay.io/acme/web@${digest}`],
    ['is pulled through the registry if the tag says so', stream(true, { tags: [{ name: 'v1', referencePolicy: { type: 'Local' } }] }), 'v1', false, `registry:5000/demo/web@${digest}`],
    ['waits here for a tag that is missing', stream(true), 'v2', false, 'registry:5000/demo/web:v2'],
    ['is left alone by a stream that does not lend itself', stream(false), 'v1', false, undefined],
    ['is looked up all the same if the object wants it', stream(false), 'v1', true, `quay.io/acme/web@${digest}`],
    ['stands for a reference as it is', stream(true, {}, ''), 'v1', false, 'quay.io/acme/web:1'],
  ])('%s', (_what, of, tag, forced, expected) => {
    expect(resolveName({ stream: 'web', tag, forced }, of)).toBe(expected);
  });
});

describe('what names images', () => {
  const spec = (...names: string[]) => ({ initContainers: [{ name: 'first', image: 'init' }], containers: names.map((image, index) => ({ name: `c${index}`, image })) });
  const metadata = { name: 'x', namespace: 'demo' };
  const pod = (...names: string[]) => ({ apiVersion: 'v1', kind: 'Pod', metadata, spec: spec(...names) }) as KubeObject;
  const deployment = (annotations: Record<string, string>, ...names: string[]) => ({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { ...metadata, annotations }, spec: { template: { metadata: {}, spec: spec(...names) } } }) as KubeObject;
  const names = (...args: Parameters<typeof slotsOf>) => slotsOf(...args).map(({ image }) => image);

  it('are containers of pods and of templates', () => {
    expect(names(pods, pod('web', 'side'), undefined)).toEqual(['init', 'web', 'side']);
    expect(names(deployments, deployment({}, 'web'), undefined)).toEqual(['init', 'web']);
    const cronJob = { apiVersion: 'batch/v1', kind: 'CronJob', metadata, spec: { jobTemplate: { spec: { template: { spec: spec('job') } } } } } as KubeObject;
    expect(names(resource('batch/v1', { kind: 'CronJob', plural: 'cronjobs', namespaced: true }), cronJob, undefined)).toEqual(['init', 'job']);
  });

  it('are only those that changed, unless the object asks differently now', () => {
    expect(names(deployments, deployment({}, 'web', 'new'), deployment({}, 'web', 'old'))).toEqual(['new']);
    expect(names(deployments, deployment({ 'alpha.image.policy.openshift.io/resolve-names': '*' }, 'web'), deployment({}, 'web'))).toEqual(['init', 'web']);
  });

  it('are those of builds when they are made', () => {
    const build = { apiVersion: 'build.openshift.io/v1', kind: 'Build', metadata, spec: { strategy: { type: 'Docker', dockerStrategy: { from: { kind: 'DockerImage', name: 'base' } } }, source: { images: [{ from: { kind: 'DockerImage', name: 'tools:1' } }, { from: { kind: 'ImageStreamTag', name: 'x:y' } }] } } } as KubeObject;
    expect(names(builds, build, undefined)).toEqual(['base', 'tools:1']);
    expect(names(builds, build, build)).toEqual([]);
    slotsOf(builds, build, undefined)[0]?.set('r/base@x');
    expect(JSON.stringify(build)).toContain('"r/base@x"');
  });

  it('is nothing in other kinds, or in half an object', () => {
    expect([resource('v1', { kind: 'Service', plural: 'services', namespaced: true }), pods, deployments, builds].map(isCovered)).toEqual([false, true, true, true]);
    expect(names(deployments, { apiVersion: 'apps/v1', kind: 'Deployment', metadata }, undefined)).toEqual([]);
  });
});
