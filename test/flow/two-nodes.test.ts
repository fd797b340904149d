/** One machine that plays two Nodes: pods on different Nodes reach each other by address, by service and by name. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { eventually, fetchRoute, Platform } from '../support/platform/platform.ts';
import { manifestOf, webDeployment, webPod, webService } from '../support/platform/web-pod.ts';

let platform: Platform;
const nodes = ['node-1', 'node-2'];
const nameOn = (node: string) => `on-${node}`;

beforeAll(async () => {
  platform = new Platform();
  await platform.up(['--runtime', 'sandbox'], { SLIPWAY_NODES: '2' });
  await platform.kubectl(['apply', '-f', '-'], { input: manifestOf(...nodes.flatMap((nodeName) => [webPod(nameOn(nodeName), { nodeName }), webService(nameOn(nodeName))])) });
  await platform.kube('wait', '--for=condition=Ready', ...nodes.map((node) => `pod/${nameOn(node)}`), '--timeout=60s');
});
afterAll(() => platform?.dispose());

const fetchFrom = async (pod: string, url: string) => platform.kube('exec', pod, '--', 'node', '-e', `fetch("${url}").then(async (r) => process.stdout.write(await r.text()))`);

test('both Nodes are ready, each with pods of its own network', async () => {
  expect(await platform.kube('get', 'nodes', '-o', 'jsonpath={range .items[*]}{.metadata.name} {.spec.podCIDR} {.status.conditions[?(@.type=="Ready")].status}{"\\n"}{end}')).toBe('node-1 10.128.0.0/23 True\nnode-2 10.128.2.0/23 True\n');
  for (const [index, node] of nodes.entries()) {
    expect(await platform.kube('get', 'pod', nameOn(node), '-o', 'jsonpath={.spec.nodeName}')).toBe(node);
    expect(await platform.kube('get', 'pod', nameOn(node), '-o', 'jsonpath={.status.podIP}')).toMatch(new RegExp(`^10\\.128\\.${index * 2}\\.`));
  }
});

test.each([['node-1', 'node-2'], ['node-2', 'node-1']])('a pod on %s reaches one on %s', async (here, there) => {
  const ip = await platform.kube('get', 'pod', nameOn(there), '-o', 'jsonpath={.status.podIP}');
  const clusterIp = await platform.kube('get', 'service', nameOn(there), '-o', 'jsonpath={.spec.clusterIP}');
  const answer = `version 1 on ${nameOn(there)}\n`;
  expect(await fetchFrom(nameOn(here), `http://${ip}:8080/`)).toBe(answer);
  expect(await fetchFrom(nameOn(here), `http://${clusterIp}/`)).toBe(answer);
  expect(await fetchFrom(nameOn(here), `http://${nameOn(there)}/`)).toBe(answer);
  expect(await fetchFrom(nameOn(here), `http://${nameOn(there)}.default.svc.cluster.local/`)).toBe(answer);
});

test('replicas spread over both Nodes, the service and the route lead to all of them', async () => {
  const route = { apiVersion: 'route.openshift.io/v1', kind: 'Route', metadata: { name: 'spread' }, spec: { to: { kind: 'Service', name: 'spread' } } };
  await platform.kubectl(['apply', '-f', '-'], { input: manifestOf(webDeployment('spread', 4), webService('spread'), route) });
  await platform.kube('rollout', 'status', 'deploy/spread', '--timeout=60s');
  const placed = (await platform.kube('get', 'pods', '-l', 'app=spread', '-o', 'jsonpath={range .items[*]}{.spec.nodeName}{"\\n"}{end}')).trim().split('\n');
  expect(placed.sort()).toEqual(['node-1', 'node-1', 'node-2', 'node-2']);
  const { router } = await platform.status();
  const answers = async (ask: () => Promise<string>) => {
    const seen = new Set<string>();
    await eventually('an answer of each replica', async () => {
      seen.add(/on (spread-\S+)/.exec(await ask())?.[1] ?? '');
      seen.delete('');
      return seen.size === 4 ? true : undefined;
    });
  };
  await answers(async () => (await fetchRoute(`http://spread-default.apps.localhost:${new URL(router?.http ?? '').port}/`)).body);
  await answers(() => fetchFrom(nameOn('node-1'), 'http://spread/'));
});

test('logs and shells reach pods of both Nodes', async () => {
  for (const node of nodes) {
    expect(await platform.kube('logs', nameOn(node))).toContain('listening\n');
    expect(await platform.kube('exec', nameOn(node), '--', 'hostname')).toBe(`${nameOn(node)}\n`);
  }
});

test('a Node that is cordoned gets no more pods', async () => {
  await platform.kube('cordon', 'node-2');
  await platform.kube('scale', 'deploy/spread', '--replicas=6');
  await platform.kube('rollout', 'status', 'deploy/spread', '--timeout=60s');
  const placed = (await platform.kube('get', 'pods', '-l', 'app=spread', '-o', 'jsonpath={range .items[*]}{.spec.nodeName}{"\\n"}{end}')).trim().split('\n').filter((node) => node === 'node-2');
  expect(placed).toHaveLength(2);
  await platform.kube('uncordon', 'node-2');
});
