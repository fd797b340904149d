/**
 * Image streams as a user drives them: kubectl, skopeo and the command, with a registry elsewhere that asks for credentials. Pods run what streams point to:
 * a push rolls a Deployment out, a name is looked up in the project, an image from elsewhere comes through the platform's registry.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { imageMarks, type ImageStream } from '../../src/api/kinds/image.ts';
import { loadKubeconfig } from '../../src/client/kubeconfig.ts';
import { mediaTypes } from '../../src/oci/media-types.ts';
import { registryClient, type RegistryClient } from '../../src/oci/registry-client.ts';
import { eventually, Platform } from '../support/platform/platform.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';
import { pushImage } from '../support/sandbox/images.ts';

let platform: Platform;
let remote: TestRegistry;
let client: RegistryClient;
let directory: string;
let host: string;
const run = promisify(execFile);

beforeAll(async () => {
  directory = mkdtempSync(path.join(tmpdir(), 'slipway-streams-'));
  remote = await startRegistry({ directory: path.join(directory, 'remote') });
  client = registryClient({ baseUrl: remote.url, auth: { username: 'x', password: 'admin' } });
  host = `127.0.0.1:${remote.port}`;
  platform = new Platform();
  await platform.up(['--runtime', 'sandbox']);
  await platform.kube('create', 'namespace', 'demo');
});
afterAll(async () => {
  await platform?.dispose();
  client?.close();
  await remote?.close();
  rmSync(directory, { recursive: true, force: true });
});

/** An image that says its version and stays. */
const pushVersion = (repository: string, tag: string, version: string) =>
  pushImage(client, repository, tag, directory, [{ 'app/version': `version ${version}\n` }], {
    cmd: ['/bin/sh', '-c', 'cat /app/version; trap "exit 0" TERM; while :; do sleep 1 & wait $!; done'], labels: { [imageMarks.base]: 'host', [imageMarks.hostPaths]: '[]', version },
  });
const kube = (...args: string[]) => platform.kube(...args, '-n', 'demo');
const apply = async (object: object) => {
  const result = await platform.kubectl(['create', '-n', 'demo', '-f', '-'], { input: JSON.stringify(object) });
  expect(result.code, result.stderr).toBe(0);
  return result.stdout;
};
const slipway = (...args: string[]) => platform.run([...args, '-n', 'demo']);
const streamOf = (name: string) => platform.json<ImageStream>('get', 'is', name, '-n', 'demo');
const imageUnder = async (name: string, tag: string) => (await streamOf(name)).status?.tags?.find((one) => one.tag === tag)?.items?.[0]?.image;

let skopeoHome: string | undefined;
/** Runs skopeo on the platform's registry as somebody who may push there; `own` names a repository of the project. */
async function skopeo(make: (own: (repository: string) => string) => { argv: string[]; role: 'src' | 'dest' }): Promise<void> {
  const { registry = '' } = await platform.status();
  const [context] = (await loadKubeconfig([platform.kubeconfig])).contexts;
  if (!skopeoHome) {
    skopeoHome = path.join(directory, 'skopeo');
    mkdirSync(path.join(skopeoHome, 'certs'), { recursive: true });
    writeFileSync(path.join(skopeoHome, 'certs', 'ca.crt'), String(context?.cluster.ca ?? readFileSync(path.join(platform.home, 'pki', 'ca.crt'))));
  }
  const token = (await kube('create', 'token', 'builder')).trim();
  const { argv, role } = make((repository) => `docker://${registry}/demo/${repository}`);
  await run('skopeo', ['copy', '--insecure-policy', `--${role}-cert-dir`, path.join(skopeoHome, 'certs'), `--${role}-creds`, `x:${token}`, ...argv], { env: { ...process.env, HOME: skopeoHome, XDG_RUNTIME_DIR: skopeoHome } });
}
const skopeoCopy = (from: string, to: string) => skopeo((own) => ({ role: 'dest', argv: ['--src-tls-verify=false', '--src-creds', 'x:reader', `docker://${host}/${from}`, own(to)] }));

describe('an import', () => {
  test('is refused without credentials, and works with the project’s pull secret', async () => {
    const digest = await pushVersion('lib/web', 'v1', 'one');
    const refused = await slipway('import-image', 'web', '--from', `${host}/lib/web:v1`, '--confirm');
    expect([refused.code, refused.stdout]).toEqual([1, 'imagestream web imported with errors\n']);
    expect(refused.stderr).toContain(`you may not have access to the container image "${host}/lib/web:v1" and did not have credentials to the repository`);
    expect((await streamOf('web')).status?.tags?.[0]?.conditions?.[0]).toMatchObject({ type: 'ImportSuccess', status: 'False', reason: 'Unauthorized' });
    await kube('create', 'secret', 'docker-registry', 'elsewhere', `--docker-server=${host}`, '--docker-username=x', '--docker-password=reader');
    const imported = await slipway('import-image', 'web');
    expect([imported.code, imported.stdout, imported.stderr]).toEqual([0, `imagestream web imported\n  latest  ${host}/lib/web@${digest}\n`, '']);
    expect((await streamOf('web')).status?.tags?.[0]?.conditions).toBeUndefined();
    expect((await kube('get', 'is', 'web')).split('\n')[1]).toMatch(/^web +127\.0\.0\.1:\d+\/demo\/web +latest +(Less than a second|\d+ seconds?) ago$/);
    expect(await kube('get', 'istag', 'web:latest', '-o', 'jsonpath={.image.dockerImageMetadata.Config.Labels.version}')).toBe('one');
    expect(await kube('get', 'itag')).toContain('web:latest');
  });

  test('keeps a manifest list whole, if asked to', async () => {
    const parts = await Promise.all(['amd64', 'arm64'].map(async (architecture) => {
      const digest = await pushVersion('lib/multi', architecture, architecture);
      const { mediaType, bytes } = await client.manifest('lib/multi', digest);
      return { mediaType, digest, size: bytes.length, platform: { os: 'linux', architecture } };
    }));
    const index = await client.pushManifest('lib/multi', 'v1', { mediaType: mediaTypes.index, bytes: Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.index, manifests: parts })) });
    const image = (to: string, importPolicy: object) => ({ from: { kind: 'DockerImage', name: `${host}/lib/multi:v1` }, to: { name: to }, importPolicy, referencePolicy: { type: 'Source' } });
    expect(await apply({ apiVersion: 'image.openshift.io/v1', kind: 'ImageStreamImport', metadata: { name: 'multi' }, spec: { import: true, images: [image('one', {}), image('all', { importMode: 'PreserveOriginal' })] }, status: {} })).toContain('created');
    expect(await imageUnder('multi', 'all')).toBe(index);
    expect(await imageUnder('multi', 'one')).toBe(parts.find(({ platform: { architecture } }) => architecture === (process.arch === 'arm64' ? 'arm64' : 'amd64'))?.digest);
    expect(await platform.kube('get', 'image', index, '-o', 'jsonpath={.dockerImageManifests[*].architecture}')).toBe('amd64 arm64');
    const copy = path.join(directory, 'copied-index');
    await skopeo((own) => ({ role: 'src', argv: ['--all', own('multi:all'), `dir:${copy}`] }));
    expect(`sha256:${createHash('sha256').update(readFileSync(path.join(copy, 'manifest.json'))).digest('hex')}`).toBe(index);
  });

  test('through the platform’s registry lets pods run what only the project can pull', async () => {
    const digest = await pushVersion('lib/far', 'v1', 'from afar');
    const tagged = await slipway('tag', '--source=docker', `${host}/lib/far:v1`, 'far:v1', '--reference-policy', 'local');
    expect([tagged.code, tagged.stdout]).toEqual([0, `Tag far:v1 set to ${host}/lib/far:v1.\n`]);
    await eventually('the import', async () => ((await imageUnder('far', 'v1')) === digest ? true : undefined));
    const reference = await kube('get', 'istag', 'far:v1', '-o', 'jsonpath={.image.dockerImageReference}');
    expect(reference).toBe(`docker-registry.default.svc:5000/demo/far@${digest}`);
    await kube('run', 'far', `--image=${reference}`, '--restart=Never');
    await eventually('its output', async () => ((await kube('logs', 'far')).includes('version from afar') ? true : undefined), 60_000);
    await kube('delete', 'pod', 'far', '--wait=false');
  });
});

describe('a push', () => {
  const annotations = (base: string) => ({ 'image.openshift.io/triggers': JSON.stringify([{ from: { kind: 'ImageStreamTag', name: 'app:latest' }, fieldPath: `${base}.spec.containers[?(@.name=="app")].image` }]) });
  const template = { metadata: { labels: { app: 'app' } }, spec: { terminationGracePeriodSeconds: 2, restartPolicy: 'Always', containers: [{ name: 'app', image: ' ', imagePullPolicy: 'IfNotPresent' }] } };
  const logs = () => kube('logs', '-l', 'app=app', '--tail=1');

  test('rolls out a Deployment that follows the tag by annotation, and a cron job', async () => {
    await pushVersion('lib/app', 'one', 'one');
    await skopeoCopy('lib/app:one', 'app:latest');
    await apply({ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'app', annotations: annotations('spec.template') }, spec: { selector: { matchLabels: { app: 'app' } }, template } });
    await apply({ apiVersion: 'batch/v1', kind: 'CronJob', metadata: { name: 'nightly', annotations: annotations('spec.jobTemplate.spec.template') }, spec: { schedule: '0 3 * * *', suspend: true, jobTemplate: { spec: { template: { ...template, spec: { ...template.spec, restartPolicy: 'Never' } } } } } });
    await eventually('version one', async () => ((await logs()).includes('version one') ? true : undefined), 60_000);
    await pushVersion('lib/app', 'two', 'two');
    await skopeoCopy('lib/app:two', 'app:latest');
    await eventually('version two', async () => ((await logs()) === 'version two\n' ? true : undefined), 60_000);
    const reference = (await streamOf('app')).status?.tags?.[0]?.items?.[0]?.dockerImageReference;
    expect(await kube('get', 'deploy', 'app', '-o', 'jsonpath={.spec.template.spec.containers[0].image}')).toBe(reference);
    expect(await kube('get', 'cronjob', 'nightly', '-o', 'jsonpath={.spec.jobTemplate.spec.template.spec.containers[0].image}')).toBe(reference);
    expect((await streamOf('app')).status?.tags?.[0]?.items).toHaveLength(2);
  });

  test('moves aliases, and leaves what was tagged once', async () => {
    const now = await imageUnder('app', 'latest');
    for (const args of [['app:latest', 'app:kept'], ['app:latest', 'app:moving', '--alias']]) expect((await slipway('tag', ...args)).code).toBe(0);
    await pushVersion('lib/app', 'three', 'three');
    await skopeoCopy('lib/app:three', 'app:latest');
    const next = await imageUnder('app', 'latest');
    expect([next === now, await imageUnder('app', 'kept'), await imageUnder('app', 'moving')]).toEqual([false, now, next]);
    const deleted = await slipway('tag', '-d', 'app:kept', 'app:moving');
    expect(deleted.stdout).toBe('Deleted tag demo/app:kept.\nDeleted tag demo/app:moving.\n');
    expect((await streamOf('app')).spec.tags ?? []).toEqual([]);
  });

  test('can be imported into another project by whoever may pull it', async () => {
    const { registry = '' } = await platform.status();
    await platform.kube('create', 'namespace', 'other');
    const source = `${registry}/demo/app:latest`;
    const imported = () => platform.run(['import-image', 'app', '--from', source, '--confirm', '-n', 'other']);
    expect((await imported()).stderr).toContain('you may not have access to the container image "docker-registry.default.svc:5000/demo/app:latest"');
    await kube('create', 'rolebinding', 'others-pull', '--clusterrole=system:image-puller', '--group=system:serviceaccounts:other');
    expect(await imported()).toMatchObject({ code: 0, stdout: `imagestream app imported\n  latest  docker-registry.default.svc:5000/demo/app@${await imageUnder('app', 'latest')}\n` });
  });

  test('is run by the address at which this machine sees it, as copied from its stream, by projects that may pull it', async () => {
    const { status } = await streamOf('app');
    const seen = `${status?.publicDockerImageRepository}:latest`;
    expect(seen).toMatch(/^127\.0\.0\.1:\d+\/demo\/app:latest$/);
    await kube('run', 'copied', `--image=${seen}`, '--restart=Never');
    await platform.kube('create', 'namespace', 'strangers');
    await platform.kube('run', 'copied', `--image=${seen}`, '--restart=Never', '-n', 'strangers');
    await eventually('its output', async () => ((await kube('logs', 'copied')).includes('version three') ? true : undefined), 60_000);
    expect(await kube('get', 'pod', 'copied', '-o', 'jsonpath={.spec.containers[0].image}')).toBe(seen);
    await eventually('the refusal', async () => (/unauthorized|denied/i.test(await platform.kube('get', 'events', '-n', 'strangers', '-o', 'jsonpath={.items[*].message}')) ? true : undefined), 60_000);
    await kube('delete', 'pod', 'copied', '--wait=false');
    await platform.kube('delete', 'namespace', 'strangers', '--wait=false');
  });

  test('is what a name means in a project that looks names up', async () => {
    await kube('patch', 'is', 'app', '--type=merge', '-p', '{"spec":{"lookupPolicy":{"local":true}}}');
    await kube('run', 'named', '--image=app', '--restart=Never');
    expect(await kube('get', 'pod', 'named', '-o', 'jsonpath={.spec.containers[0].image}')).toBe(`docker-registry.default.svc:5000/demo/app@${await imageUnder('app', 'latest')}`);
    await eventually('its output', async () => ((await kube('logs', 'named')).includes('version three') ? true : undefined), 60_000);
  });

  test('is not waited for by a trigger that cannot be, which is told by an event', async () => {
    await kube('annotate', 'cronjob', 'nightly', '--overwrite', 'image.openshift.io/triggers=[{"from":{"kind":"ImageStreamTag","name":"app:latest"},"fieldPath":"spec.template.spec.containers[0].image"}]');
    await eventually('the event', async () => ((await kube('get', 'events', '--field-selector=reason=InvalidImageTrigger', '-o', 'jsonpath={.items[*].message}')).includes('write spec.jobTemplate.spec.template.spec.containers') ? true : undefined));
  });
});
