import { describe, expect, test } from 'vitest';
import type { Deployment } from '../../../src/api/kinds/apps.ts';
import type { BuildConfig } from '../../../src/api/kinds/build.ts';
import type { Pod } from '../../../src/api/kinds/core.ts';
import type { DeploymentConfig } from '../../../src/api/kinds/deployment-config.ts';
import type { Image, ImageStream } from '../../../src/api/kinds/image.ts';
import type { KubeObject } from '../../../src/api/meta.ts';
import { importFailure, importOf, parseTagName, proposedName, tagOf } from '../../../src/extension/commands/image/tag-plan.ts';
import { imageReport } from '../../../src/extension/documents/image-report.ts';
import { imageUri, parseImageUri } from '../../../src/extension/documents/image-uri.ts';
import { presentHistory, presentImageStream, presentLayer, presentTag } from '../../../src/extension/explorer/presenters/image.ts';
import { commandText, layersOf, originOf, shortDigest, sizeText, tagsOf } from '../../../src/extension/images/image-facts.ts';
import { usersOf } from '../../../src/extension/images/image-users.ts';
import { say } from './say.ts';

const digest = (letter: string) => `sha256:${letter.repeat(64)}`;
const event = (letter: string) => ({ created: '2026-01-01T10:20:30Z', dockerImageReference: `registry/shop/web@${digest(letter)}`, image: digest(letter), generation: 1 });
const stream: ImageStream = {
  apiVersion: 'image.openshift.io/v1', kind: 'ImageStream', metadata: { name: 'web', namespace: 'shop' },
  spec: { tags: [{ name: 'base', from: { kind: 'DockerImage', name: 'quay.io/x/base' } }] },
  status: { dockerImageRepository: 'registry/shop/web', tags: [{ tag: 'latest', items: [event('b'), event('a')] }, { tag: 'v1', items: [event('a')] }] },
};
const image: Image = {
  apiVersion: 'image.openshift.io/v1', kind: 'Image', metadata: { name: digest('b') }, dockerImageReference: `registry/shop/web@${digest('b')}`,
  dockerImageLayers: [{ name: digest('1'), size: 3_000_000, mediaType: '' }, { name: digest('2'), size: 500, mediaType: '' }],
  dockerImageMetadata: { Created: '2026-01-01T10:00:00Z', Architecture: 'amd64', Config: { Cmd: ['/run', 'a b'], Labels: { 'io.openshift.build.commit.id': '1a2b3c4d5e6f7', 'io.openshift.build.commit.message': 'Fix it\nwell' }, Env: ['OPENSHIFT_BUILD_NAME=web-2'] } },
  dockerImageConfig: JSON.stringify({ history: [{ created_by: '/bin/sh -c npm ci' }, { created_by: '/bin/sh -c #(nop)  CMD ["/run"]', empty_layer: true }, { created_by: 'slipway: assemble of build web-2' }] }),
};

describe('what an image tells', () => {
  test.each([
    ['/bin/sh -c npm ci', 'RUN npm ci'], ['/bin/sh -c #(nop)  CMD ["x"]', 'CMD ["x"]'], ['RUN /bin/sh -c npm  ci # buildkit', 'RUN npm ci'], ['|1 A=b /bin/sh -c make', 'RUN make'], ['COPY . /app # buildkit', 'COPY . /app'], ['slipway: x', 'slipway: x'],
  ])('%j is said %j', (told, expected) => expect(commandText(told)).toBe(expected));

  test.each([[0, '0 B'], [999, '999 B'], [1_000, '1.0 kB'], [12_345_678, '12.3 MB'], [123_456_789, '123 MB'], [5e9, '5.0 GB']])('%d bytes are %s', (bytes, text) => expect(sizeText(bytes)).toBe(text));

  test('each layer with the instruction that made it, if the history is about the same layers', () => {
    expect(layersOf(image).map(({ command, size }) => [command, size])).toEqual([['RUN npm ci', 3_000_000], ['slipway: assemble of build web-2', 500]]);
    expect(layersOf({ ...image, dockerImageConfig: '{"history": [{"created_by": "x"}]}' })[0]?.command).toBeUndefined();
    for (const dockerImageConfig of ['no JSON', '']) expect(layersOf({ ...image, dockerImageConfig })).toHaveLength(2);
    expect(originOf(image)).toEqual({ commit: '1a2b3c4d5e6f7', message: 'Fix it\nwell', build: 'web-2' });
    expect(shortDigest(digest('b'))).toBe('bbbbbbbbbbbb');
  });

  test('is laid out for reading', () => {
    const text = imageReport({ image, stream: 'web', namespace: 'shop', tags: ['latest'], users: [{ kind: 'Pod', name: 'web-1-x', use: 'runs' }] }, say);
    expect(text).toMatch(/Commit +1a2b3c4d5e6f Fix it\n/);
    expect(text).toMatch(/Size +3\.0 MB in 2 layers\n/);
    expect(text).toMatch(/Command +\/run "a b"\n/);
    expect(text).toMatch(/ {2}1 +3\.0 MB +█{24} +RUN npm ci\n +CMD \["\/run"\]\n {2}2 +500 B +█ +slipway/);
    expect(text).toMatch(/Used by\n {2}Pod +web-1-x +runs it\n/);
    expect(imageReport({ image: { ...image, dockerImageConfig: '' }, stream: 'web', namespace: 'shop', tags: [], users: [] }, say)).toMatch(/Tags +none any more\n[^]*not told by this cluster[^]*Used by\n {2}nobody\n/);
  });

  test('has an address that leads back', () => {
    const address = { cluster: 'a/b', namespace: 'shop', stream: 'web', digest: digest('b') };
    expect(parseImageUri(imageUri(address))).toEqual(address);
    expect(parseImageUri({ path: '/a/b/web.txt' })).toBeUndefined();
  });
});

describe('in the Images view', () => {
  test('a stream names its tags, also one that has no image yet', () => {
    expect(tagsOf(stream).map(({ tag }) => tag)).toEqual(['base', 'latest', 'v1']);
    expect(presentImageStream(stream, say)).toMatchObject({ description: 'base, latest, v1', contextValue: 'imagestream' });
    expect(tagsOf(stream).map((tag) => presentTag(stream, tag, say)).map(({ description, contextValue, expand }) => [description, contextValue, expand])).toEqual([
      ['no image yet', 'imagetag.import', undefined], ['bbbbbbbbbbbb', 'imagetag.image', 'collapsed'], ['aaaaaaaaaaaa', 'imagetag.image', 'collapsed'],
    ]);
  });

  test('a failed import is told with its reason', () => {
    const tag = { tag: 'base', items: [], conditions: [{ type: 'ImportSuccess', status: 'False' as const, message: 'unauthorized' }] };
    const shown = presentTag(stream, tag, say);
    expect(shown).toMatchObject({ description: 'import failed', icon: 'error' });
    expect(shown.tooltip).toContain('unauthorized');
  });

  test('history knows what is current, layers what made them', () => {
    expect(presentHistory(event('b'), 0, say)).toMatchObject({ label: 'bbbbbbbbbbbb', description: 'current · 2026-01-01 10:20', contextValue: 'image.current' });
    expect(presentHistory(event('a'), 1, say)).toMatchObject({ description: '2026-01-01 10:20', contextValue: 'image.past' });
    expect(presentLayer({ digest: digest('1'), size: 1_500, command: 'RUN npm ci' }, 0, say)).toMatchObject({ label: '1.5 kB', description: 'RUN npm ci', accessibility: 'RUN npm ci, 1.5 kB' });
    expect(presentLayer({ digest: digest('1'), size: 1_500 }, 3, say)).toMatchObject({ label: '1.5 kB', description: 'Layer 4' });
  });
});

test('who uses an image', () => {
  const make = <T extends KubeObject>(kind: string, name: string, rest: object, annotations = {}) => ({ apiVersion: 'v1', kind, metadata: { name, namespace: 'shop', annotations }, ...rest }) as unknown as T;
  const template = (reference: string) => ({ template: { spec: { containers: [{ name: 'web', image: reference }] } } });
  const found = usersOf({ namespace: 'shop', stream: 'web', digest: digest('b'), tags: ['latest'] }, {
    pods: [make<Pod>('Pod', 'p1', { spec: { containers: [{ image: `x@${digest('b')}` }] } }), make<Pod>('Pod', 'p2', { spec: { containers: [{ image: 'web' }] }, status: { containerStatuses: [{ imageID: `docker://x@${digest('b')}` }] } }), make<Pod>('Pod', 'p3', { spec: { containers: [{ image: `x@${digest('a')}` }] } })],
    deploymentConfigs: [make<DeploymentConfig>('DeploymentConfig', 'd1', { spec: { ...template('x'), triggers: [{ type: 'ImageChange', imageChangeParams: { from: { kind: 'ImageStreamTag', name: 'web:latest' } } }] } }), make<DeploymentConfig>('DeploymentConfig', 'd2', { spec: { ...template('x'), triggers: [{ type: 'ImageChange', imageChangeParams: { from: { kind: 'ImageStreamTag', namespace: 'other', name: 'web:latest' } } }] } })],
    deployments: [make<Deployment>('Deployment', 'e1', { spec: template('x') }, { 'image.openshift.io/triggers': JSON.stringify([{ from: { kind: 'ImageStreamTag', name: 'web:latest' } }]) }), make<Deployment>('Deployment', 'e2', { spec: template('x') }, { 'image.openshift.io/triggers': 'no JSON' })],
    buildConfigs: [make<BuildConfig>('BuildConfig', 'b1', { spec: { strategy: { sourceStrategy: { from: { kind: 'ImageStreamTag', name: 'web:latest' } } } } }), make<BuildConfig>('BuildConfig', 'b2', { spec: { strategy: {}, output: { to: { kind: 'ImageStreamTag', name: 'web:latest' } } } })],
  });
  expect(found.map(({ name, use }) => `${name} ${use}`)).toEqual(['p1 runs', 'p2 runs', 'd1 deploys', 'e1 deploys', 'b1 buildsFrom', 'b2 builds']);
});

describe('tags and imports', () => {
  test.each([['web:v1', { stream: 'web', tag: 'v1' }], ['web', { stream: 'web', tag: 'latest' }], ['Web:v1', undefined], ['web:', undefined], ['a:b:c', undefined], [':x', undefined]])('%j', (text, expected) => expect(parseTagName(text)).toEqual(expected));
  test.each([['quay.io/team/app:1.0', 'app:1.0'], ['nginx', 'nginx:latest'], ['localhost:5000/My_App', 'my-app:latest'], [`x/y@${digest('a')}`, 'y:latest']])('%s is proposed as %s', (pullSpec, name) => expect(proposedName(pullSpec)).toBe(name));

  test('are what the API takes', () => {
    expect(tagOf('shop', { stream: 'web', tag: 'v2' }, { namespace: 'shop', stream: 'web', digest: digest('a') })).toMatchObject({ metadata: { name: 'web:v2', namespace: 'shop' }, tag: { from: { kind: 'ImageStreamImage', name: `web@${digest('a')}` } } });
    expect(importOf('shop', { stream: 'base', tag: '1' }, 'quay.io/x/base:1', { scheduled: true })).toMatchObject({ metadata: { name: 'base' }, spec: { import: true, images: [{ from: { kind: 'DockerImage', name: 'quay.io/x/base:1' }, to: { name: '1' }, importPolicy: { scheduled: true } }] } });
    expect(importFailure({ status: { images: [{ status: { metadata: {}, status: 'Failure', message: 'unauthorized', code: 401 } }] } })).toBe('unauthorized');
    expect(importFailure({ status: { images: [{ status: { metadata: {}, status: 'Success', code: 200 } }] } })).toBeUndefined();
  });
});
