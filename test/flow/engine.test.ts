/** A platform whose pods and builds are containers of an engine: podman's service, with storage of the test's own. Strangers at the same engine notice nothing. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ListedContainer } from '../../src/agent/runtime/engine/engine-objects.ts';
import type { Node } from '../../src/api/kinds/core.ts';
import { registryClient } from '../../src/oci/registry-client.ts';
import type { RunInfo } from '../../src/protocol/daemon.ts';
import { pushShaped } from '../support/build/shaped-image.ts';
import { noPodman, startPodman, type Podman } from '../support/engine/podman.ts';
import { eventually, fetchRoute, Platform } from '../support/platform/platform.ts';
import { processesNaming } from '../support/platform/processes.ts';
import { manifestOf, webPod, webService } from '../support/platform/web-pod.ts';

const missing = noPodman();

describe.skipIf(missing !== undefined)(`--runtime engine${missing === undefined ? '' : ` (${missing})`}`, () => {
  let podman: Podman;
  let platform: Platform;
  const containers = (state = 'all') => podman.client.call<ListedContainer[]>('GET', '/containers/json', { query: { all: true } }).then((all) => all.filter((one) => state === 'all' || one.State === state));
  const networks = () => podman.client.call<{ Name: string }[]>('GET', '/networks').then((all) => all.map(({ Name }) => Name).sort());
  let strangers: { containers: string[]; networks: string[] };

  beforeAll(async () => {
    podman = await startPodman();
    platform = new Platform();
    await podman.client.call('POST', '/networks/create', { body: { Name: 'stranger', Driver: 'bridge', Labels: { 'slipway.dev/home': 'another' } } });
    strangers = { containers: [], networks: await networks() };
    await platform.up(['--runtime', 'engine', '--engine', podman.url]);
    const [image] = await podman.client.call<{ Id: string }[]>('GET', '/images/json');
    const { Id } = await podman.client.call<{ Id: string }>('POST', '/containers/create', {
      query: { name: 'stranger' }, body: { Image: image?.Id, Entrypoint: ['sleep', '100000'], Cmd: [], Labels: { 'slipway.dev/home': 'another' }, HostConfig: { NetworkMode: 'stranger', Binds: ['/usr:/usr:ro'] } },
    });
    await podman.client.call('POST', `/containers/${Id}/start`);
    strangers.containers.push(Id);
  });
  afterAll(async () => {
    await platform?.dispose();
    await podman?.stop();
  });

  test('the node says what it gives', async () => {
    const node = await platform.json<Node>('get', 'node', 'node-1');
    expect(node.metadata.labels).toMatchObject({ 'slipway.dev/runtime': 'engine', 'slipway.dev/memory-limit': 'cgroup', 'slipway.dev/cpu-limit': 'cgroup', 'slipway.dev/pod-network': 'true' });
    expect(node.status?.nodeInfo?.containerRuntimeVersion).toMatch(/^slipway-engine:\/\/podman-\d/);
    expect(node.status?.conditions).toContainEqual(expect.objectContaining({ type: 'ResourceLimits', status: 'True' }));
  });

  test('an app from source, by a builder of this machine', async () => {
    const made = await platform.run(['new-app', path.resolve('test/fixtures/apps/node-hello')], { timeoutMs: 120_000 });
    expect(made.stdout + made.stderr).toMatch(/^url http:\/\/node-hello-default\.apps\.localhost:\d+\//m);
    expect(made.code).toBe(0);
    const url = /^url (.*)$/m.exec(made.stdout)![1]!;
    expect((await fetchRoute(url)).body).toContain('Hello from node-hello');
    const pod = (await platform.kube('get', 'pod', '-l', 'deploymentconfig=node-hello', '-o', 'name')).trim();
    const script = 'fetch("http://node-hello:8080").then(r=>r.text()).then(t=>console.log("service",t.split(" ")[0]));fetch("https://kubernetes.default.svc/version").catch(e=>console.log(e.cause.code))';
    // Names and service addresses are real inside; TLS goes through to the API, whose certificate Node.js does not know.
    expect((await platform.kube('exec', pod, '--', 'node', '-e', script)).split('\n').sort().join(' ').trim()).toMatch(/^(UNABLE_TO_VERIFY_LEAF_SIGNATURE|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_GET_ISSUER_CERT_LOCALLY) service Hello$/);
  });

  test('an app by a real builder image, pushed to the registry', async () => {
    await platform.kubectl(['apply', '-f', '-'], { input: JSON.stringify({ apiVersion: 'image.openshift.io/v1', kind: 'ImageStream', metadata: { name: 'shaped', namespace: 'default' }, spec: { tags: [{ name: 'latest', annotations: { tags: 'builder,shaped' } }] } }) });
    const { registry } = await platform.status();
    const password = (await platform.kube('create', 'token', 'builder', '-n', 'default')).trim();
    const ca = Buffer.from(/certificate-authority-data: (\S+)/.exec(readFileSync(platform.kubeconfig, 'utf8'))![1]!, 'base64').toString();
    const client = registryClient({ baseUrl: `https://${registry}`, ca, auth: { username: 'builder', password } });
    await pushShaped(client, 'default/shaped');
    client.close();
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
      const limited = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'hungry' }, spec: { restartPolicy: 'Never', containers: [{ name: 'main', image: 'slipway/tools', command: ['node', '-e', 'const k=[];setInterval(()=>k.push(Buffer.alloc(16<<20,1)),10)'], resources: { limits: { memory: '150Mi' } } }] } };
      await platform.kubectl(['apply', '-f', '-'], { input: manifestOf(webPod('counter', { env: { COUNT_EVERY: '20' } }), webService('counter'), limited) });
      await platform.kube('wait', '--for=condition=Ready', 'pod/counter', '--timeout=60s');
      id = await idOf();
    });

    test('over its memory is told apart', async () => {
      const state = () => platform.kube('get', 'pod', 'hungry', '-o', 'jsonpath={.status.containerStatuses[0].state.terminated.reason} {.status.containerStatuses[0].state.terminated.exitCode}');
      await eventually('it was ended', async () => ((await state()) === 'OOMKilled 137' ? true : undefined));
    });

    test('gives a terminal', () => {
      const shell = spawnSync('script', ['-qfec', 'kubectl exec -it counter -- sh -c "stty size; tty; exit 5"', '/dev/null'], { env: { ...process.env, KUBECONFIG: platform.kubeconfig, SHELL: '/bin/sh' }, encoding: 'utf8', input: '' });
      expect(shell.stdout).toMatch(/\d+ \d+\r?\n\/dev\/pts\/\d+/);
      expect(shell.status).toBe(5);
    });

    test('is reached by port-forward', forwarded);

    test('lives on when the agent is killed, and the log has no gap', async () => {
      const agents = () => processesNaming(path.join(platform.home, 'versions')).filter(({ command }) => /agent\.js/.test(command));
      const [agent] = agents();
      process.kill(agent?.pid ?? 0, 'SIGKILL');
      await eventually('another agent runs', async () => (agents().some(({ pid }) => pid !== agent?.pid) ? true : undefined));
      await eventually('it answers', async () => ((await platform.kubectl(['exec', 'counter', '--', 'true'])).code === 0 ? true : undefined));
      await undisturbed();
    });

    test('lives on when the control plane is killed', async () => {
      const { pid } = JSON.parse(readFileSync(path.join(platform.home, 'run.json'), 'utf8')) as RunInfo;
      process.kill(pid, 'SIGKILL');
      await eventually('it is gone', async () => ((await platform.run(['status'])).code === 1 ? true : undefined));
      await platform.up(['--runtime', 'engine', '--engine', podman.url]);
      await undisturbed();
    });

    test('lives on when the engine goes away and comes back; the node tells of it', async () => {
      const ready = () => platform.kube('get', 'node', 'node-1', '-o', 'jsonpath={.status.conditions[?(@.type=="Ready")].status} {.status.conditions[?(@.type=="Ready")].message}');
      await podman.halt();
      await eventually('the node is not ready', async () => ((await ready()).startsWith('False container runtime is down') ? true : undefined));
      await podman.resume();
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

  // Docker Desktop, a rootless engine: this machine's network does not lead to its containers.
  test('where pods cannot be dialled, router, probes and port-forward go through the engine', async () => {
    await platform.up(['--runtime', 'engine', '--engine', podman.url], { SLIPWAY_ENGINE_RELAY: 'true' });
    const route = { apiVersion: 'route.openshift.io/v1', kind: 'Route', metadata: { name: 'counter' }, spec: { to: { kind: 'Service', name: 'counter' } } };
    await platform.kubectl(['apply', '-f', '-'], { input: manifestOf(route) });
    await platform.kube('wait', '--for=condition=Ready', 'pod/counter', '--timeout=60s');
    const { runDirectory } = JSON.parse(readFileSync(path.join(platform.home, 'run.json'), 'utf8')) as RunInfo;
    expect(existsSync(path.join(runDirectory, 'dial.sock'))).toBe(true);
    const url = `http://counter-default.apps.localhost:${new URL((await platform.status()).router?.http ?? '').port}/`;
    await eventually('the route answers', async () => ((await fetchRoute(url)).body.includes('on counter') ? true : undefined));
    await forwarded();
    await platform.down();
    await onlyStrangers();
  });

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
