import { describe, expect, it } from 'vitest';
import type { Image, ImageStream } from '../../../../src/api/kinds/image.ts';
import type { KubeObject } from '../../../../src/api/meta.ts';
import { planImages, type ImageState } from '../../../../src/client/prune/images-plan.ts';

const now = new Date('2026-05-01T12:00:00Z');
const old = '2026-05-01T06:00:00Z';
const young = '2026-05-01T11:59:00Z';
const options = { keepYoungerThanMs: 60 * 60_000, keepTagRevisions: 1 };
const host = 'docker-registry.default.svc:5000';
/** `a` → `sha256:aaaa…`. */
const digest = (letter: string) => `sha256:${letter.repeat(64)}`;
const image = (letter: string, more: Partial<Image> = {}, created = old): Image => ({ apiVersion: 'image.openshift.io/v1', kind: 'Image', ...more, metadata: { name: digest(letter), creationTimestamp: created, ...more.metadata } }) as Image;
const stream = (name: string, tags: Record<string, string>, spec: ImageStream['spec'] = {}, created = old): ImageStream => ({
  apiVersion: 'image.openshift.io/v1', kind: 'ImageStream', metadata: { name, namespace: 'demo', creationTimestamp: created } as ImageStream['metadata'], spec,
  status: {
    dockerImageRepository: `${host}/demo/${name}`, publicDockerImageRepository: `127.0.0.1:5000/demo/${name}`,
    tags: Object.entries(tags).map(([tag, letters]) => ({ tag, items: [...letters].map((letter) => ({ created: old, dockerImageReference: `${host}/demo/${name}@${digest(letter)}`, image: digest(letter), generation: 1 })) })),
  },
});
const object = (kind: string, more: object, created = old): KubeObject => ({ apiVersion: 'v1', kind, metadata: { name: 'x', namespace: 'demo', creationTimestamp: created }, ...more }) as KubeObject;
const using = (reference: string) => ({ spec: { template: { spec: { containers: [{ name: 'web', image: reference }] } } } });
const state = (more: Partial<ImageState> = {}): ImageState => ({ images: [...'abc'].map((letter) => image(letter)), streams: [stream('app', { latest: 'abc' })], pods: [], builds: [], others: [], ...more });
const letters = (of: ImageState, with_ = options) => planImages(of, with_, now).images.map(({ metadata }) => metadata.name[7]).join('');

describe('images to prune', () => {
  it('are those beyond the revisions that a tag keeps; their streams forget them', () => {
    expect(planImages(state(), options, now)).toMatchObject({
      images: [{ metadata: { name: digest('b') } }, { metadata: { name: digest('c') } }],
      revisions: [{ namespace: 'demo', stream: 'app', tag: 'latest', image: digest('b') }, { namespace: 'demo', stream: 'app', tag: 'latest', image: digest('c') }],
    });
    expect(letters(state(), { ...options, keepTagRevisions: 2 })).toBe('c');
  });

  it.each<[string, Partial<ImageState>, string]>([
    ['a pod that runs', { pods: [object('Pod', { spec: { containers: [{ image: `${host}/demo/app@${digest('b')}` }] } }) as never] }, 'c'],
    ['a pod that ended lately', { pods: [object('Pod', { spec: { containers: [{ image: `x@${digest('b')}` }] }, status: { phase: 'Failed' } }, young) as never] }, 'c'],
    ['not a pod that ended long ago', { pods: [object('Pod', { spec: { containers: [{ image: `x@${digest('b')}` }] }, status: { phase: 'Succeeded' } }) as never] }, 'bc'],
    ['the image that a running container really has', { pods: [object('Pod', { spec: { containers: [{ image: 'app:latest' }] }, status: { phase: 'Running', containerStatuses: [{ imageID: `${host}/demo/app@${digest('c')}` }] } }) as never] }, 'b'],
    ['a replication controller', { others: [object('ReplicationController', using(`${host}/demo/app@${digest('b')}`))] }, 'c'],
    ['a cron job', { others: [object('CronJob', { spec: { jobTemplate: using(`a.b/c@${digest('c')}`) } })] }, 'b'],
    ['a build by its builder', { builds: [object('Build', { spec: { strategy: { sourceStrategy: { from: { kind: 'DockerImage', name: `x/y@${digest('b')}` } } } }, status: { phase: 'Complete' } }) as never] }, 'c'],
    ['not a build by what it made', { builds: [object('Build', { spec: { strategy: {} }, status: { phase: 'Complete', output: { to: { imageDigest: digest('b') } } } }) as never] }, 'bc'],
    ['a build config by a stream image', { others: [object('BuildConfig', { spec: { source: { images: [{ from: { kind: 'ImageStreamImage', name: `app@${digest('c')}` } }] } } })] }, 'b'],
    ['a tag that names an image for good', { streams: [stream('app', { latest: 'abc' }), stream('other', {}, { tags: [{ name: 'prod', from: { kind: 'ImageStreamImage', name: `app@${digest('b')}` } }] })] }, 'c'],
    ['a trigger annotation', { others: [object('Deployment', { metadata: { name: 'x', namespace: 'demo', annotations: { note: JSON.stringify([{ lastTriggeredImage: `x@${digest('c')}` }]) } } })] }, 'b'],
    ['another tag', { streams: [stream('app', { latest: 'abc', stable: 'c' })] }, 'b'],
    ['its own youth', { images: [image('a'), image('b', {}, young), image('c')] }, 'c'],
    ['the youth of its stream', { streams: [stream('app', { latest: 'abc' }, {}, young)] }, ''],
    ['an index that stays', { images: [image('a', { dockerImageManifests: [{ digest: digest('b') }] } as never), image('b'), image('c')] }, 'c'],
    ['the image that it signs', { images: [image('a'), image('b'), image('c', { metadata: { name: digest('c'), annotations: { 'slipway.dev/subject': digest('a') } } })] }, 'b'],
    ['not the image that it signs when that goes too', { images: [image('a'), image('b'), image('c', { metadata: { name: digest('c'), creationTimestamp: old, annotations: { 'slipway.dev/subject': digest('b') } } as never })] }, 'bc'],
  ])('%s keeps an image', (_name, more, pruned) => expect(letters(state(more))).toBe(pruned));

  it.each([
    ['by the registry’s own name', using(`${host}/demo/app:latest`)],
    ['by its public name', using('127.0.0.1:5000/demo/app:latest')],
    ['by the name of the stream', using('app')],
    ['by an object reference', { spec: { triggers: [{ imageChangeParams: { from: { kind: 'ImageStreamTag', name: 'app:latest' } } }] } }],
    ['by a trigger annotation', { metadata: { name: 'x', namespace: 'elsewhere', annotations: { 'image.openshift.io/triggers': JSON.stringify([{ from: { kind: 'ImageStreamTag', name: 'app:latest', namespace: 'demo' } }]) } } }],
  ])('a tag that is used %s keeps its newest image when no revisions are kept', (_name, more) => {
    const none = { ...options, keepTagRevisions: 0 };
    expect(letters(state({ others: [object('Deployment', more)] }), none)).toBe('bc');
    expect(letters(state(), none)).toBe('abc');
  });
});
