import { describe, expect, test } from 'vitest';
import type { Build, CommonBuildSpec } from '../../../../src/api/kinds/build.ts';
import type { Pod, Secret, ServiceAccount } from '../../../../src/api/kinds/core.ts';
import type { ImageStream } from '../../../../src/api/kinds/image.ts';
import { findSecrets, matchingSecret, mayFindSecrets } from '../../../../src/controlplane/build/build-pod-secrets.ts';
import { makeBuildPod } from '../../../../src/controlplane/build/build-pod.ts';
import type { BuildImages } from '../../../../src/controlplane/build/build-pod-parts.ts';
import { planState } from '../../../../src/controlplane/build/build-plan.ts';
import { customTold, pushedDigest } from '../../../../src/controlplane/build/custom-build-plan.ts';
import { stepsFor } from '../../../../src/protocol/build-progress.ts';

const builder = `docker-registry.default.svc:5000/openshift/nodejs@sha256:${'a'.repeat(64)}`;
const output = 'docker-registry.default.svc:5000/demo/web:latest';
const library = `host/lib@sha256:${'b'.repeat(64)}`;
const from = { kind: 'DockerImage', name: builder };
const build = (spec: Partial<CommonBuildSpec>): Build => ({
  apiVersion: 'build.openshift.io/v1', kind: 'Build', metadata: { name: 'web-1', namespace: 'demo', uid: 'b1', annotations: { 'openshift.io/build-config.name': 'web' } },
  spec: { source: {}, strategy: { sourceStrategy: { from } }, output: { to: { kind: 'ImageStreamTag', name: 'web:latest' } }, ...spec }, status: { phase: 'New' },
});
const images = (more: Partial<BuildImages> = {}): BuildImages => ({ builder, output, inputs: [], ...more });
const podOf = (spec: Partial<CommonBuildSpec>, more: Partial<BuildImages> = {}, secrets: readonly Secret[] = []) => {
  const of = build(spec);
  return makeBuildPod(of, images(more), findSecrets(of, images(more), secrets, undefined));
};
const container = (pod: Pod) => pod.spec.containers[0] as NonNullable<Pod['spec']['containers'][number]>;
const variable = (pod: Pod, name: string) => container(pod).env?.find((one) => one.name === name);
const mountPaths = (pod: Pod) => container(pod).volumeMounts?.map(({ mountPath }) => mountPath);

describe('the build pod', () => {
  test('program, powers, secrets, the resolved build', () => {
    const pod = podOf({ source: { binary: {}, sourceSecret: { name: 'git' }, git: { uri: 'https://x/y' }, secrets: [{ secret: { name: 'npm' } }], configMaps: [{ configMap: { name: 'settings' } }] }, completionDeadlineSeconds: 60 });
    expect(pod).toMatchObject({
      metadata: { name: 'web-1-build', labels: { 'openshift.io/build.name': 'web-1' }, ownerReferences: [{ kind: 'Build', uid: 'b1', controller: true }] },
      spec: { serviceAccountName: 'builder', restartPolicy: 'Never', activeDeadlineSeconds: 60, containers: [{ name: 'sti-build', image: 'slipway/tools', args: ['build'], stdin: true, stdinOnce: true, securityContext: { privileged: true } }] },
    });
    expect(mountPaths(pod)).toEqual(['/var/run/secrets/openshift.io/source', '/var/run/secrets/openshift.io/build/npm', '/var/run/configs/openshift.io/build/settings']);
    const told = JSON.parse(variable(pod, 'BUILD')?.value ?? '') as Build;
    expect(told.spec.output?.to).toEqual({ kind: 'DockerImage', name: output });
    expect(told.metadata).toEqual({ name: 'web-1', namespace: 'demo', uid: 'b1' });
    expect(variable(pod, 'ALLOWED_UIDS')?.value).toBe('1-');
  });

  test('what the kubelet would expand reaches the program as it is', () => {
    const text = variable(podOf({ postCommit: { script: 'echo $$ $(LANG) $1' } }), 'BUILD')?.value ?? '';
    expect((JSON.parse(text.replaceAll('$$', '$')) as Build).spec.postCommit?.script).toBe('echo $$ $(LANG) $1');
    expect(text).toContain('echo $$$$ $$(LANG) $$1');
  });

  test('images as inputs, volumes of the strategy, a Docker build', () => {
    const volumes = [{ name: 'm2', source: { type: 'Secret' as const, secret: { secretName: 'maven' } }, mounts: [{ destinationPath: '/opt/m2' }] }, { name: 'conf', source: { type: 'ConfigMap' as const, configMap: { name: 'settings', items: [{ key: 'a', path: 'b' }] } }, mounts: [{ destinationPath: '/etc/x' }] }];
    const input = { from: { kind: 'ImageStreamTag', name: 'lib:latest' }, paths: [{ sourcePath: '/lib', destinationDir: 'lib' }] };
    const pod = podOf({ source: { images: [input, { ...input, pullSecret: { name: 'pull' } }] }, strategy: { dockerStrategy: { volumes, pullSecret: { name: 'base' } } } }, { builder: undefined, inputs: [library, 'host/other:1'] });
    expect(container(pod).name).toBe('docker-build');
    expect(mountPaths(pod)).toEqual(['/var/run/secrets/openshift.io/pull', '/var/run/secrets/openshift.io/source-image/1', '/var/run/openshift.io/volumes/m2', '/var/run/openshift.io/volumes/conf']);
    expect(pod.spec.volumes?.slice(-2)).toEqual([{ name: 'build-volume-0', secret: { secretName: 'maven', defaultMode: 0o600 } }, { name: 'build-volume-1', configMap: { name: 'settings', items: [{ key: 'a', path: 'b' }] } }]);
    expect((JSON.parse(variable(pod, 'BUILD')?.value ?? '') as Build).spec.source?.images?.map((one) => one.from)).toEqual([{ kind: 'DockerImage', name: library }, { kind: 'DockerImage', name: 'host/other:1' }]);
    expect(variable(pod, 'ALLOWED_UIDS')).toBeUndefined();
  });

  test('variables that refer are resolved beside the program, and may be missing; trusted ones act on it', () => {
    const env = [
      { name: 'GIT_SSL_NO_VERIFY', value: 'true' }, { name: 'PLAIN', value: 'x' }, { name: 'A', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } }, { name: 'B', valueFrom: { configMapKeyRef: { name: 'c', key: 'k', optional: true } } },
      { name: 'C', valueFrom: { fieldRef: { fieldPath: 'metadata.namespace' } } }, { name: 'D', valueFrom: { fieldRef: { fieldPath: 'spec.nonsense' } } },
    ];
    const pod = podOf({ strategy: { sourceStrategy: { from, env } } });
    expect(container(pod).env?.slice(3)).toEqual([
      { name: 'GIT_SSL_NO_VERIFY', value: 'true' }, { name: 'SLIPWAY_ENV_2', valueFrom: { secretKeyRef: { name: 's', key: 'k', optional: true } } }, { name: 'SLIPWAY_ENV_3', valueFrom: { configMapKeyRef: { name: 'c', key: 'k', optional: true } } }, { name: 'SLIPWAY_ENV_4', valueFrom: { fieldRef: { fieldPath: 'metadata.namespace' } } },
    ]);
  });
});

describe('a Custom build', () => {
  const strategy: CommonBuildSpec['strategy'] = { customStrategy: { from, env: [{ name: 'LEVEL', value: '$(OUTPUT_IMAGE)' }], forcePull: true, pullSecret: { name: 'pull' }, secrets: [{ secretSource: { name: 'keys' }, mountPath: '/keys' }] } };
  const spec: Partial<CommonBuildSpec> = { strategy, source: { git: { uri: 'https://host/web.git', ref: 'main' }, contextDir: 'app' } };

  test("is a pod of the builder's own image, without powers, with what it needs to push", () => {
    const account = { secrets: [{ name: 'builder-dockercfg-1' }] } as ServiceAccount;
    const dockercfg: Secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'builder-dockercfg-1' }, type: 'kubernetes.io/dockercfg', data: { '.dockercfg': Buffer.from(JSON.stringify({ 'docker-registry.default.svc:5000': { auth: Buffer.from('serviceaccount:token').toString('base64') } })).toString('base64') } };
    const of = build(spec);
    const pod = makeBuildPod(of, images(), findSecrets(of, images(), [dockercfg], account));
    expect(container(pod)).toMatchObject({ name: 'custom-build', image: builder, imagePullPolicy: 'Always' });
    expect(container(pod).securityContext).toBeUndefined();
    expect(container(pod).args).toBeUndefined();
    expect(pod.spec.imagePullSecrets).toEqual([{ name: 'pull' }]);
    const values = Object.fromEntries((container(pod).env ?? []).map(({ name, value }) => [name, value]));
    expect(values).toMatchObject({
      OPENSHIFT_CUSTOM_BUILD_BASE_IMAGE: builder, OUTPUT_REGISTRY: 'docker-registry.default.svc:5000', OUTPUT_IMAGE: 'demo/web:latest', SOURCE_REPOSITORY: 'https://host/web.git', SOURCE_URI: 'https://host/web.git', SOURCE_CONTEXT_DIR: 'app', SOURCE_REF: 'main',
      LEVEL: '$(OUTPUT_IMAGE)', PUSH_DOCKERCFG_PATH: '/var/run/secrets/openshift.io/push', PULL_DOCKERCFG_PATH: '/var/run/secrets/openshift.io/pull',
    });
    expect(mountPaths(pod)).toEqual(['/var/run/secrets/openshift.io/push', '/var/run/secrets/openshift.io/pull', '/keys']);
    expect(pod.spec.volumes?.[0]).toMatchObject({ secret: { secretName: 'builder-dockercfg-1' } });
  });

  const pod = (phase: string, state: object) => ({ metadata: { name: 'p' }, spec: { containers: [] }, status: { phase, containerStatuses: [{ state }] } }) as unknown as Pod;
  const now = new Date('2026-01-01T00:01:00Z');
  const startedAt = '2026-01-01T00:00:00Z';
  const finishedAt = '2026-01-01T00:00:30Z';

  test.each<[string, Pod | undefined, string[]]>([
    ['no pod', undefined, []],
    ['runs', pod('Running', { running: { startedAt } }), ['BuilderStarted done', 'CustomBuild running']],
    ['succeeded', pod('Succeeded', { terminated: { startedAt, finishedAt, exitCode: 0 } }), ['BuilderStarted done', 'CustomBuild done']],
    ['failed', pod('Failed', { terminated: { startedAt, finishedAt, exitCode: 1 } }), ['BuilderStarted done', 'CustomBuild failed']],
  ])('its steps: %s', (_, its, told) => {
    expect(customTold(build(spec), its, now).map(({ step, state }) => `${step} ${state}`)).toEqual(told);
  });

  test('its image is what came into the stream meanwhile; its log tells why it failed', () => {
    const of = { ...build(spec), status: { phase: 'Running' as const, startTimestamp: startedAt } };
    const stream = (created: string) => ({ status: { tags: [{ tag: 'latest', items: [{ created, image: 'sha256:cc' }] }] } }) as unknown as ImageStream;
    expect(pushedDigest(of, () => stream('2026-01-01T00:00:20Z'))).toBe('sha256:cc');
    expect(pushedDigest(of, () => stream('2025-12-31T00:00:00Z'))).toBeUndefined();
    const plan = (its: Pod, pushed?: string) => planState({ build: of, pod: its, told: [], steps: stepsFor(of.spec.strategy).map((step) => ({ step, state: 'waiting' as const })), streamShows: () => true, pushed, now });
    expect(plan(pod('Succeeded', { terminated: { exitCode: 0, finishedAt } }), 'sha256:cc').status).toMatchObject({ phase: 'Complete', output: { to: { imageDigest: 'sha256:cc' } } });
    expect(plan(pod('Failed', { terminated: { exitCode: 2, finishedAt, message: 'no compiler\nhere' } })).status).toMatchObject({ phase: 'Failed', reason: 'GenericBuildFailed', logSnippet: 'no compiler\nhere' });
  });
});

describe('secrets for a repository', () => {
  const secret = (name: string, pattern: string, type = 'Opaque'): Secret => ({ apiVersion: 'v1', kind: 'Secret', metadata: { name, annotations: { 'build.openshift.io/source-secret-match-uri-1': pattern, other: '*://*/*' } }, type });
  const corporate = secret('corporate', 'https://*.mycorp.com/*');
  const all = [corporate, secret('dev1', 'https://mydev1.mycorp.com/*'), secret('key', 'ssh://bitbucket.example.com:7999/*', 'kubernetes.io/ssh-auth'), secret('word', '*://code.example.com/*', 'kubernetes.io/basic-auth'), secret('team', 'http://host/team/*/app.git')];

  test.each([
    ['https://mycorp.com/a.git', 'corporate'],
    ['https://git.mycorp.com/a/b.git', 'corporate'],
    ['https://me:word@git.mycorp.com/a.git', 'corporate'],
    ['http://git.mycorp.com/a.git', undefined],
    ['https://notmycorp.com/a.git', undefined],
    ['https://mydev1.mycorp.com/a.git', 'dev1'],
    ['ssh://git@bitbucket.example.com:7999/A/b.git', 'key'],
    ['ssh://git@bitbucket.example.com/A/b.git', undefined],
    ['git@code.example.com:team/app.git', undefined],
    ['https://code.example.com/team/app.git', 'word'],
    ['http://host/team/one/two/app.git', 'team'],
    ['http://host/team/app.git', undefined],
    ['/a/path', undefined],
  ])('%s takes %s', (uri, name) => {
    expect(matchingSecret(uri, all)).toBe(name);
  });

  test.each(['', '*', 'ftp://host/*', 'https://host', 'https://ho*st/*', 'https://me@host/*', `https://host/${'*'.repeat(2000)}`])('the pattern "%s" fits nothing', (pattern) => {
    expect(matchingSecret('https://host/a', [secret('bad', pattern)])).toBeUndefined();
  });

  test('a named one is taken as it is; registries outside get those of the service account', () => {
    const config = (host: string) => ({ '.dockerconfigjson': Buffer.from(JSON.stringify({ auths: { [host]: { username: 'a', password: 'b' } } })).toString('base64') });
    const named = (name: string, host: string): Secret => ({ apiVersion: 'v1', kind: 'Secret', metadata: { name }, data: config(host) });
    const account = { secrets: [{ name: 'push' }], imagePullSecrets: [{ name: 'broken' }, { name: 'pull' }] } as ServiceAccount;
    const secrets = [named('push', 'quay.example.com'), named('pull', 'hub.example.com'), { ...named('broken', ''), data: { '.dockercfg': 'bm8=' } }, corporate];
    const of = build({ source: { git: { uri: 'https://git.mycorp.com/a.git' }, images: [{ from: { kind: 'DockerImage', name: 'x' } }] } });
    const outside = images({ builder: 'hub.example.com/nodejs:1', output: 'quay.example.com/me/web:1', inputs: ['hub.example.com/lib:1'] });
    expect(findSecrets(of, outside, secrets, account)).toEqual({ source: 'corporate', push: 'push', pull: 'pull', inputs: ['pull'] });
    expect(findSecrets(of, images(), secrets, account)).toEqual({ source: 'corporate', push: undefined, pull: undefined, inputs: [undefined] });
    const given = build({ source: { git: { uri: 'https://git.mycorp.com/a.git' }, sourceSecret: { name: 'mine' } }, output: { pushSecret: { name: 'p' } }, strategy: { sourceStrategy: { from, pullSecret: { name: 'q' } } } });
    expect(findSecrets(given, outside, secrets, account)).toEqual({ source: 'mine', push: 'p', pull: 'q', inputs: [] });
    expect([mayFindSecrets(of, images()), mayFindSecrets(given, images()), mayFindSecrets(given, outside)]).toEqual([true, false, true]);
  });
});
