/** The Docker strategy as a user meets it: a build config by kubectl, its image in a pod that serves, a second build from what the first one kept. */
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Build } from '../../../src/api/kinds/build.ts';
import { registryClient } from '../../../src/oci/registry-client.ts';
import { busyboxEntries, pushImageOf } from '../../support/build/busybox-image.ts';
import { ordinaryUserName } from '../../support/platform/ordinary-user.ts';
import { eventually, fetchRoute, Platform } from '../../support/platform/platform.ts';
import { manifestOf } from '../../support/platform/web-pod.ts';

const internal = 'docker-registry.default.svc:5000';
let platform: Platform;
let scratch: string;

const dockerfile = `FROM ${internal}/default/base AS made
RUN mkdir /site && echo "made by $(id -un)" > /site/index.html
FROM ${internal}/default/base
COPY --from=made --chown=1001:0 /site /www
RUN chown 1000:1000 /opt && su app -c 'id -un > /opt/who' && chown -R app:0 /var/old || echo single > /opt/who
USER 1001
RUN test "$(id -u)" = 1001
EXPOSE 8080
CMD ["httpd", "-f", "-p", "8080", "-h", "/www"]
`;
const objects = [
  { apiVersion: 'image.openshift.io/v1', kind: 'ImageStream', metadata: { name: 'web' } },
  {
    apiVersion: 'build.openshift.io/v1', kind: 'BuildConfig', metadata: { name: 'web' },
    spec: { source: { type: 'Dockerfile', dockerfile }, strategy: { type: 'Docker', dockerStrategy: {} }, output: { to: { kind: 'ImageStreamTag', name: 'web:latest' } }, triggers: [{ type: 'ConfigChange' }] },
  },
  { apiVersion: 'v1', kind: 'Service', metadata: { name: 'web' }, spec: { selector: { run: 'web' }, ports: [{ port: 8080 }] } },
  { apiVersion: 'route.openshift.io/v1', kind: 'Route', metadata: { name: 'web' }, spec: { to: { kind: 'Service', name: 'web' } } },
];

beforeAll(async () => {
  platform = new Platform();
  scratch = mkdtempSync(path.join(tmpdir(), 'docker-strategy-'));
  chmodSync(scratch, 0o755);
  await platform.up();
  const { registry } = await platform.status();
  const password = (await platform.kube('create', 'token', 'builder')).trim();
  const client = registryClient({ baseUrl: `https://${registry}`, insecure: true, auth: { username: 'builder', password } });
  await pushImageOf(client, scratch, 'default/base', [busyboxEntries()], { env: [{ name: 'PATH', value: '/bin' }] });
  client.close();
});
afterAll(async () => {
  await platform?.dispose();
  rmSync(scratch, { recursive: true, force: true });
});

/** Of the user that runs the platform, and the program that maps them. */
function hasRanges(): boolean {
  const name = process.getuid?.() === 0 ? ordinaryUserName : userInfo().username;
  const given = (file: string) => existsSync(file) && readFileSync(file, 'utf8').split('\n').some((line) => line.startsWith(`${name}:`));
  return given('/etc/subuid') && given('/etc/subgid') && ['newuidmap', 'newgidmap'].every((program) => existsSync(`/usr/bin/${program}`));
}

const finished = (name: string) =>
  eventually(`the end of ${name}`, async () => {
    const build = await platform.json<Build>('get', 'build', name);
    return ['Complete', 'Failed', 'Error', 'Cancelled'].includes(build.status.phase) ? build : undefined;
  }, 60_000);

test('a build config with a Dockerfile makes an image, and its pod serves', async () => {
  const applied = await platform.kubectl(['apply', '-f', '-'], { input: manifestOf(...objects) });
  expect(applied.code, applied.stderr).toBe(0);
  const build = await finished('web-1');
  const log = await platform.kube('logs', 'web-1-build');
  expect(build.status, log).toMatchObject({ phase: 'Complete', outputDockerImageReference: `${internal}/default/web:latest`, output: { to: { imageDigest: expect.stringMatching(/^sha256:/) as string } } });
  expect(build.status.stages?.map(({ name }) => name)).toEqual(['FetchInputs', 'PullImages', 'Build', 'PushImage']);
  const steps = JSON.parse(build.metadata.annotations?.['slipway.dev/build-steps'] ?? '[]') as { step: string; state: string; detail?: string }[];
  expect(steps.map(({ step, state }) => `${step} ${state}`)).toEqual(['SourceLocation done', 'BuilderImage done', 'BuildInstantiated done', 'SourceFetched done', 'Dockerfile done', 'ImageCommitted done', 'ImagePushed done', 'ImageStreamUpdated done']);
  expect(log).toContain('[2/2] STEP 2/9: COPY --from=made --chown=1001:0 /site /www');
  await platform.kube('run', 'web', `--image=${internal}/default/web:latest`, '--port=8080');
  await platform.kube('wait', '--for=condition=Ready', 'pod/web', '--timeout=60s');
  const host = await platform.kube('get', 'route', 'web', '-o', 'jsonpath={.spec.host}');
  const { router } = await platform.status();
  const port = /:(\d+)/.exec(router?.http ?? '')?.[1] ?? '80';
  const answer = await eventually('an answer of the route', async () => {
    const got = await fetchRoute(`http://${host}:${port}/index.html`);
    return got.status === 200 ? got.body : undefined;
  });
  expect(answer).toBe('made by root\n');
  // Every user of the image where this machine gives ranges, else the one.
  const several = await platform.kube('get', 'node', 'node-1', '-o', String.raw`jsonpath={.metadata.labels.slipway\.dev/multiple-uids}`);
  expect(several).toBe(String(hasRanges()));
  expect(await platform.kube('exec', 'web', '--', 'cat', '/opt/who')).toBe(several === 'true' ? 'app\n' : 'single\n');
});

test('the next build takes the layers that the first one kept', async () => {
  const request = await platform.kubectl(['create', '--raw', '/apis/build.openshift.io/v1/namespaces/default/buildconfigs/web/instantiate', '-f', '-'], { input: JSON.stringify({ apiVersion: 'build.openshift.io/v1', kind: 'BuildRequest', metadata: { name: 'web' } }) });
  expect(request.code, request.stderr).toBe(0);
  const build = await finished('web-2');
  const log = await platform.kube('logs', 'web-2-build');
  expect(build.status.phase, log).toBe('Complete');
  expect(log.match(/^--> Using cache/gm)).toHaveLength(4);
  expect(log).not.toMatch(/^--> (?!Using cache)/m);
});

test('what a Dockerfile lacks is in the status of its build', async () => {
  const broken = { apiVersion: 'build.openshift.io/v1', kind: 'BuildConfig', metadata: { name: 'broken' }, spec: { source: { type: 'Dockerfile', dockerfile: `FROM ${internal}/default/base\nRUN echo no way; exit 4` }, strategy: { dockerStrategy: {} }, triggers: [{ type: 'ConfigChange' }] } };
  const applied = await platform.kubectl(['apply', '-f', '-'], { input: JSON.stringify(broken) });
  expect(applied.code, applied.stderr).toBe(0);
  expect((await finished('broken-1')).status).toMatchObject({ phase: 'Failed', reason: 'DockerBuildFailed', message: expect.stringContaining('exit code 4') as string, logSnippet: expect.stringContaining('no way') as string });
});
