/** Documents before and after an import, as OpenShift's importer and controllers leave them. */
import { describe, expect, it } from 'vitest';
import type { ImageImportStatus, ImageStream, ImageStreamImport, TagReference } from '../../../../src/api/kinds/image.ts';
import { imagesOfImport, importIntoSpec, importIntoStatus, neededImport, outcomesOf, scheduledImport } from '../../../../src/controlplane/image/import-plan.ts';
import { setGenerations } from '../../../../src/controlplane/image/tags-plan.ts';

const digest = (letter: string) => `sha256:${letter.repeat(64)}`;
const now = new Date('2026-01-02T03:04:05Z');
const checked = { 'openshift.io/image.dockerRepositoryCheck': '2026-01-01T00:00:00Z' };
const tag = (name: string, more: Partial<TagReference> = {}): TagReference => ({ name, from: { kind: 'DockerImage', name: `quay.io/acme/web:${name}` }, generation: 2, importPolicy: { importMode: 'Legacy' }, referencePolicy: { type: 'Source' }, ...more });
const event = (letter: string, generation: number) => ({ created: '2026-01-01T00:00:00Z', dockerImageReference: `quay.io/acme/web@${digest(letter)}`, image: digest(letter), generation });
const failed = (generation: number, message = 'no') => ({ type: 'ImportSuccess', status: 'False' as const, reason: 'NotFound', message, lastTransitionTime: '2026-01-01T00:00:00Z', generation });

function stream(tags: TagReference[], status: NonNullable<ImageStream['status']>['tags'] = [], more: { repository?: string; annotations?: Record<string, string> } = {}): ImageStream {
  return {
    apiVersion: 'image.openshift.io/v1', kind: 'ImageStream',
    metadata: { name: 'web', namespace: 'demo', generation: 2, annotations: more.annotations ?? checked },
    spec: { tags, ...(more.repository && { dockerImageRepository: more.repository }) },
    status: { dockerImageRepository: 'registry:5000/demo/web', tags: status },
  };
}

describe('an import is needed', () => {
  const needed = (of: ImageStream) => neededImport(of)?.images?.map(({ to }) => to?.name);
  it.each<[string, ImageStream, string[] | undefined]>([
    ['for a tag that was never looked up', stream([tag('a')]), ['a']],
    ['for a tag whose spec is newer', stream([tag('a', { generation: 3 })], [{ tag: 'a', items: [event('a', 2)] }]), ['a']],
    ['not for one that is up to date', stream([tag('a')], [{ tag: 'a', items: [event('a', 2)] }]), undefined],
    ['not for one that failed since', stream([tag('a')], [{ tag: 'a', items: null, conditions: [failed(2)] }]), undefined],
    ['again after a failure', stream([tag('a', { generation: 3 })], [{ tag: 'a', items: [event('a', 1)], conditions: [failed(2)] }]), ['a']],
    ['not for references', stream([tag('a', { reference: true })]), undefined],
    ['not for tags of streams', stream([tag('a', { from: { kind: 'ImageStreamTag', name: 'b' } })]), undefined],
    ['only for those tags', stream([tag('a'), tag('b')], [{ tag: 'a', items: [event('a', 2)] }]), ['b']],
    ['for everything when it was never looked up as a whole', stream([tag('a')], [{ tag: 'a', items: [event('a', 2)] }], { repository: 'quay.io/acme/web', annotations: {} }), ['a']],
    ['not for the repository once it was', stream([], [], { repository: 'quay.io/acme/web' }), undefined],
  ])('%s', (_what, of, expected) => expect(needed(of)).toEqual(expected));

  it('of a whole repository, without TLS if the stream says so', () => {
    const of = stream([], [], { repository: 'quay.io/acme/web', annotations: { 'openshift.io/image.insecureRepository': 'true' } });
    expect(neededImport(of)).toEqual({ import: true, images: [], repository: { from: { kind: 'DockerImage', name: 'quay.io/acme/web' }, importPolicy: { insecure: true } } });
  });

  it('by schedule for scheduled tags, for a digest until it worked', () => {
    const scheduled = { importPolicy: { scheduled: true } };
    const pinned = { ...scheduled, from: { kind: 'DockerImage', name: `quay.io/acme/web@${digest('a')}` } };
    const names = (of: ImageStream) => scheduledImport(of)?.images?.map(({ to }) => to?.name);
    const seen = (name: string) => ({ tag: name, items: [event('a', 2)] });
    expect(names(stream([tag('a', scheduled), tag('b')], [seen('a'), seen('b')]))).toEqual(['a']);
    expect(names(stream([tag('a', pinned)]))).toEqual(['a']);
    expect(names(stream([tag('a', pinned)], [seen('a')]))).toBeUndefined();
    expect(names(stream([tag('b')]))).toBeUndefined();
  });
});

const found = (letter: string, name = 'a'): ImageImportStatus => ({ status: { metadata: {}, status: 'Success' }, tag: name, image: { apiVersion: 'image.openshift.io/v1', kind: 'Image', metadata: { name: digest(letter) }, dockerImageReference: `quay.io/acme/web@${digest(letter)}` } });
const lost = (message = 'no', name = 'a'): ImageImportStatus => ({ status: { metadata: {}, status: 'Failure', reason: 'NotFound', message, code: 404 }, tag: name });
const request = (results: ImageImportStatus[], more: { scheduled?: boolean; to?: (string | undefined)[] } = {}): ImageStreamImport => ({
  apiVersion: 'image.openshift.io/v1', kind: 'ImageStreamImport', metadata: { name: 'web', namespace: 'demo' },
  spec: { import: true, images: results.map(({ tag: name = '' }, index) => {
    const to = more.to ? more.to[index] : name;
    return { from: { kind: 'DockerImage', name: `quay.io/acme/web:${name}` }, ...(to !== undefined && { to: { name: to } }), importPolicy: { importMode: 'Legacy' as const, ...(more.scheduled && { scheduled: true }) }, referencePolicy: { type: 'Source' as const } };
  }) },
  status: { images: results },
});

/** Both writes, the first with the generations that the API gives. */
function after(before: ImageStream, done: ImageStreamImport): { stream: ImageStream; wrote: string } {
  const spec = structuredClone(before);
  const outcomes = outcomesOf(done);
  const wroteSpec = importIntoSpec(spec, outcomes, now);
  if (wroteSpec) {
    const from = spec.metadata.generation ?? 0;
    setGenerations(before, spec);
    if (JSON.stringify(spec.spec) !== JSON.stringify(before.spec)) spec.metadata.generation = from + 1;
  }
  const wroteStatus = importIntoStatus(spec, outcomes, now);
  return { stream: spec, wrote: [wroteSpec && 'spec', wroteStatus && 'status'].filter(Boolean).join(' ') };
}

describe('an import leaves', () => {
  it('a new image in front of the history, with the generation of the spec', () => {
    const { stream: result } = after(stream([tag('a')], [{ tag: 'a', items: [event('a', 2)] }]), request([found('b')]));
    expect(result.metadata).toMatchObject({ generation: 3, annotations: { 'openshift.io/image.dockerRepositoryCheck': '2026-01-02T03:04:05Z' } });
    expect(result.spec.tags?.[0]?.generation).toBe(3);
    expect(result.status?.tags).toEqual([{ tag: 'a', items: [{ ...event('b', 3), created: '2026-01-02T03:04:05Z' }, event('a', 2)] }]);
  });

  it('nothing when the image is the same', () => {
    const before = stream([tag('a')], [{ tag: 'a', items: [event('a', 2)] }]);
    expect(after(before, request([found('a')]))).toEqual({ stream: before, wrote: '' });
  });

  it('a newer generation when the same image was asked for again', () => {
    const { stream: result } = after(stream([tag('a', { generation: 3 })], [{ tag: 'a', items: [event('a', 2)] }]), request([found('a')]));
    expect([result.spec.tags?.[0]?.generation, result.status?.tags?.[0]?.items?.map(({ generation }) => generation)]).toEqual([3, [3]]);
  });

  it('a tag that was not in the spec', () => {
    const { stream: result } = after(stream([]), request([found('a')], { scheduled: true }));
    expect(result.spec.tags).toEqual([tag('a', { generation: 3, importPolicy: { importMode: 'Legacy', scheduled: true } })]);
    expect(result.status?.tags?.[0]?.items?.[0]?.generation).toBe(3);
  });

  it('the policy it was made with', () => {
    const { stream: result, wrote } = after(stream([tag('a')], [{ tag: 'a', items: [event('a', 2)] }]), request([found('a')], { scheduled: true }));
    expect([result.spec.tags?.[0]?.importPolicy?.scheduled, wrote]).toEqual([true, 'spec']);
  });

  it('a reference policy that was chosen before', () => {
    const { stream: result } = after(stream([tag('a', { referencePolicy: { type: 'Local' } })]), request([found('a')]));
    expect(result.spec.tags?.[0]?.referencePolicy).toEqual({ type: 'Local' });
  });

  it('the reason of a failure beside the history, and the tag it was for', () => {
    const { stream: result } = after(stream([tag('a')], [{ tag: 'a', items: [event('a', 1)] }]), request([lost(), lost('gone', 'new')]));
    expect(result.spec.tags?.map(({ name, generation }) => [name, generation])).toEqual([['a', 3], ['new', 3]]);
    expect(result.status?.tags).toEqual([
      { tag: 'a', items: [event('a', 1)], conditions: [{ ...failed(3), lastTransitionTime: '2026-01-02T03:04:05Z' }] },
      { tag: 'new', items: null, conditions: [{ ...failed(3, 'gone'), lastTransitionTime: '2026-01-02T03:04:05Z' }] },
    ]);
    expect(neededImport(result)).toBeUndefined();
  });

  it('nothing new when the same failure comes again, but sees what was asked', () => {
    const before = stream([tag('a')], [{ tag: 'a', items: null, conditions: [failed(2)] }]);
    expect(after(before, request([lost()])).wrote).toBe('');
    const asked = stream([tag('a', { generation: 3 })], [{ tag: 'a', items: null, conditions: [failed(2)] }]);
    const { stream: result } = after(asked, request([lost()]));
    expect(result.status?.tags?.[0]?.conditions).toEqual([failed(3)]);
    expect(neededImport(result)).toBeUndefined();
  });

  it('no reason once it worked', () => {
    const { stream: result } = after(stream([tag('a', { generation: 3 })], [{ tag: 'a', items: [event('a', 1)], conditions: [failed(2)] }]), request([found('a')]));
    expect(result.status?.tags).toEqual([{ tag: 'a', items: [event('a', 3)] }]);
  });

  it('image and failure with tags that follow', () => {
    const follower = { name: 'alias', from: { kind: 'ImageStreamTag', name: 'a' }, generation: 1 };
    const { stream: good } = after(stream([tag('a'), follower]), request([found('a')]));
    expect(good.status?.tags?.map(({ items }) => items?.[0]?.image)).toEqual([digest('a'), digest('a')]);
    const { stream: bad } = after(good, request([lost()]));
    expect(bad.status?.tags?.map(({ items, conditions }) => [items?.[0]?.image, conditions?.[0]?.reason])).toEqual([[digest('a'), 'NotFound'], [digest('a'), 'NotFound']]);
    const { stream: again } = after(bad, request([found('a')]));
    expect(again.status?.tags?.map(({ conditions }) => conditions)).toEqual([undefined, undefined]);
  });

  it('no trace of images without a tag, nor of tags that got another source meanwhile', () => {
    const before = stream([tag('a', { from: { kind: 'DockerImage', name: 'quay.io/other:1' } })]);
    expect(after(stream([]), request([found('a')], { to: [undefined] })).stream.spec.tags).toEqual([]);
    const outcomes = outcomesOf(request([found('b')]));
    expect(importIntoStatus(before, outcomes, now)).toBe(false);
  });

  it('tags of a whole repository, but those that failed', () => {
    const whole: ImageStreamImport = { ...request([]), spec: { import: true, repository: { from: { kind: 'DockerImage', name: 'quay.io/acme/web' } } }, status: { repository: { status: { metadata: {}, status: 'Failure' }, images: [found('a', 'one'), lost('no', 'two')] } } };
    const { stream: result } = after(stream([], [], { repository: 'quay.io/acme/web', annotations: {} }), whole);
    expect(result.spec.tags).toEqual([{ name: 'one', from: { kind: 'DockerImage', name: 'quay.io/acme/web:one' }, generation: 3, importPolicy: {}, referencePolicy: { type: 'Source' } }]);
    expect(result.status?.tags?.map(({ tag: name, conditions }) => [name, conditions?.[0]?.reason])).toEqual([['one', undefined], ['two', 'NotFound']]);
    expect(neededImport(result)).toBeUndefined();
  });
});

it('names every image of an import once, parts first', () => {
  const index = found('a');
  index.manifests = [found('b').image!, found('c').image!];
  expect(imagesOfImport(request([index, found('b')])).map(({ metadata }) => metadata.name)).toEqual([digest('b'), digest('c'), digest('a')]);
});
