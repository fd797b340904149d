/** Routes as a user has them: by kubectl and curl, through the platform's router, to pods in the sandbox. */
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { spawn } from 'node:child_process';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { toolsImage } from '../../src/api/well-known.ts';
import type { AccessEntry } from '../../src/controlplane/route/data-plane/access-log.ts';
import { authority } from '../support/certificates.ts';
import { collect, eventually, Platform } from '../support/platform/platform.ts';
import { manifestOf, webDeployment, webService } from '../support/platform/web-pod.ts';

const platform = new Platform();
const names = ['blue', 'green'];
let ports: { http: string; https: string };
let files: string;

const route = (name: string, spec: object, annotations?: Record<string, string>) => ({ apiVersion: 'route.openshift.io/v1', kind: 'Route', metadata: { name, ...(annotations && { annotations }) }, spec: { to: { kind: 'Service', name: 'blue' }, ...spec } });
const apply = async (...objects: object[]) => expect(await platform.kubectl(['apply', '-f', '-'], { input: manifestOf(...objects) })).toMatchObject({ code: 0, stderr: '' });
const admitted = (...routes: string[]) => Promise.all(routes.map((name) => platform.kube('wait', `route/${name}`, '--for=jsonpath={.status.ingress[0].conditions[0].status}=True', '--timeout=20s')));
/** What curl prints for a host of the router. */
async function curl(url: string, ...args: string[]): Promise<string> {
  const { hostname, protocol } = new URL(url);
  const port = protocol === 'https:' ? ports.https : ports.http;
  const { code, stdout, stderr } = await collect(spawn('curl', ['-sSk', '--max-time', '25', '--connect-to', `${hostname}::127.0.0.1:${port}`, ...args, url]));
  if (code !== 0) throw new Error(`curl ${url}: ${stderr}`);
  return stdout;
}
const podAt = async (url: string, ...args: string[]) => /on (\w+)-/.exec(await curl(url, ...args))?.[1] ?? '';

beforeAll(async () => {
  files = mkdtempSync(path.join(tmpdir(), 'slipway-routes-'));
  await platform.up(['--runtime', 'sandbox']);
  const { router } = await platform.status();
  ports = { http: new URL(router?.http ?? '').port, https: new URL(router?.https ?? '').port };
  await apply(...names.flatMap((name) => [webDeployment(name, 1), webService(name)]));
  await Promise.all(names.map((name) => platform.kube('rollout', 'status', `deployment/${name}`, '--timeout=60s')));
});
afterAll(() => platform.dispose());

test('a certificate from a secret, HTTP/2, a cookie; the plain way is redirected', async () => {
  const { certificate, key } = await (await authority()).sign('CN=shop', ['shop.test']);
  writeFileSync(path.join(files, 'tls.crt'), certificate);
  writeFileSync(path.join(files, 'tls.key'), key);
  await platform.kube('create', 'secret', 'tls', 'shop', `--cert=${path.join(files, 'tls.crt')}`, `--key=${path.join(files, 'tls.key')}`);
  await apply(route('shop', { host: 'shop.test', tls: { termination: 'edge', insecureEdgeTerminationPolicy: 'Redirect', externalCertificate: { name: 'shop' } } }));
  await admitted('shop');
  const seen = await eventually('the route is served', async () => {
    const text = await curl('https://shop.test/', '-v', '--http2', '--stderr', '-');
    return text.includes('version 1') ? text : undefined;
  });
  expect(seen).toContain('subject: CN=shop');
  expect(seen).toMatch(/^< HTTP\/2 200/m);
  expect(seen).toMatch(/^< set-cookie: [0-9a-f]{32}=[0-9a-f]{32}; path=\/; HttpOnly; Secure; SameSite=None/m);
  expect(await curl('http://shop.test/x', '-o', '/dev/null', '-w', '%{http_code} %{redirect_url}')).toBe(`302 https://shop.test:${ports.https}/x`);
  expect(await platform.kube('get', 'route', 'shop')).toMatch(/shop +shop\.test +blue +<all> +edge\/Redirect +None/);
});

test('reencrypt trusts the certificate that a service asked for', async () => {
  const program = "require('https').createServer({ cert: require('fs').readFileSync('/certs/tls.crt'), key: require('fs').readFileSync('/certs/tls.key') }, (request, response) => response.end('secure')).listen(8443)";
  const labels = { app: 'secure' };
  await apply(
    { apiVersion: 'v1', kind: 'Service', metadata: { name: 'secure', annotations: { 'service.beta.openshift.io/serving-cert-secret-name': 'secure-tls' } }, spec: { selector: labels, ports: [{ name: 'https', port: 443, targetPort: 8443 }] } },
    { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'secure', labels }, spec: { containers: [{ name: 'web', image: toolsImage, imagePullPolicy: 'IfNotPresent', command: ['node', '-e', program], volumeMounts: [{ name: 'certs', mountPath: '/certs' }], readinessProbe: { tcpSocket: { port: 8443 }, periodSeconds: 1 } }], volumes: [{ name: 'certs', secret: { secretName: 'secure-tls' } }] } },
    route('secure', { host: 'secure.test', to: { kind: 'Service', name: 'secure' }, tls: { termination: 'reencrypt' } }),
  );
  await platform.kube('wait', '--for=condition=Ready', 'pod/secure', '--timeout=60s');
  await eventually('it answers', async () => ((await curl('https://secure.test/')) === 'secure' ? true : undefined));
  await platform.kube('delete', 'pod', 'secure', '--wait=false');
});

test('a claimed host, told in the list, and given on', async () => {
  await platform.kube('create', 'namespace', 'other');
  expect((await platform.kubectl(['apply', '-n', 'other', '-f', '-'], { input: manifestOf(route('thief', { host: 'shop.test' })) })).code).toBe(0);
  await eventually('the host is refused', async () => ((await platform.kube('get', 'route', 'thief', '-n', 'other')).includes('HostAlreadyClaimed') ? true : undefined));
  await platform.kube('delete', 'route', 'shop');
  await platform.kube('wait', 'route/thief', '-n', 'other', '--for=jsonpath={.status.ingress[0].conditions[0].status}=True', '--timeout=20s');
  await platform.kube('delete', 'namespace', 'other', '--wait=false');
});

test('weights that are patched split what comes next', async () => {
  await apply(route('split', { host: 'split.test', to: { kind: 'Service', name: 'blue', weight: 75 }, alternateBackends: [{ kind: 'Service', name: 'green', weight: 25 }] }));
  await admitted('split');
  await eventually('the route is served', async () => ((await podAt('http://split.test/')) ? true : undefined));
  const counted = async () => {
    const pods: string[] = [];
    for (let at = 0; at < 16; at += 1) pods.push(await podAt('http://split.test/'));
    return names.map((name) => pods.filter((pod) => pod === name).length);
  };
  expect(await counted()).toEqual([12, 4]);
  await platform.kube('patch', 'route', 'split', '--type=json', '-p', '[{"op":"replace","path":"/spec/to/weight","value":0},{"op":"replace","path":"/spec/alternateBackends/0/weight","value":1}]');
  await eventually('all go to green', async () => ((await counted())[1] === 16 ? true : undefined));
});

test('an Ingress becomes routes, has an address, and goes with them', async () => {
  await platform.kube('create', 'ingress', 'front', '--rule=front.test/green*=green:http', '--rule=front.test/=blue:80');
  await eventually('it has an address', async () => (/front +openshift-default +front\.test(,front\.test)? +router-default\.apps\.localhost +80/.test(await platform.kube('get', 'ingress', 'front')) ? true : undefined));
  expect(await podAt('http://front.test/green/x')).toBe('green');
  expect(await podAt('http://front.test/')).toBe('blue');
  // `kubectl create ingress` means exactly this path without a star.
  expect(await curl('http://front.test/x', '-o', '/dev/null', '-w', '%{http_code}')).toBe('503');
  await platform.kube('delete', 'ingress', 'front');
  await eventually('its routes are gone', async () => ((await platform.kube('get', 'routes', '-o', 'name')).includes('front') ? undefined : true));
});

test('what the router counts, and the log of requests that is switched on', async () => {
  const annotations = await platform.json<{ metadata: { annotations: Record<string, string> } }>('get', 'service', 'router', '-n', 'default');
  const at = `http://127.0.0.1:${annotations.metadata.annotations['slipway.dev/router-stats-port']}`;
  const { data } = await platform.json<{ data: Record<string, string> }>('get', 'secret', 'router-stats-default', '-n', 'default');
  const read = (what: string, ...args: string[]) => collect(spawn('curl', ['-s', ...args, `${at}${what}`])).then(({ stdout }) => stdout);
  expect(await read('/healthz/ready')).toBe('ok\n');
  expect(await read('/metrics', '-o', '/dev/null', '-w', '%{http_code}')).toBe('401');
  const known = ['-u', `${atob(data.statsUsername ?? '')}:${atob(data.statsPassword ?? '')}`];
  expect(await read('/haproxy?stats', ...known)).toMatch(/<td>default\/split<\/td>[^]*<tr class="endpoint"><td>green-/);
  expect(await read('/;csv', ...known)).toMatch(/^be_http:default:split,BACKEND,/m);
  const metrics = await read('/metrics', ...known);
  expect(metrics).toMatch(/^haproxy_backend_http_responses_total\{backend="http",namespace="default",route="split",code="2xx"\} [1-9]\d*$/m);
  expect(metrics).toMatch(/^haproxy_server_up\{[^}]*pod="green-[^}]*service="green"\} 1$/m);
  const token = (await platform.kube('create', 'token', 'default')).trim();
  expect(await read('/metrics', '-H', `Authorization: Bearer ${token}`, '-o', '/dev/null', '-w', '%{http_code}')).toBe('403');

  const file = path.join(platform.home, 'log', 'access.log');
  expect(existsSync(file)).toBe(false);
  await platform.kube('annotate', 'service', 'router', '-n', 'default', 'slipway.dev/access-log=true');
  const entry = await eventually('a request is logged', async () => {
    await curl('http://split.test/logged?secret=1');
    return existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line) as AccessEntry).find(({ path: asked }) => asked === '/logged') : undefined;
  });
  expect(entry).toMatchObject({ client: '127.0.0.1', method: 'GET', host: 'split.test', status: 200, route: 'default/split', service: 'default/green', pod: expect.stringMatching(/^green-/) as string });
  await platform.kube('annotate', 'service', 'router', '-n', 'default', 'slipway.dev/access-log-');
});

test('a request to an idled application waits until it is back', async () => {
  await apply(route('lazy', { host: 'lazy.test' }));
  await admitted('lazy');
  await eventually('the route is served', async () => ((await podAt('http://lazy.test/')) === 'blue' ? true : undefined));
  expect(await platform.run(['idle', 'blue'])).toMatchObject({ code: 0 });
  await eventually('its pods are gone', async () => ((await platform.kube('get', 'pods', '-l', 'app=blue', '-o', 'name')) === '' ? true : undefined));
  expect(await podAt('http://lazy.test/')).toBe('blue');
  await platform.kube('rollout', 'status', 'deployment/blue', '--timeout=30s');
});
