import { describe, expect, it } from 'vitest';
import type { ImageStream } from '../../../../src/api/kinds/image.ts';
import type { KubeObject } from '../../../../src/api/meta.ts';
import { applyTriggers, InvalidTriggers, streamsOfTriggers } from '../../../../src/controlplane/deployment/annotation-trigger-plan.ts';

const stream = (namespace: string, name: string, image: string) => ({
  metadata: { namespace, name }, spec: {}, status: { dockerImageRepository: '', tags: [{ tag: 'v1', items: [{ created: '', dockerImageReference: image, image: 'sha256:1', generation: 1 }] }] },
}) as unknown as ImageStream;
const streams = new Map([['demo/app', stream('demo', 'app', 'r/demo/app@sha256:1')], ['shared/base', stream('shared', 'base', 'r/shared/base@sha256:1')]]);
const find = (namespace: string, name: string) => streams.get(`${namespace}/${name}`);

type Workload = KubeObject & { spec: { template?: Template; jobTemplate?: { spec: { template: Template } } } };
interface Template { spec: { containers: { name: string; image?: string }[]; initContainers?: { name: string; image?: string }[] } }
const template = (): Template => ({ spec: { containers: [{ name: 'a', image: 'x' }, { name: 'b', image: 'x' }], initContainers: [{ name: 'first', image: 'x' }] } });
const workload = (triggers: unknown): Workload => ({
  apiVersion: 'apps/v1', kind: 'StatefulSet', spec: { template: template() },
  metadata: { name: 'w', namespace: 'demo', annotations: { 'image.openshift.io/triggers': typeof triggers === 'string' ? triggers : JSON.stringify(triggers) } },
});
const from = (name: string, namespace?: string) => ({ kind: 'ImageStreamTag', name, ...(namespace !== undefined && { namespace }) });
const images = (object: Workload | undefined) => {
  const spec = object?.spec.template?.spec;
  return spec && [...(spec.initContainers ?? []), ...spec.containers].map(({ image }) => image).join(' ');
};
const path = ['spec', 'template'];
const app = 'r/demo/app@sha256:1';

describe('triggers by annotation', () => {
  it.each<[string, object[], string | undefined]>([
    ['by index', [{ from: from('app:v1'), fieldPath: 'spec.template.spec.containers[1].image' }], `x x ${app}`],
    ['by name', [{ from: from('app:v1'), fieldPath: 'spec.template.spec.containers[?(@.name=="a")].image' }], `x ${app} x`],
    ['by name in single quotes, with blanks', [{ from: from('app:v1'), fieldPath: "spec.template.spec.containers[?(@.name == 'b')].image" }], `x x ${app}`],
    ['in init containers', [{ from: from('app:v1'), fieldPath: 'spec.template.spec.initContainers[?(@.name=="first")].image' }], `${app} x x`],
    ['by a name that is among the init containers', [{ from: from('app:v1'), fieldPath: 'spec.template.spec.containers[?(@.name=="first")].image' }], `${app} x x`],
    ['from another project', [{ from: from('base:v1', 'shared'), fieldPath: 'spec.template.spec.containers[0].image' }], 'x r/shared/base@sha256:1 x'],
    ['from this project, named by nothing', [{ from: from('app:v1', ''), fieldPath: 'spec.template.spec.containers[0].image' }], `x ${app} x`],
    ['each on its own', [{ from: from('app:v1'), fieldPath: 'spec.template.spec.containers[0].image' }, { from: from('app:v2'), fieldPath: 'spec.template.spec.containers[1].image' }], `x ${app} x`],
    ['not while paused', [{ from: from('app:v1'), fieldPath: 'spec.template.spec.containers[0].image', paused: true }], undefined],
    ['not while paused in words', [{ from: from('app:v1'), fieldPath: 'spec.template.spec.containers[0].image', paused: 'true' }], undefined],
    ['again when no longer paused', [{ from: from('app:v1'), fieldPath: 'spec.template.spec.containers[0].image', paused: false }], `x ${app} x`],
    ['not before the tag has an image', [{ from: from('app:v2'), fieldPath: 'spec.template.spec.containers[0].image' }], undefined],
    ['not without a stream', [{ from: from('none:v1'), fieldPath: 'spec.template.spec.containers[0].image' }], undefined],
  ])('set images %s', (_what, triggers, expected) => {
    const object = workload(triggers);
    const before = JSON.stringify(object);
    const changed = applyTriggers(object, path, find);
    expect(images(changed)).toBe(expected);
    expect(JSON.stringify(object)).toBe(before);
    if (changed) expect(applyTriggers(changed, path, find)).toBeUndefined();
  });

  it('find the template of a cron job', () => {
    const job: Workload = { ...workload([{ from: from('app:v1'), fieldPath: 'spec.jobTemplate.spec.template.spec.containers[0].image' }]), spec: { jobTemplate: { spec: { template: template() } } } };
    expect(applyTriggers(job, ['spec', 'jobTemplate', 'spec', 'template'], find)?.spec.jobTemplate?.spec.template.spec.containers[0]?.image).toBe(app);
  });

  it.each<[string, unknown, RegExp]>([
    ['text that is no JSON', '{', /is not JSON/],
    ['no list', {}, /not a list/],
    ['no source', [{ fieldPath: 'spec.template.spec.containers[0].image' }], /\[0\] has no "from"/],
    ['another kind', [{ from: { kind: 'DockerImage', name: 'a:b' }, fieldPath: 'x' }], /only ImageStreamTag/],
    ['a name without a tag', [{ from: from('app'), fieldPath: 'x' }], /<stream>:<tag>/],
    ['no field path', [{ from: from('app:v1') }], /no "fieldPath"/],
    ['one field twice', [0, 1].map(() => ({ from: from('app:v1'), fieldPath: 'spec.template.spec.containers[0].image' })), /duplicate triggers are not allowed/],
    ['another path', [{ from: from('app:v1'), fieldPath: 'spec.replicas' }], /field path is not valid: spec\.replicas; write spec\.template\.spec\.containers/],
    ['a path of another kind', [{ from: from('app:v1'), fieldPath: 'spec.jobTemplate.spec.template.spec.containers[0].image' }], /field path is not valid/],
    ['a path that ends too early', [{ from: from('app:v1'), fieldPath: 'spec.template.spec.containers[?(@.name=="a")]' }], /field path is not valid/],
    ['a container that is not there', [{ from: from('app:v1'), fieldPath: 'spec.template.spec.containers[?(@.name=="z")].image' }], /no such container/],
    ['an index that is not there', [{ from: from('app:v1'), fieldPath: 'spec.template.spec.containers[7].image', paused: true }], /no such container/],
    ['a pause that is neither', [{ from: from('app:v1'), fieldPath: 'x', paused: 'maybe' }], /paused is neither/],
  ])('are refused for %s', (_what, triggers, text) => {
    expect(() => applyTriggers(workload(triggers), path, find)).toThrow(InvalidTriggers);
    expect(() => applyTriggers(workload(triggers), path, find)).toThrow(text);
  });

  it('name the streams they wait for', () => {
    expect(streamsOfTriggers(workload([{ from: from('app:v1'), fieldPath: 'a' }, { from: from('base:v1', 'shared'), fieldPath: 'b' }]))).toEqual(['demo/app', 'shared/base']);
    expect(streamsOfTriggers(workload('{'))).toEqual([]);
  });
});
