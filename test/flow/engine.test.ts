/** A platform whose pods and builds are containers of an engine: podman's service and Docker's daemon, with storage of the test's own. Strangers at the same engine notice nothing. */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ListedContainer } from '../../src/agent/runtime/engine/engine-objects.ts';
import type { Node } from '../../src/api/kinds/core.ts';
import type { Build } from '../../src/api/kinds/build.ts';
import { registryClient, type RegistryClient } from '../../src/oci/registry-client.ts';
import type { RunInfo } from '../../src/protocol/daemon.ts';
import { pushCustomBuilder } from '../support/build/custom-builder.ts';
import { pushShaped } from '../support/build/shaped-image.ts';
import { startRootlessPodman, whyNotRootless } from '../support/engine/rootless-podman.ts';
import { engineNames, startEngine, whyNoEngine, type TestEngine } from '../support/engine/test-engine.ts';
import { tlsRelay } from '../support/engine/tls-relay.ts';
import { testDriver } from '../support/drivers/table.ts';
import { startGitServer } from '../support/platform/git-server.ts';
import { eventually, fetchRoute, Platform } from '../support/platform/platform.ts';
import { manifestOf, webPod, webService } from '../support/platform/web-pod.ts';

const internal = 'docker-registry.default.svc:5000';
const cases = engineNames.map((name) => ({ name, missing: whyNoEngine(name) }));

for (const { name, missing } of cases) describe.skipIf(missing !== undefined)(`--runtime engine of ${name}${missing === undefined ? '' : ` (${missing})`}`, () => {
  let engine: TestEngine;
  let platform: Platform;
  const containers = (state = 'all') => engine.client.call<ListedContainer[]>('GET', '/containers/json', { query: { all: true } }).then((all) => all.filter((one) => state === 'all' || one.State === state));
  const networks = () => engine.client.call<{ Name: string }[]>('GET', '/networks').then((all) => all.map(({ Name }) => Name).sort());
  let strangers: { containers: string[]; networks: string[] };

  beforeAll(async () => {
    engine = await startEngine(name);
    platform = new Platform();
    await engine.client.call('POST', '/networks/create', { body: { Name: 'stranger', Driver: 'bridge', Labels: { 'slipway.dev/home': 'another' } } });
    strangers = { containers: [], networks: await networks() };
    await platform.up(['--runtime', 'engine', '--engine', engine.url]);
    const [image] = await engine.client.call<{ Id: string }[]>('GET', '/images/json');
    const { Id } = await engine.client.call<{ Id: string }>('POST', '/containers/create', {
      query: { name: 'stranger' }, body: { Image: image?.Id, Entrypoint: ['sleep', '100000'], Cmd: [], Labels: { 'slipway.dev/home': 'another' }, HostConfig: { NetworkMode: 'stranger', Binds: ['/usr:/usr:ro'] } },
    });
    await engine.client.call('POST', `/containers/${Id}/start`);
    strangers.containers.push(Id);
  });
  afterAll(async () => {
    await platform?.dispose();
    await engine?.stop();
  });

  test('the node says what it gives', async () => {
    const node = await platform.json<Node>('get', 'node', 'node-1');
    expect(node.metadata.labels).toMatchObject({ 'slipway.dev/runtime': 'engine', 'slipway.dev/memory-limit': 'cgroup', 'slipway.dev/cpu-limit': 'cgroup', 'slipway.dev/pod-network': 'true' });
    expect(node.status?.nodeInfo?.containerRuntimeVersion).toMatch(new RegExp(`^slipway-engine://${name}-\\d`));
    expect(node.status?.conditions).toContainEqual(expect.objectContaining({ type: 'ResourceLimits', status: 'True' }));
    // The user's own command tells what is ours by the mark.
    const listed = execFileSync('docker', ['ps', '--filter', 'label=slipway.dev/role=node', '--format', '{{.Names}}'], { env: { ...process.env, DOCKER_HOST: engine.url }, encoding: 'utf8' });
    expect(listed).toMatch(/^slipway-[0-9a-f]{12}-node-1\n$/);
  });

  test('an app from source, by a builder of this machine', async () => {
    // Docker's daemon has no way out here, since it leaves this machine's packet filter alone: an application without dependencies.
    const app = { podman: 'test/fixtures/apps/node-hello', docker: 'test/fixtures/apps/node-noscript' }[name];
    const folder = path.join(platform.user.home, 'node-hello');
    cpSync(app, folder, { recursive: true });
    if (name === 'docker') writeFileSync(path.join(folder, 'package.json'), '{ "name": "node-hello", "scripts": { "start": "node service.js" } }');
    platform.user.own(folder);
    const made = await platform.run(['new-app', folder], { timeoutMs: 120_000 });
    expect(made.stdout + made.stderr).toMatch(/^url http:\/\/node-hello-default\.apps\.localhost:\d+\//m);
    expect(made.code).toBe(0);
    const url = /^url (.*)$/m.exec(made.stdout)![1]!;
    expect((await fetchRoute(url)).body).toContain('Hello from node-');
    const pod = (await platform.kube('get', 'pod', '-l', 'deploymentconfig=node-hello', '-o', 'name')).trim();
    const script = 'fetch("http://node-hello:8080").then(r=>r.text()).then(t=>console.log("service",t.split(" ")[0]));fetch("https://kubernetes.default.svc/version").catch(e=>console.log(e.cause.code))';
    // Names and service addresses are real inside; TLS goes through to the API, whose certificate Node.js does not know.
    expect((await platform.kube('exec', pod, '--', 'node', '-e', script)).split('\n').sort().join(' ').trim()).toMatch(/^(UNABLE_TO_VERIFY_LEAF_SIGNATURE|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_GET_ISSUER_CERT_LOCALLY) service Hello$/);
  });

  test('an app by a real builder image, pushed to the registry', async () => {
    await platform.kubectl(['apply', '-f', '-'], { input: JSON.stringify({ apiVersion: 'image.openshift.io/v1', kind: 'ImageStream', metadata: { name: 'shaped', namespace: 'default' }, spec: { tags: [{ name: 'latest', annotations: { tags: 'builder,shaped' } }] } }) });
    const client = await registryOf('default');
    await pushShaped(client, 'default/shaped').finally(() => client.close());
    const folder = path.join(platform.user.home, 'page');
    mkdirSync(folder, { recursive: true });
    writeFileSync(path.join(folder, 'index.html'), '<p>served by an image of its own</p>');
    platform.user.own(folder);
    const made = await platform.run(['new-app', 'shaped~page'], { timeoutMs: 120_000 });
    expect(made.stdout + made.stderr).toMatch(/^url /m);
    expect((await fetchRoute(/^url (.*)$/m.exec(made.stdout)![1]!)).body).toContain('served by an image of its own');
    const pod = (await platform.kube('get', 'pod', '-l', 'deploymentconfig=page', '-o', 'name')).trim();
    // Nothing of this machine is seen: the root is the image's.
    expect(await platform.kube('exec', pod, '--', 'sh', '-c', 'id -u; ls /usr; readlink /bin/sh; head -1 /etc/hosts')).toBe('1001\nbin\nlibexec\nlocal\nbusybox\n# Kubernetes-managed hosts file.\n');
  });

  test('a Dockerfile of a repository on this machine: stages, commands as several users, an image of its own beside one that stands on this machine', async () => {
    const server = await startGitServer();
    try {
      const dockerfile = [
        `FROM ${internal}/default/shaped:latest AS page`, 'USER 0', 'RUN mkdir /out && echo "made by $(id -u) where /usr has $(ls /usr | tr "\\n" " ")" > /out/page',
        `FROM ${internal}/openshift/nodejs:latest`, 'WORKDIR /opt/app-root/src', 'COPY --from=page /out/page page', 'COPY server.js ./', 'RUN node -e "fs.appendFileSync(\'page\', \'and by Node.js\')"', 'USER 1001', 'EXPOSE 8080', 'CMD ["node", "server.js"]',
      ].join('\n');
      const program = 'require("node:http").createServer((request, response) => response.end(require("node:fs").readFileSync("page"))).listen(8080)';
      const url = server.repository('paged', undefined, { Dockerfile: dockerfile, 'server.js': program });
      const made = await platform.run(['new-app', url, '--name', 'paged'], { timeoutMs: 120_000 });
      expect(made.stdout + made.stderr).toMatch(/^strategy docker /m);
      expect(made.code, made.stdout + made.stderr + (await platform.kubectl(['logs', 'paged-1-build'])).stdout).toBe(0);
      expect((await fetchRoute(/^url (.*)$/m.exec(made.stdout)![1]!)).body).toBe('made by 0 where /usr has bin libexec local \nand by Node.js');
    } finally {
      await server.close();
    }
  });

  test('the Custom strategy: the image is given what OpenShift gives it, and pushes by itself', async () => {
    const client = await registryOf('default');
    await pushCustomBuilder(client, 'default/custom').finally(() => client.close());
    const config = {
      apiVersion: 'build.openshift.io/v1', kind: 'BuildConfig', metadata: { name: 'made' },
      spec: {
        triggers: [{ type: 'ConfigChange' }], output: { to: { kind: 'ImageStreamTag', name: 'made:latest' } }, source: { git: { uri: 'https://example.org/app.git', ref: 'main' } },
        strategy: { customStrategy: { from: { kind: 'ImageStreamTag', name: 'custom:latest' }, env: [{ name: 'LEVEL', value: 'high' }], secrets: [{ secretSource: { name: 'word' }, mountPath: '/keys' }] } },
      },
    };
    const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'word' }, stringData: { word: 'sesame' } };
    await platform.kubectl(['apply', '-f', '-'], { input: manifestOf(secret, { apiVersion: 'image.openshift.io/v1', kind: 'ImageStream', metadata: { name: 'made' } }, config) });
    const { status } = await eventually('it ends', async () => {
      const build = await platform.json<Build>('get', 'build', 'made-1');
      return ['Complete', 'Failed', 'Error'].includes(build.status.phase) ? build : undefined;
    });
    const log = await platform.kube('logs', 'made-1-build');
    expect(log).toContain('building made-1 https://example.org/app.git main high sesame true');
    expect(status.phase).toBe('Complete');
    expect(log).toContain(`pushed ${(await platform.json<{ image: { metadata: { name: string } } }>('get', 'imagestreamtag', 'made:latest')).image.metadata.name}`);
  });

  testDriver(name, () => platform);

  test('a service of datagrams, and this machine by its name', async () => {
    const program = `
      const { createSocket } = require('node:dgram');
      createSocket('udp4').on('message', function (word, from) { this.send('echo ' + word, from.port, from.address); }).bind(5353, () => console.log('listening'));
      require('node:http').createServer((request, response) => response.end()).listen(8080);
    `;
    const echo = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'echo', labels: { app: 'echo' } }, spec: { terminationGracePeriodSeconds: 0, containers: [{ name: 'main', image: 'slipway/tools', command: ['node', '-e', program], readinessProbe: { tcpSocket: { port: 8080 }, periodSeconds: 1 } }] } };
    const service = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'datagrams' }, spec: { selector: { app: 'echo' }, ports: [{ name: 'udp', protocol: 'UDP', port: 53, targetPort: 5353 }] } };
    await platform.kubectl(['apply', '-f', '-'], { input: manifestOf(echo, service) });
    await platform.kube('wait', '--for=condition=Ready', 'pod/echo', '--timeout=60s');
    const ask = 'const s=require("node:dgram").createSocket("udp4");s.on("message",(m,f)=>{console.log(String(m),f.port);process.exit()});const send=()=>s.send("hello",53,"datagrams");send();setInterval(send,500)';
    // It answers from the service's own address and port.
    expect(await platform.kube('exec', 'echo', '--', 'node', '-e', ask)).toBe('echo hello 53\n');
    const outside = http.createServer((request, response) => response.end(`outside ${request.url}`));
    await new Promise<void>((resolve) => outside.listen(0, '127.0.0.1', resolve));
    const { port } = outside.address() as AddressInfo;
    const fetching = (path: string) => platform.kubectl(['exec', 'echo', '--', 'node', '-e', `fetch("http://host.slipway.internal:${port}${path}").then(r=>r.text()).then(t=>console.log(t),e=>console.log(e.cause.code))`]);
    try {
      expect((await fetching('/one')).stdout).toBe('outside /one\n');
    } finally {
      outside.closeAllConnections();
      await new Promise((resolve) => outside.close(resolve));
    }
    expect((await fetching('/two')).stdout).toBe('ECONNREFUSED\n');
    await platform.kube('delete', 'pod', 'echo', '--now');
  });

  describe('a pod', () => {
    let id: string;
    const idOf = () => platform.kube('get', 'pod', 'counter', '-o', 'jsonpath={.status.containerStatuses[0].containerID} {.status.containerStatuses[0].restartCount}');
    const counts = async (least: number) => eventually(`the log reaches ${least}`, async () => {
      const found = [...(await platform.kube('logs', 'counter')).matchAll(/^count (\d+)$/gm)].map(([, count]) => Number(count));
      return (found.at(-1) ?? 0) >= least ? found : undefined;
    });
    const undisturbed = async () => {
      const last = (await counts(0)).at(-1) ?? 0;
      const all = await counts(last + 50);
      expect(all).toEqual(all.map((_, index) => index));
      expect(await idOf()).toBe(id);
    };

    beforeAll(async () => {
      await platform.kubectl(['apply', '-f', '-'], { input: manifestOf(webPod('counter', { env: { COUNT_EVERY: '20' } }), webService('counter')) });
      await platform.kube('wait', '--for=condition=Ready', 'pod/counter', '--timeout=60s');
      id = await idOf();
    });

    if (name === 'podman') test('lives on when the control plane is killed', async () => {
      const { pid } = JSON.parse(readFileSync(path.join(platform.home, 'run.json'), 'utf8')) as RunInfo;
      process.kill(pid, 'SIGKILL');
      await eventually('it is gone', async () => ((await platform.run(['status'])).code === 1 ? true : undefined));
      await platform.up(['--runtime', 'engine', '--engine', engine.url]);
      await undisturbed();
    });

    test('lives on when the engine goes away and comes back; the node tells of it', async () => {
      const ready = () => platform.kube('get', 'node', 'node-1', '-o', 'jsonpath={.status.conditions[?(@.type=="Ready")].status} {.status.conditions[?(@.type=="Ready")].message}');
      await engine.halt();
      await eventually('the node is not ready', async () => ((await ready()).startsWith('False container runtime is down') ? true : undefined));
      await engine.resume();
      await eventually('the node is ready', async () => ((await ready()).startsWith('True') ? true : undefined));
      await eventually('commands run again', async () => ((await platform.kubectl(['exec', 'counter', '--', 'true'])).code === 0 ? true : undefined));
      await undisturbed();
    });
  });

  test('down removes what is ours and nothing else', async () => {
    expect((await containers('running')).length).toBeGreaterThan(3);
    await platform.down();
    await onlyStrangers();
  });

  // Docker Desktop, a rootless engine: this machine's network does not lead to its containers. One engine is enough: nothing here is its own.
  if (name === 'podman') test('over TLS, and where pods cannot be dialled: router, probes and port-forward go through the engine', async () => {
    const certificates = path.join(platform.user.home, 'certificates');
    const relay = await tlsRelay(engine.socketPath, certificates);
    platform.user.own(certificates);
    const unknown = await platform.run(['up', '--detach', '--runtime', 'engine'], { env: { DOCKER_HOST: relay.url } });
    expect(unknown).toMatchObject({ code: 3, stderr: expect.stringContaining(`DOCKER_HOST at ${relay.url}`) as string });
    await platform.up(['--runtime', 'engine'], { SLIPWAY_ENGINE_RELAY: 'true', DOCKER_HOST: relay.url, DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: certificates });
    const route = { apiVersion: 'route.openshift.io/v1', kind: 'Route', metadata: { name: 'counter' }, spec: { to: { kind: 'Service', name: 'counter' } } };
    await platform.kubectl(['apply', '-f', '-'], { input: manifestOf(route) });
    await platform.kube('wait', '--for=condition=Ready', 'pod/counter', '--timeout=60s');
    const { runDirectory } = JSON.parse(readFileSync(path.join(platform.home, 'run.json'), 'utf8')) as RunInfo;
    expect(existsSync(path.join(runDirectory, 'dial.sock'))).toBe(true);
    const url = `http://counter-default.apps.localhost:${new URL((await platform.status()).router?.http ?? '').port}/`;
    await eventually('the route answers', async () => ((await fetchRoute(url)).body.includes('on counter') ? true : undefined));
    await forwarded();
    // The end of the input goes through, and the output after it.
    expect((await platform.kubectl(['exec', '-i', 'counter', '--', 'sh', '-c', 'cat; echo over'], { input: 'in\n' })).stdout).toBe('in\nover\n');
    await platform.down();
    await relay.close();
    await onlyStrangers();
  });

  /** The registry, as the builder of a project. */
  async function registryOf(project: string): Promise<RegistryClient> {
    const { registry } = await platform.status();
    const password = (await platform.kube('create', 'token', 'builder', '-n', project)).trim();
    const ca = Buffer.from(/certificate-authority-data: (\S+)/.exec(readFileSync(platform.kubeconfig, 'utf8'))![1]!, 'base64').toString();
    return registryClient({ baseUrl: `https://${registry}`, ca, auth: { username: 'builder', password } });
  }

  async function forwarded(): Promise<void> {
    const child = platform.spawnKubectl(['port-forward', 'pod/counter', ':8080']);
    try {
      const port = await new Promise<string>((resolve) => child.stdout?.on('data', (text: Buffer) => resolve(/127\.0\.0\.1:(\d+)/.exec(String(text))?.[1] ?? '')));
      expect((await fetchRoute(`http://127.0.0.1:${port}/`)).body).toContain('on counter');
    } finally {
      child.kill();
    }
  }

  async function onlyStrangers(): Promise<void> {
    expect((await containers()).map(({ Id }) => Id)).toEqual(strangers.containers);
    expect(await containers('running')).toHaveLength(1);
    expect(await networks()).toEqual(strangers.networks);
  }
});

const rootless = whyNoEngine('podman') ?? whyNotRootless();

describe.skipIf(rootless !== undefined)(`--runtime engine of an ordinary user's podman${rootless === undefined ? '' : ` (${rootless})`}`, () => {
  let engine: TestEngine;
  let platform: Platform;
  beforeAll(async () => {
    platform = new Platform();
    const { uid = 0, gid = 0 } = platform.user.identity;
    engine = await startRootlessPodman({ uid, gid });
    await platform.up(['--runtime', 'engine', '--engine', engine.url]);
  });
  afterAll(async () => {
    await platform?.dispose();
    await engine?.stop();
  });

  test('from a Dockerfile to its URL and to a claim, with what it can limit told as it is', async () => {
    const folder = path.join(platform.user.home, 'app');
    cpSync('test/fixtures/apps/node-noscript', folder, { recursive: true });
    writeFileSync(path.join(folder, 'Dockerfile'), `FROM ${internal}/openshift/nodejs:latest\nCOPY service.js ./\nUSER 0\nRUN id -u > who\nUSER 1001\nEXPOSE 8080\nCMD ["node", "service.js"]\n`);
    platform.user.own(folder);
    const made = await platform.run(['new-app', folder], { timeoutMs: 120_000 });
    expect(made.code, made.stdout + made.stderr).toBe(0);
    expect((await fetchRoute(/^url (.*)$/m.exec(made.stdout)![1]!)).body).toContain('Hello from node-noscript');
    const pod = (await platform.kube('get', 'pod', '-l', 'deploymentconfig=app', '-o', 'name')).trim();
    expect(await platform.kube('exec', pod, '--', 'sh', '-c', 'id -u; cat who')).toBe('1001\n0\n');
    const node = await platform.json<Node>('get', 'node', 'node-1');
    const { CgroupVersion } = await engine.client.call<{ CgroupVersion: string }>('GET', '/info');
    if (CgroupVersion === '1') expect(node.status?.conditions).toContainEqual(expect.objectContaining({ type: 'ResourceLimits', status: 'False' }));
    const claim = { apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name: 'kept' }, spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '10Mi' } } } };
    const writes = {
      apiVersion: 'v1', kind: 'Pod', metadata: { name: 'writes' },
      spec: { restartPolicy: 'Never', securityContext: { runAsUser: 1234 }, volumes: [{ name: 'kept', persistentVolumeClaim: { claimName: 'kept' } }], containers: [{ name: 'main', image: 'slipway/tools', command: ['sh', '-c', 'id -u > /kept/word && cat /kept/word'], volumeMounts: [{ name: 'kept', mountPath: '/kept' }] }] },
    };
    await platform.kubectl(['apply', '-f', '-'], { input: manifestOf(claim, writes) });
    await platform.kube('wait', '--for=jsonpath={.status.phase}=Succeeded', 'pod/writes', '--timeout=60s');
    expect(await platform.kube('logs', 'writes')).toBe('1234\n');
    await platform.down();
    expect(await engine.client.call('GET', '/containers/json', { query: { all: true } })).toEqual([]);
  });
});
