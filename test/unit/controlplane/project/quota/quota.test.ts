import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { configMaps, namespaces, pods, type Pod } from '../../../../../src/api/kinds/core.ts';
import { limitRanges, resourceQuotas } from '../../../../../src/api/kinds/quota.ts';
import { startProjectPlatform, type ProjectPlatform } from '../../../../support/project-platform.ts';

let platform: ProjectPlatform;
beforeEach(async () => {
  platform = await startProjectPlatform();
  await platform.client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'demo' } });
});
afterEach(() => platform.close());

const at = { namespace: 'demo' };
const pod = (name: string, resources: object = {}) => platform.client.create<Pod>(pods, { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'demo' }, spec: { containers: [{ name: 'web', image: 'a', resources }] } } as Pod, at);
const quota = (hard: Record<string, string>) => platform.client.create(resourceQuotas, { apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name: 'quota', namespace: 'demo' }, spec: { hard } } as never, at);
const status = async () => (await platform.client.get(resourceQuotas, { ...at, name: 'quota' })).status;

describe('a project with limits', () => {
  test('fills in its pods and refuses those beyond', async () => {
    await platform.client.create(limitRanges, { apiVersion: 'v1', kind: 'LimitRange', metadata: { name: 'limits', namespace: 'demo' }, spec: { limits: [{ type: 'Container', default: { memory: '256Mi' }, max: { memory: '512Mi' } }] } } as never, at);
    expect((await pod('plain')).spec.containers[0]?.resources).toEqual({ limits: { memory: '256Mi' }, requests: { memory: '256Mi' } });
    await expect(pod('large', { limits: { memory: '1Gi' }, requests: { memory: '1Gi' } })).rejects.toMatchObject({ code: 403, message: 'pods "large" is forbidden: maximum memory usage per Container is 512Mi, but limit is 1Gi' });
  });

  test('lets in as many as its quota says, however many come at once', async () => {
    await quota({ pods: '3' });
    const results = await Promise.allSettled(Array.from({ length: 8 }, (_, index) => pod(`web-${index}`)));
    expect(results.filter((one) => one.status === 'fulfilled')).toHaveLength(3);
    const [refused] = results.flatMap((one) => (one.status === 'rejected' ? [one.reason as Error] : []));
    expect(refused?.message).toMatch(/^pods "web-\d" is forbidden: exceeded quota: quota, requested: pods=1, used: pods=3, limited: pods=3$/);
    await platform.until(async () => (await status())?.used?.['pods'] === '3');
    await platform.client.delete(pods, { ...at, name: (await platform.client.list(pods, at)).items[0]?.metadata.name ?? '' }, { gracePeriodSeconds: 0 });
    await pod('next');
    await platform.until(async () => (await status())?.used?.['pods'] === '3');
  });

  test('holds pods that are resized to the same', async () => {
    await quota({ 'requests.memory': '1Gi' });
    await platform.client.create(limitRanges, { apiVersion: 'v1', kind: 'LimitRange', metadata: { name: 'limits', namespace: 'demo' }, spec: { limits: [{ type: 'Container', max: { cpu: '2' } }] } } as never, at);
    const asks = (memory: string, cpu: string) => ({ requests: { memory, cpu }, limits: { cpu } });
    await pod('growing', asks('300Mi', '1'));
    const resize = (resources: object) => platform.client.patch(pods, { ...at, name: 'growing', subresource: 'resize' }, 'strategic', { spec: { containers: [{ name: 'web', resources }] } });
    await expect(resize(asks('2Gi', '1'))).rejects.toThrow('pods "growing" is forbidden: exceeded quota: quota, requested: requests.memory=2Gi');
    await expect(resize(asks('400Mi', '3'))).rejects.toThrow('pods "growing" is forbidden: maximum cpu usage per Container is 2, but limit is 3');
    await resize(asks('400Mi', '2'));
    await platform.until(async () => (await status())?.used?.['requests.memory'] === '400Mi');
  });

  test('wants to know what its pods ask for, and counts it', async () => {
    await quota({ 'requests.memory': '1Gi', 'count/configmaps': '5' });
    await expect(pod('silent')).rejects.toThrow('pods "silent" is forbidden: failed quota: quota: must specify requests.memory for: web');
    await pod('asking', { requests: { memory: '300Mi' } });
    await platform.until(async () => (await status())?.used?.['requests.memory'] === '300Mi');
    await platform.client.create(configMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'one', namespace: 'demo' } } as never, at);
    // The project's own come at their own time.
    await platform.until(async () => (await status())?.used?.['count/configmaps'] === String((await platform.client.list(configMaps, at)).items.length));
    await platform.client.patch(resourceQuotas, { ...at, name: 'quota' }, 'merge', { spec: { hard: { 'requests.memory': null } } });
    await platform.until(async () => (await status())?.used?.['requests.memory'] === undefined && (await status())?.hard?.['count/configmaps'] === '5');
  });
});
