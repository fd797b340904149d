/** One application from its source to its URL, object by object, and the events that tell it. */
import { cpSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually, fetchRoute, Platform, type Result } from '../support/platform/platform.ts';

/* eslint-disable @typescript-eslint/no-explicit-any -- documents are looked into freely */
let platform: Platform;
let created: Result;
const objects: Record<string, any> = {};
const namespace = 'shop';
const get = (kind: string, name: string) => platform.json<any>('get', kind, name, '-n', namespace);

beforeAll(async () => {
  platform = new Platform();
  const source = path.join(platform.user.home, 'static-hello');
  cpSync('test/fixtures/apps/static-hello', source, { recursive: true });
  platform.user.own(source);
  await platform.up();
  await platform.kube('create', 'namespace', namespace);
  created = await platform.run(['new-app', source, '--name', 'web', '-n', namespace, '--env', 'COLOUR=blue'], { timeoutMs: 120_000 });
  if (created.code !== 0) throw new Error(`${created.stdout}${created.stderr}${platform.log()}`);
});
afterAll(() => platform?.dispose());

test('the command shows the nine steps of the build and ends with the URL', () => {
  const steps = [...created.stdout.matchAll(/^ {2}✓ (\w+)/gm)].map(([, step]) => step);
  expect(steps).toEqual(['SourceLocation', 'BuilderImage', 'BuildInstantiated', 'SourceFetched', 'BuilderStarted', 'Assemble', 'ImageCommitted', 'ImagePushed', 'ImageStreamUpdated']);
  expect(created.stdout).toMatch(/\nbuild web-1 complete in [\d.]+ s\nurl http:\/\/web-shop\.apps\.localhost:\d+\/\n$/);
});

describe('object by object', () => {
  test('build config and build', async () => {
    objects.config = await get('buildconfig', 'web');
    expect(objects.config).toMatchObject({
      spec: { source: { type: 'Binary' }, strategy: { type: 'Source', sourceStrategy: { from: { kind: 'ImageStreamTag', namespace: 'openshift' } } }, output: { to: { kind: 'ImageStreamTag', name: 'web:latest' } }, runPolicy: 'Serial' },
      status: { lastVersion: 1 },
    });
    objects.build = await get('build', 'web-1');
    expect(objects.build).toMatchObject({
      metadata: { labels: { buildconfig: 'web', 'openshift.io/build-config.name': 'web' }, annotations: { 'openshift.io/build.number': '1', 'openshift.io/build.pod-name': 'web-1-build' }, ownerReferences: [{ kind: 'BuildConfig', name: 'web', uid: objects.config.metadata.uid, controller: true }] },
      status: { phase: 'Complete', outputDockerImageReference: 'docker-registry.default.svc:5000/shop/web:latest', output: { to: { imageDigest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) } } },
    });
    expect(objects.build.status.stages.map(({ name }: { name: string }) => name)).toEqual(expect.arrayContaining(['FetchInputs', 'Build', 'PushImage']));
    const pod = await get('pod', 'web-1-build');
    expect(pod).toMatchObject({ metadata: { labels: { 'openshift.io/build.name': 'web-1' }, ownerReferences: [{ kind: 'Build', name: 'web-1', uid: objects.build.metadata.uid }] }, spec: { serviceAccountName: 'builder' }, status: { phase: 'Succeeded' } });
  });

  test('image stream and image', async () => {
    const { imageDigest } = objects.build.status.output.to;
    objects.stream = await get('imagestream', 'web');
    expect(objects.stream.status.tags).toMatchObject([{ tag: 'latest', items: [{ image: imageDigest, dockerImageReference: `docker-registry.default.svc:5000/shop/web@${imageDigest}` }] }]);
    const image = await platform.json<any>('get', 'image', imageDigest);
    expect(image.dockerImageMetadata.Config.Labels).toMatchObject({ 'io.openshift.build.name': 'web-1', 'io.openshift.build.namespace': namespace });
    expect((await get('imagestreamtag', 'web:latest')).image.metadata.name).toBe(imageDigest);
  });

  test('deployment config and its deployment', async () => {
    objects.deployment = await get('dc', 'web');
    const reference = `docker-registry.default.svc:5000/shop/web@${objects.build.status.output.to.imageDigest}`;
    expect(objects.deployment).toMatchObject({
      spec: { replicas: 1, triggers: [{ type: 'ConfigChange' }, { type: 'ImageChange', imageChangeParams: { from: { kind: 'ImageStreamTag', name: 'web:latest' }, lastTriggeredImage: reference } }], template: { spec: { containers: [{ name: 'web', image: reference, env: expect.arrayContaining([{ name: 'COLOUR', value: 'blue' }]) }] } } },
      status: { latestVersion: 1, replicas: 1, readyReplicas: 1, details: { causes: [{ type: expect.any(String) }] } },
    });
    const controller = await get('rc', 'web-1');
    expect(controller).toMatchObject({
      metadata: { annotations: { 'openshift.io/deployment.phase': 'Complete', 'openshift.io/deployment-config.latest-version': '1' }, ownerReferences: [{ kind: 'DeploymentConfig', name: 'web', uid: objects.deployment.metadata.uid }] },
      status: { replicas: 1, readyReplicas: 1 },
    });
    expect(await get('pod', 'web-1-deploy')).toMatchObject({ spec: { serviceAccountName: 'deployer' }, status: { phase: 'Succeeded' } });
    objects.controller = controller;
  });

  test('pod, service, endpoints', async () => {
    const { items } = await platform.json<any>('get', 'pods', '-n', namespace, '-l', 'deploymentconfig=web');
    const running = items.filter((pod: any) => pod.status.phase === 'Running');
    expect(running).toMatchObject([{ metadata: { ownerReferences: [{ kind: 'ReplicationController', name: 'web-1', uid: objects.controller.metadata.uid }] }, status: { podIP: expect.stringMatching(/^10\.128\./), containerStatuses: [{ ready: true, restartCount: 0 }] } }]);
    const [pod] = running;
    expect(await get('service', 'web')).toMatchObject({ spec: { type: 'ClusterIP', clusterIP: expect.stringMatching(/^172\.30\./), ports: [{ port: 8080 }] } });
    expect(await get('endpoints', 'web')).toMatchObject({ subsets: [{ addresses: [{ ip: pod.status.podIP, targetRef: { kind: 'Pod', name: pod.metadata.name, uid: pod.metadata.uid } }], ports: [{ port: 8080 }] }] });
    const { items: slices } = await platform.json<any>('get', 'endpointslices', '-n', namespace, '-l', 'kubernetes.io/service-name=web');
    expect(slices).toMatchObject([{ addressType: 'IPv4', endpoints: [{ addresses: [pod.status.podIP], conditions: { ready: true } }] }]);
    expect(await platform.kube('exec', '-n', namespace, pod.metadata.name, '--', 'sh', '-c', 'echo $COLOUR')).toBe('blue\n');
  });

  test('route, and its answer', async () => {
    expect(await get('route', 'web')).toMatchObject({ spec: { host: 'web-shop.apps.localhost', to: { kind: 'Service', name: 'web', weight: 100 } }, status: { ingress: [{ host: 'web-shop.apps.localhost', conditions: [{ type: 'Admitted', status: 'True' }] }] } });
    const url = /^url (\S+)$/m.exec(created.stdout)?.[1] ?? '';
    expect(await fetchRoute(url)).toMatchObject({ status: 200, body: expect.stringContaining('Hello from static-hello') });
  });
});

test('the events tell the story from the build to the first response', async () => {
  await eventually('the last chapter', async () => ((await platform.kube('get', 'events', '-n', namespace)).includes('FirstResponse') ? true : undefined));
  const lines = (await platform.kube('get', 'events', '-n', namespace, '--sort-by=.metadata.resourceVersion', '-o', 'custom-columns=R:.reason,K:.involvedObject.kind,N:.involvedObject.name', '--no-headers')).trim().split('\n').map((line) => line.split(/\s+/).join(' ').replace(/ web-1-(?!build$)[a-z0-9]{5}$/, ' web-1-x'));
  const chapters = [
    ['Scheduled Pod web-1-build', 'Started Pod web-1-build', 'BuildStarted Build web-1', 'BuildCompleted Build web-1'],
    // The pushed image starts the deployment; the build pod may end a little later.
    ['BuildStarted Build web-1', 'ImageChange DeploymentConfig web', 'DeploymentCreated DeploymentConfig web', 'Started Pod web-1-deploy', 'SuccessfulCreate ReplicationController web-1'],
    ['SuccessfulCreate ReplicationController web-1', 'Started Pod web-1-x', 'EndpointsReady Service web', 'FirstResponse Route web'],
    ['Scheduled Pod web-1-x', 'Pulled Pod web-1-x', 'Created Pod web-1-x', 'Started Pod web-1-x'],
    ['RouteAdmitted Route web', 'FirstResponse Route web'],
  ];
  for (const chapter of chapters) expect(lines.filter((line) => chapter.includes(line)), lines.join('\n')).toEqual(chapter);
  expect(await platform.kube('events', '-n', namespace, '--types=Warning')).not.toMatch(/web/);
});
