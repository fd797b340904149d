import { expect } from 'vitest';
import { startLoad, untilServed } from '../../load.ts';
import { eventually, fetchRoute } from '../../platform/platform.ts';
import { manifestOf, webDeployment, webDeploymentConfig, webRoute, webService, type WebPodOptions } from '../../platform/web-pod.ts';
import type { DriverBed } from '../bed.ts';
import type { DriverCase } from '../contract.ts';

const apply = async (bed: DriverBed, ...objects: object[]) => expect(await bed.platform.kubectl(['apply', '-f', '-'], { input: manifestOf(...objects) })).toMatchObject({ code: 0, stderr: '' });

/** Two pods are replaced while 200 requests a second come, every one of which is answered by one version or the other. */
async function replaced(bed: DriverBed, kind: 'dc' | 'deployment', make: (name: string, replicas: number, options: WebPodOptions) => object): Promise<void> {
  const { platform } = bed;
  const name = `loaded-${kind}`;
  const version = (number: number) => make(name, 2, { env: { VERSION: String(number) } });
  const settled = () => eventually(`${name} is rolled out`, async () => ((await platform.run(['rollout', 'status', `${kind}/${name}`], { timeoutMs: 90_000 })).code === 0 ? true : undefined), 90_000);
  await apply(bed, version(1), webService(name), webRoute(name));
  await settled();
  const { port } = new URL((await platform.status()).router?.http ?? '');
  const url = `http://${name}-default.apps.localhost:${port}/`;
  await untilServed(url);
  const load = startLoad({ url, perSecond: 200 });
  await load.more(50);
  await apply(bed, version(2));
  // The order of a rollout goes out a moment after its object.
  await eventually('the new version answers', async () => ((await platform.kube('get', 'pods', '-l', `app=${name}`, '-o', 'jsonpath={.items[*].spec.containers[0].env[0].value}')).includes('2') ? true : undefined));
  await settled();
  await load.more(50);
  const result = await load.end();
  expect(result.failures).toEqual({});
  expect(new Set(Object.keys(result.answers).map((line) => /^version (\d)/.exec(line)?.[1]))).toEqual(new Set(['1', '2']));
  await platform.kube('delete', kind, name, '--wait=false');
}

const longer = 'test/flow/rollouts.test.ts does the same for longer';
const same = 'the driver is the same as with podman';

export const rollouts: DriverCase[] = [
  {
    name: 'an app that sleeps is woken by a request to its route, which waits',
    skips: { docker: same },
    objects: () => [webDeployment('lazy', 1), webService('lazy'), webRoute('lazy')],
    async run({ platform }) {
      await platform.kube('rollout', 'status', 'deployment/lazy', '--timeout=60s');
      const url = `http://lazy-default.apps.localhost:${new URL((await platform.status()).router?.http ?? '').port}/`;
      await eventually('the route answers', async () => ((await fetchRoute(url)).status === 200 ? true : undefined));
      expect(await platform.run(['idle', 'lazy'])).toMatchObject({ code: 0 });
      await eventually('its pods are gone', async () => ((await platform.kube('get', 'pods', '-l', 'app=lazy', '-o', 'name')) === '' ? true : undefined));
      await eventually('the route has nobody to lead to', async () => ((await platform.kube('get', 'endpoints', 'lazy', '-o', 'jsonpath={.subsets}')) === '' ? true : undefined));
      expect((await fetchRoute(url, { timeoutMs: 60_000 })).body).toMatch(/^version 1 on /);
    },
  },
  { name: 'of a deployment config under 200 requests a second fail none', skips: { sandbox: longer, docker: same }, run: (bed) => replaced(bed, 'dc', webDeploymentConfig) },
  { name: 'of a deployment under 200 requests a second fail none', skips: { sandbox: longer, docker: same }, run: (bed) => replaced(bed, 'deployment', webDeployment) },
  {
    name: 'may run commands of their own around the deployer, and tag their image when they are done',
    objects: () => {
      const customParams = { command: ['/bin/sh', '-c', 'set -e; echo Begin; openshift-deploy --until=50%; echo Halfway for $TEAM; openshift-deploy; echo Finished'], environment: [{ name: 'TEAM', value: 'shop' }] };
      const rollingParams = { timeoutSeconds: 60, post: { failurePolicy: 'Abort', tagImages: [{ to: { kind: 'ImageStreamTag', name: 'live:tested' } }] } };
      return [webDeploymentConfig('custom', 1, {}, { strategy: { type: 'Rolling', rollingParams, customParams, labels: { team: 'shop' }, annotations: { note: 'by hand' } } })];
    },
    async run({ platform, until }) {
      await eventually('the rollout is complete', async () => ((await platform.kube('get', 'rc', 'custom-1', '-o', 'jsonpath={.metadata.annotations.openshift\\.io/deployment\\.phase}')) === 'Complete' ? true : undefined), 60_000);
      const { metadata } = await until('custom-1-deploy', 'it has ended', ({ status }) => status?.phase === 'Succeeded');
      expect((await platform.kube('logs', 'custom-1-deploy')).split('\n').filter((line) => line !== '')).toEqual([
        'Begin', '--> Scaling custom-1 to 1', '--> Waiting up to 1m0s for pods in rc custom-1 to become ready', '--> Reached 50%', 'Halfway for shop',
        '--> Waiting up to 1m0s for pods in rc custom-1 to become ready', '--> post: Tagged "slipway/tools" into default/live:tested', '--> Success', 'Finished',
      ]);
      expect(await platform.kube('get', 'imagestream', 'live', '-o', 'jsonpath={.spec.tags[0].name}={.spec.tags[0].from.name}')).toBe('tested=slipway/tools');
      expect(metadata).toMatchObject({ labels: { team: 'shop', 'openshift.io/deployer-pod-for.name': 'custom-1' }, annotations: { note: 'by hand' } });
      await platform.kube('delete', 'dc', 'custom', '--wait=false');
    },
  },
];
