/** Triggers by annotation on workloads beside Deployments. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { statefulSets, type StatefulSet } from '../../../../src/api/kinds/apps.ts';
import { imageStreams } from '../../../../src/api/kinds/image.ts';
import { eventually } from '../../../support/eventually.ts';
import { startWorkloads, template, type WorkloadPlatform } from '../../../support/workload-platform.ts';

const namespace = 'demo';
let platform: WorkloadPlatform;
beforeAll(async () => {
  platform = await startWorkloads();
  await platform.client.create(imageStreams, { apiVersion: 'image.openshift.io/v1', kind: 'ImageStream', metadata: { name: 'app', namespace }, spec: {} } as never);
});
afterAll(() => platform.dispose());

const setImage = async (image: string) => {
  const stream = await platform.client.get(imageStreams, { name: 'app', namespace });
  await platform.client.update(imageStreams, { ...stream, status: { dockerImageRepository: 'registry:5000/demo/app', tags: [{ tag: 'latest', items: [{ created: '2026-01-01T00:00:00Z', dockerImageReference: image, image: 'sha256:1', generation: 1 }] }] } } as never, { name: 'app', namespace, subresource: 'status' });
};
const trigger = (fieldPath: string) => ({ 'image.openshift.io/triggers': JSON.stringify([{ from: { kind: 'ImageStreamTag', name: 'app:latest' }, fieldPath }]) });
const create = (name: string, fieldPath: string) => platform.client.create(statefulSets, { apiVersion: 'apps/v1', kind: 'StatefulSet', metadata: { name, namespace, annotations: trigger(fieldPath) }, spec: { replicas: 0, serviceName: name, selector: { matchLabels: { app: 'web' } }, template: template() } } as StatefulSet);
const imageOf = async (name: string) => (await platform.client.get(statefulSets, { name, namespace })).spec.template.spec?.containers[0]?.image;

test('set the image when the object comes, and whenever the tag moves', async () => {
  await setImage('r/app@sha256:1');
  await create('web', 'spec.template.spec.containers[?(@.name=="web")].image');
  await eventually(() => imageOf('web')).toBe('r/app@sha256:1');
  await setImage('r/app@sha256:2');
  await eventually(() => imageOf('web')).toBe('r/app@sha256:2');
  expect(await platform.story('web')).toContain('ImageChange');
});

test('that are wrong are told by one event, until they are put right', async () => {
  await create('wrong', 'spec.containers[0].image');
  await eventually(() => platform.story('wrong')).toEqual(['InvalidImageTrigger']);
  await platform.client.patch(statefulSets, { name: 'wrong', namespace }, 'merge', { metadata: { labels: { touched: 'yes' } } });
  await setImage('r/app@sha256:3');
  await eventually(() => imageOf('web')).toBe('r/app@sha256:3');
  expect([await imageOf('wrong'), await platform.story('wrong')]).toEqual(['web:1', ['InvalidImageTrigger']]);
  await platform.client.patch(statefulSets, { name: 'wrong', namespace }, 'merge', { metadata: { annotations: trigger('spec.template.spec.containers[0].image') } });
  await eventually(() => imageOf('wrong')).toBe('r/app@sha256:3');
});
