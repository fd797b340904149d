import { describe, expect, test } from 'vitest';
import type { Build, BuildConfig } from '../../../src/api/kinds/build.ts';
import type { Endpoints, Pod, Service } from '../../../src/api/kinds/core.ts';
import type { DeploymentConfig } from '../../../src/api/kinds/deployment-config.ts';
import type { Ingress } from '../../../src/api/kinds/ingress.ts';
import type { Route } from '../../../src/api/kinds/route.ts';
import type { KubeObject } from '../../../src/api/meta.ts';
import { presentBuild, presentBuildConfig } from '../../../src/extension/explorer/presenters/build.ts';
import { presentIngress, presentRoute, presentService } from '../../../src/extension/explorer/presenters/network.ts';
import { inTrouble, presentContainer, presentPod } from '../../../src/extension/explorer/presenters/pod.ts';
import { presentWorkload } from '../../../src/extension/explorer/presenters/workload.ts';
import { groupApplications, type ProjectObjects } from '../../../src/extension/explorer/project-content.ts';
import { tooltipOf } from '../../../src/extension/explorer/node.ts';
import { say } from './say.ts';

const now = new Date('2026-01-01T00:10:00Z');
const make = <T extends KubeObject>(kind: string, name: string, rest: object = {}, metadata: object = {}) => ({ apiVersion: 'v1', kind, metadata: { name, namespace: 'shop', ...metadata }, ...rest }) as unknown as T;
const running = (name: string, labels: Record<string, string> = {}) =>
  make<Pod>('Pod', name, {
    spec: { containers: [{ name: 'web', image: 'web:latest' }] },
    status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }], containerStatuses: [{ name: 'web', ready: true, restartCount: 0, state: { running: { startedAt: '2026-01-01T00:00:00Z' } } }] },
  }, { labels });
const waiting = (reason: string) =>
  make<Pod>('Pod', 'web-1-abcde', { spec: { containers: [{ name: 'web', image: 'web' }] }, status: { phase: 'Pending', containerStatuses: [{ name: 'web', ready: false, restartCount: 3, state: { waiting: { reason } } }] } });
const config = (name: string, rest: object = {}, labels: Record<string, string> = { app: name }) =>
  make<DeploymentConfig>('DeploymentConfig', name, { spec: { replicas: 1, selector: { deploymentconfig: name } }, status: { latestVersion: 1, readyReplicas: 1 }, ...rest }, { labels, uid: name });
const none: ProjectObjects = { deploymentConfigs: [], deployments: [], statefulSets: [], daemonSets: [], pods: [], buildConfigs: [], builds: [], services: [], endpoints: [], routes: [], ingresses: [], imageStreams: [] };

describe('what runs in a project', () => {
  test('is grouped by application, with the pods that each workload selects', () => {
    const build = make<Build>('Build', 'web-1', { status: { phase: 'Complete' } }, { labels: { 'openshift.io/build-config.name': 'web' } });
    const found = groupApplications({
      ...none,
      deploymentConfigs: [config('web'), config('db', {}, { 'app.kubernetes.io/part-of': 'web' })],
      pods: [running('web-1-abcde', { deploymentconfig: 'web' }), running('web-1-build', { 'openshift.io/build.name': 'web-1' }), running('web-1-deploy', { 'openshift.io/deployer-pod-for.name': 'web-1', deploymentconfig: 'web' }), running('loner')],
      buildConfigs: [make<BuildConfig>('BuildConfig', 'web', {}, { labels: { app: 'web' } })],
      builds: [build],
      services: [make<Service>('Service', 'web', {}, { labels: { app: 'web' } })],
      endpoints: [make<Endpoints>('Endpoints', 'web')],
      routes: [make<Route>('Route', 'web', {}, { labels: { app: 'web' } })],
    });
    expect(found.map(({ name }) => name)).toEqual(['loner', 'web']);
    const [loner, web] = found;
    expect(loner?.pods.map((pod) => pod.metadata.name)).toEqual(['loner']);
    expect(web?.workloads.map(({ workload, pods }) => [workload.metadata.name, pods.map((pod) => pod.metadata.name)])).toEqual([['web', ['web-1-abcde']], ['db', []]]);
    expect(web?.buildConfigs[0]?.builds).toEqual([build]);
    expect(web?.services[0]?.endpoints?.metadata.name).toBe('web');
    expect(web?.routes).toHaveLength(1);
  });

  test('leaves out the platform\'s own parts', () => {
    const own = (kind: string, name: string, annotations = {}) => ({ ...make<KubeObject>(kind, name), metadata: { name, namespace: 'default', annotations } });
    const services = ['kubernetes', 'docker-registry', 'router'].map((name) => own('Service', name) as Service);
    const pods = [{ ...running('router-1'), ...own('Pod', 'router-1', { 'kubernetes.io/config.mirror': 'x' }) } as Pod];
    expect(groupApplications({ ...none, services, pods })).toEqual([]);
  });
});

describe('a node', () => {
  test('of a pod says how it is', () => {
    expect(presentPod(running('web-1-abcde'), say, now)).toMatchObject({ description: '1/1', icon: 'vm-running', colour: 'testing.iconPassed', contextValue: 'pod.running', accessibility: 'Pod web-1-abcde, Running' });
    expect(presentPod(waiting('CrashLoopBackOff'), say, now)).toMatchObject({ description: 'CrashLoopBackOff', icon: 'error', contextValue: 'pod' });
    expect(presentPod(waiting('ContainerCreating'), say, now)).toMatchObject({ icon: 'sync~spin' });
    expect([inTrouble(waiting('ImagePullBackOff'), now), inTrouble(waiting('ContainerCreating'), now), inTrouble(running('a'), now)]).toEqual([true, false, false]);
    const mirror = running('router-1');
    mirror.metadata.annotations = { 'kubernetes.io/config.mirror': 'x' };
    expect(presentPod(mirror, say, now).contextValue).toBe('pod');
  });

  test('of a container offers a shell only while it runs', () => {
    const [status] = running('a').status?.containerStatuses ?? [];
    expect(presentContainer({ name: 'web' }, status, say).contextValue).toBe('container.running');
    expect(presentContainer({ name: 'web' }, undefined, say)).toMatchObject({ contextValue: 'container', description: 'Pending' });
  });

  test.each([
    ['before its first image', { status: {} }, 'not deployed yet', 'layers'],
    ['while pods are missing', { status: { latestVersion: 2, readyReplicas: 0 } }, '0/1 · #2', 'sync~spin'],
    ['when all is well', {}, '1/1 · #1', 'layers'],
    ['when a deployment failed', { status: { latestVersion: 1, readyReplicas: 1, conditions: [{ type: 'Progressing', status: 'False', message: 'no' }] } }, '1/1 · #1', 'error'],
    ['scaled to nothing', { spec: { replicas: 0 } }, '1/0 · #1', 'layers'],
  ])('of a deployment config, %s', (_, rest, description, icon) => expect(presentWorkload(config('web', rest), say)).toMatchObject({ description, icon }));

  test.each([
    ['is under way', {}, { status: 'True', reason: 'ReplicationControllerUpdated' }, 'deploymentconfig.rolling'],
    ['failed', {}, { status: 'False', reason: 'ProgressDeadlineExceeded' }, 'deploymentconfig.failed'],
    ['is complete', {}, { status: 'True', reason: 'NewReplicationControllerAvailable' }, 'deploymentconfig'],
    ['failed, and it is paused', { paused: true }, { status: 'False', reason: 'RolloutCancelled' }, 'deploymentconfig.paused.failed'],
  ])('a rollout that %s offers what can be asked of it', (_, spec, progress, contextValue) => {
    const workload = config('web', { spec: { replicas: 1, ...spec }, status: { latestVersion: 1, conditions: [{ type: 'Progressing', ...progress }] } });
    expect(presentWorkload(workload, say).contextValue).toBe(contextValue);
  });

  test('of a build tells its state, and no password', () => {
    const build = make<Build>('Build', 'web-1', {
      spec: { source: { git: { uri: 'https://me:secret@git.example/web.git', ref: 'main' } }, strategy: { sourceStrategy: { from: { kind: 'ImageStreamTag', name: 'nodejs:latest' } } } },
      status: { phase: 'Complete', duration: 2_400_000_000 },
    });
    const shown = presentBuild(build, say);
    expect(shown).toMatchObject({ description: 'Complete · 2.4 s', icon: 'pass', contextValue: 'build', command: 'slipway.build.watch' });
    expect(shown.tooltip).toContain('https://git.example/web.git#main');
    expect(JSON.stringify(shown)).not.toContain('secret');
    expect(presentBuild({ ...build, status: { phase: 'Running' } }, say).contextValue).toBe('build.active');
    const builds = make<BuildConfig>('BuildConfig', 'web', { spec: build.spec, status: { lastVersion: 4 } });
    expect(presentBuildConfig(builds, build, say)).toMatchObject({ description: '#4 · Complete', contextValue: 'buildconfig' });
  });

  test('of a service names address, ports and how many endpoints are ready', () => {
    const service = make<Service>('Service', 'web', { spec: { clusterIP: '172.30.1.2', ports: [{ port: 8080 }] } });
    const shown = presentService(service, make<Endpoints>('Endpoints', 'web', { subsets: [{ addresses: [{ ip: '10.128.0.2' }, { ip: '10.128.0.3' }] }] }), say);
    expect(shown.description).toBe('172.30.1.2 · 8080/TCP');
    expect(shown.tooltip).toContain('Endpoints: `2`');
  });

  test('of a route has a URL once a router has admitted it', () => {
    const route = (status: 'True' | 'False') => make<Route>('Route', 'web', { spec: { host: 'web.example', to: { kind: 'Service', name: 'web' } }, status: { ingress: [{ host: 'web.example', conditions: [{ type: 'Admitted', status, reason: 'HostAlreadyClaimed', message: 'taken' }] }] } });
    expect(presentRoute(route('True'), { http: 8080, https: 8443 }, say)).toMatchObject({ url: 'http://web.example:8080/', description: 'web.example:8080', contextValue: 'route.url' });
    expect(presentRoute(route('False'), { http: 80, https: 443 }, say)).toMatchObject({ description: 'HostAlreadyClaimed', icon: 'error', contextValue: 'route' });
  });

  test('an ingress shows where it answers, and the services behind it', () => {
    const backend = (name: string) => ({ path: '/', pathType: 'Prefix', backend: { service: { name, port: { number: 80 } } } });
    const spec = { rules: [{ host: 'web.example', http: { paths: [backend('web'), { ...backend('api'), path: '/api' }] } }], tls: [{ hosts: ['web.example'] }] };
    const shown = presentIngress(make<Ingress>('Ingress', 'web', { spec, status: { loadBalancer: { ingress: [{ ip: '192.0.2.1' }] } } }), say);
    expect(shown).toMatchObject({ url: 'https://web.example/', description: 'web.example', contextValue: 'ingress.url', colour: 'testing.iconPassed' });
    expect(shown.tooltip).toContain('web, api');
    expect(presentIngress(make<Ingress>('Ingress', 'all', { spec: { defaultBackend: { service: { name: 'web', port: { number: 80 } } } } }), say)).toMatchObject({ description: 'any host', contextValue: 'ingress', colour: 'disabledForeground' });
  });

  test('takes no name for markup', () => {
    expect(tooltipOf('a*b', [['State', '`x` [link](command:evil)'], ['Empty', undefined]])).toBe("**a\\*b**\n\nState: `'x' [link](command:evil)`");
  });
});
