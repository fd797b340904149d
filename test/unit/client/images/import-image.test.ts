import { describe, expect, it } from 'vitest';
import type { ImageStream, ImageStreamImport, TagReference } from '../../../../src/api/kinds/image.ts';
import { linesOf, planImport, type ImportOptions } from '../../../../src/client/images/import-image.ts';

const stream = (tags: TagReference[], more: { repository?: string; annotations?: Record<string, string> } = {}): ImageStream => ({
  apiVersion: 'image.openshift.io/v1', kind: 'ImageStream', metadata: { name: 'web', namespace: 'demo', resourceVersion: '7', ...(more.annotations && { annotations: more.annotations }) },
  spec: { tags, ...(more.repository && { dockerImageRepository: more.repository }) },
});
const external = (name: string, from: string, importPolicy: TagReference['importPolicy'] = {}): TagReference => ({ name, from: { kind: 'DockerImage', name: from }, importPolicy });
const alias = (name: string, from: string): TagReference => ({ name, from: { kind: 'ImageStreamTag', name: from } });
const plan = (of: ImageStream | undefined, options: Partial<ImportOptions>) => planImport(of, { target: 'web', namespace: 'demo', ...options });
const images = (of: ImageStream | undefined, options: Partial<ImportOptions>) => plan(of, options).spec.images?.map(({ from, to, importPolicy }) => [from.name, to?.name, importPolicy]);

describe('an import asks for', () => {
  it.each<[string, ImageStream | undefined, Partial<ImportOptions>, unknown]>([
    ['an image for a new stream', undefined, { from: 'quay.io/acme/web:v1', confirm: true }, [['quay.io/acme/web:v1', 'latest', {}]]],
    ['the image that the name says', undefined, { target: 'quay.io/acme/web:v1', confirm: true }, [['quay.io/acme/web:v1', 'v1', {}]]],
    ['what the tag names', stream([external('latest', 'a/b:c')]), {}, [['a/b:c', 'latest', {}]]],
    ['a tag by name', stream([external('latest', 'a/b:c'), external('v2', 'a/b:2')]), { target: 'web:v2' }, [['a/b:2', 'v2', {}]]],
    ['what an alias stands for', stream([external('v2', 'a/b:2'), alias('stable', 'v2'), alias('latest', 'web:stable')]), {}, [['a/b:2', 'v2', {}]]],
    ['a new tag', stream([]), { target: 'web:new', from: 'a/b:new' }, [['a/b:new', 'new', {}]]],
    ['the stream’s repository for latest', stream([], { repository: 'a/b' }), {}, [['a/b', 'latest', {}]]],
    ['all tags from elsewhere', stream([external('one', 'a/b:1'), alias('two', 'one'), { ...external('three', 'a/b:3'), reference: true }]), { all: true }, [['a/b:1', 'one', {}]]],
    ['the policy the tag has', stream([external('latest', 'a/b:c', { insecure: true, scheduled: true, importMode: 'PreserveOriginal' })]), {}, [['a/b:c', 'latest', { insecure: true, scheduled: true, importMode: 'PreserveOriginal' }]]],
    ['another policy', stream([external('latest', 'a/b:c', { insecure: true })]), { insecure: false, scheduled: true, importMode: 'Legacy' }, [['a/b:c', 'latest', { scheduled: true, importMode: 'Legacy' }]]],
    ['an insecure registry that the stream knows', stream([external('latest', 'a/b:c')], { annotations: { 'openshift.io/image.insecureRepository': 'true' } }), {}, [['a/b:c', 'latest', { insecure: true }]]],
  ])('%s', (_what, of, options, expected) => expect(images(of, options)).toEqual(expected));

  it('a whole repository', () => {
    expect(plan(undefined, { from: 'quay.io/acme/web', all: true, confirm: true, referencePolicy: 'Local' }).spec).toEqual({ import: true, repository: { from: { kind: 'DockerImage', name: 'quay.io/acme/web' }, importPolicy: {}, referencePolicy: { type: 'Local' } } });
    expect(plan(stream([], { repository: 'a/b' }), { all: true, dryRun: true }).spec).toEqual({ import: false, repository: { from: { kind: 'DockerImage', name: 'a/b' }, importPolicy: {} } });
  });

  it.each<[string, ImageStream | undefined, Partial<ImportOptions>, RegExp]>([
    ['a stream that is missing', undefined, {}, /There is no image stream "web" in project "demo"; add --confirm/],
    ['a digest', undefined, { target: `web@sha256:${'a'.repeat(64)}`, confirm: true }, /tag them: slipway tag/],
    ['a tag and all', stream([]), { target: 'web:v1', all: true }, /does not go with --all/],
    ['a tag that is missing', stream([]), { target: 'web:v1' }, /name its source with --from/],
    ['a tag that was pushed', stream([{ name: 'latest' }]), {}, /has no source/],
    ['a tag of an image', stream([{ name: 'latest', from: { kind: 'ImageStreamImage', name: 'web@sha256:1' } }]), {}, /cannot be imported again/],
    ['another source than the tag has', stream([external('latest', 'a/b:c')]), { from: 'x/y:z' }, /change its source with: slipway tag x\/y:z web:latest/],
    ['a circle', stream([alias('latest', 'other'), alias('other', 'latest')]), {}, /points to itself/],
    ['a tag of another stream', stream([alias('latest', 'lib:v1')]), {}, /points to a tag of another image stream, "lib:v1"/],
    ['all of nothing', stream([alias('a', 'b')]), { all: true }, /no tags that point to images of other registries/],
    ['another repository, unconfirmed', stream([], { repository: 'a/b' }), { all: true, from: 'c/d' }, /imports "a\/b"; add --confirm/],
  ])('not for %s', (_what, of, options, text) => expect(() => plan(of, options)).toThrow(text));
});

it('tells what became of each image', () => {
  const found = { status: { metadata: {}, status: 'Success' as const }, tag: 'v1', image: { apiVersion: 'image.openshift.io/v1', kind: 'Image', metadata: { name: 'sha256:1' }, dockerImageReference: 'a/b@sha256:1' } };
  const lost = { status: { metadata: {}, status: 'Failure' as const, message: 'not there' }, tag: 'v2' };
  const of = (spec: object, status: object) => linesOf({ metadata: { name: 'web' }, spec, status } as unknown as ImageStreamImport);
  expect(of({ images: [{ to: { name: 'latest' } }, {}] }, { images: [found, lost] })).toEqual([{ tag: 'latest', reference: 'a/b@sha256:1' }, { tag: 'v2', failure: 'not there' }]);
  expect(of({}, { repository: { status: { status: 'Failure', message: 'no such repository' } } })).toEqual([{ tag: '*', failure: 'no such repository' }]);
  expect(of({}, { repository: { status: { status: 'Failure', message: 'one of them' }, images: [found, lost] } })).toEqual([{ tag: 'v1', reference: 'a/b@sha256:1' }, { tag: 'v2', failure: 'not there' }]);
});
