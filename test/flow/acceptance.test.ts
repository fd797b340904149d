/**
 * The acceptance test: an ordinary user, `/dev/net/tun` closed, builds a Git repository with an npm dependency and one with a pip dependency, both installed
 * inside the build pod from a registry that this test serves; both URLs answer, again after `down` and `up`. The sandbox proves itself from inside.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startPackageIndex, type PackageIndex } from '../support/build/package-index.ts';
import { startGitServer, type GitServer } from '../support/platform/git-server.ts';
import { freePort } from '../support/free-port.ts';
import { eventually, fetchRoute, Platform } from '../support/platform/platform.ts';
import { manifestOf, webPod } from '../support/platform/web-pod.ts';

interface PodList {
  items: { metadata: { name: string; labels?: Record<string, string> }; status: { phase: string; podIP?: string; containerStatuses?: { ready: boolean; restartCount: number; containerID: string }[] } }[];
}

const urlOf = (stdout: string) => /^url (\S+)$/m.exec(stdout)?.[1] ?? '';

describe.each([{ runtime: 'sandbox', replicas: 1 }, { runtime: 'process', replicas: 2 }])('as an ordinary user, --runtime $runtime', ({ runtime, replicas }) => {
  let platform: Platform;
  let git: GitServer;
  let index: PackageIndex;
  const urls: Record<string, string> = {};

  beforeAll(async () => {
    platform = new Platform();
    git = await startGitServer();
    index = await startPackageIndex(['node_modules/ms'], { host: '127.0.0.1' });
    await platform.up(['--runtime', runtime]);
  });
  afterAll(async () => {
    await platform?.dispose();
    await git?.close();
    await index?.close();
  });

  const hostName = runtime === 'sandbox' ? 'host.slipway.internal' : '127.0.0.1';
  const seenByPods = (url: string) => url.replace('127.0.0.1', hostName);
  const repository = (name: string, folder: string, files?: Record<string, string>) => {
    const url = git.repository(name, folder, files);
    return runtime === 'sandbox' ? url : git.local(name);
  };

  test('builds and runs a Node.js repository with a dependency', async () => {
    const source = repository('node', 'test/fixtures/apps/node-hello', { 'package-lock.json': JSON.stringify({ name: 'node-hello', version: '1.0.0', lockfileVersion: 3, packages: { '': { name: 'node-hello', version: '1.0.0', dependencies: { ms: '2.1.3' } }, 'node_modules/ms': { version: '2.1.3' } } }) });
    const built = await platform.run(['new-app', source, '--name', 'node-hello', '--builder', 'nodejs', '--env', `NPM_MIRROR=${seenByPods(index.npm)}`], { timeoutMs: 120_000 });
    expect(built.code, built.stdout + built.stderr + platform.log()).toBe(0);
    urls.node = urlOf(built.stdout);
    expect((await fetchRoute(urls.node)).body).toContain('Hello from node-hello 1.0.0');
    expect(index.requests.some((path) => path.includes('/npm/ms/ms-'))).toBe(true);
  });

  test('builds and runs a Python repository with a dependency', async () => {
    const source = repository('python', 'test/fixtures/apps/python-hello');
    const built = await platform.run(['new-app', source, '--name', 'python-hello', '--builder', 'python', '--env', `PIP_INDEX_URL=${seenByPods(index.pip)}`, '--env', `PIP_TRUSTED_HOST=${hostName}`], { timeoutMs: 120_000 });
    expect(built.code, built.stdout + built.stderr + platform.log()).toBe(0);
    urls.python = urlOf(built.stdout);
    expect((await fetchRoute(urls.python)).body).toContain('Hello from python-hello 1.0.0');
    expect(index.requests.some((path) => path.includes('inflection'))).toBe(true);
  });

  test('build and deployer pods completed, application pods are ready, the route is admitted', async () => {
    const { items } = await platform.json<PodList>('get', 'pods');
    const phase = (name: RegExp) => items.filter((pod) => name.test(pod.metadata.name)).map((pod) => pod.status.phase);
    expect(phase(/^node-hello-1-build$/)).toEqual(['Succeeded']);
    expect(phase(/^node-hello-1-deploy$/)).toEqual(['Succeeded']);
    expect(items.filter((pod) => pod.metadata.labels?.deploymentconfig === 'node-hello' && pod.status.containerStatuses?.every((one) => one.ready))).toHaveLength(1);
    expect(await platform.kube('get', 'route', 'node-hello', '-o', 'jsonpath={.status.ingress[0].conditions[0].type}={.status.ingress[0].conditions[0].status}')).toBe('Admitted=True');
  });

  test('every step of the way left its event', async () => {
    const reasons = (await platform.kube('get', 'events', '-o', 'jsonpath={range .items[*]}{.reason}{"\\n"}{end}')).split('\n');
    for (const reason of ['BuildStarted', 'BuildCompleted', 'Scheduled', 'Pulled', 'Created', 'Started', 'DeploymentCreated', 'SuccessfulCreate']) expect(reasons).toContain(reason);
  });

  if (replicas > 1) test('serves from two replicas', async () => {
    await platform.kube('scale', 'dc/node-hello', `--replicas=${replicas}`);
    const bodies = new Set<string>();
    await eventually('an answer from each replica', async () => {
      const { items } = await platform.json<{ items: { subsets?: { addresses?: unknown[] }[] }[] }>('get', 'endpoints', '--field-selector=metadata.name=node-hello');
      return (items[0]?.subsets ?? []).reduce((sum, subset) => sum + (subset.addresses?.length ?? 0), 0) === replicas ? true : undefined;
    });
    await eventually('both replicas answer', async () => {
      bodies.add((await fetchRoute(urls.node ?? '')).status.toString());
      const logs = await platform.kube('logs', '-l', 'deploymentconfig=node-hello', '--prefix', '--tail=-1');
      return new Set([...logs.matchAll(/\[pod\/(\S+)\/[^\]]*\] GET \/ 200/g)].map((match) => match[1])).size === replicas ? true : undefined;
    });
    expect(bodies).toEqual(new Set(['200']));
  });

  if (runtime === 'process') test('pods in the network of this machine: a host port leads to theirs, a policy that nobody enforces is told', async () => {
    const hostPort = await freePort();
    const policy = { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: { name: 'closed' }, spec: { podSelector: {} } };
    await platform.kubectl(['apply', '-f', '-'], { input: manifestOf(webPod('held', { hostPort }), policy) });
    await platform.kube('wait', '--for=condition=Ready', 'pod/held', '--timeout=60s');
    const page = () => fetch(`http://127.0.0.1:${hostPort}/`).then((response) => response.text(), () => 'nobody');
    await eventually('the host port answers', async () => ((await page()).startsWith('version 1') ? true : undefined));
    await platform.kube('delete', 'pod', 'held', '--wait');
    await eventually('it ends with the pod', async () => ((await page()) === 'nobody' ? true : undefined));
    const told = () => platform.kube('get', 'events', '--field-selector', 'involvedObject.kind=NetworkPolicy', '-o', 'jsonpath={range .items[*]}{.type} {.reason} {.involvedObject.name}: {.message}{end}');
    await eventually('the policy has its event', async () => ((await told()) === 'Warning PolicyNotEnforced closed: Node node-1 does not enforce network policies: its pods share the network of this machine' ? true : undefined));
    await platform.kube('delete', 'networkpolicy', 'closed');
  });

  if (runtime === 'sandbox') test('the sandbox proves itself', async () => {
    const { items } = await platform.json<PodList>('get', 'pods', '-l', 'deploymentconfig=node-hello');
    const pod = items[0]?.metadata.name ?? '';
    const inside = (script: string) => platform.kube('exec', pod, '--', 'sh', '-c', script);
    expect(await inside('grep CapEff /proc/self/status; grep NoNewPrivs /proc/self/status')).toMatch(/CapEff:\s*0{16}\s+NoNewPrivs:\s*1/);
    expect(await inside(`ls ${platform.user.home} /home /root 2>&1 || true`)).not.toMatch(/slipway-test|product/);
    expect(await inside('cat /etc/passwd')).not.toMatch(/slipway-test/);
    expect((await inside('cat /proc/net/route; cat /proc/net/dev')).includes('eth0')).toBe(true);
    expect(await inside('hostname')).toContain(pod);
    // Of the processes of this machine none is seen.
    expect((await inside('ls /proc | grep -c "^[0-9]"')).trim()).toMatch(/^\d$/);
    expect(await inside('touch /usr/x 2>&1 || true')).toMatch(/Read-only/);
  });

  test('both answer again after down and up', async () => {
    await platform.down();
    expect((await platform.status()).state).toBe('stopped');
    await platform.up(['--runtime', runtime]);
    const { router } = await platform.status();
    for (const url of Object.values(urls)) {
      // Ports may have been taken by others meanwhile; the host name stays.
      const now = new URL(url);
      now.port = new URL(router?.http ?? '').port;
      const body = await eventually(`an answer of ${now.href}`, async () => {
        const answer = await fetchRoute(now.href);
        return answer.status === 200 ? answer.body : undefined;
      }, 60_000);
      expect(body).toContain('Hello from');
    }
  });
});
