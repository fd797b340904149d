/** What keeps pods on two Nodes: daemon sets, disruption budgets and evictions, usage that is measured and followed. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { toolsImage } from '../../src/api/well-known.ts';
import { eventually, Platform } from '../support/platform/platform.ts';
import { manifestOf, webDeployment } from '../support/platform/web-pod.ts';

let platform: Platform;
const k = (...args: string[]) => platform.kube(...args);

/** Burns a core for as long as a file is there. */
const burner = `
const { existsSync } = require('node:fs');
require('node:http').createServer((_, response) => response.end('ok')).listen(8080);
setInterval(() => { if (existsSync('/tmp/burn')) for (const until = Date.now() + 90; Date.now() < until; ); }, 100);
`;
const podOf = (name: string, program: string, more: object = {}) => ({
  metadata: { labels: { app: name } },
  spec: { terminationGracePeriodSeconds: 0, containers: [{ name: 'main', image: toolsImage, imagePullPolicy: 'IfNotPresent', command: ['node', '-e', program], resources: { requests: { cpu: '50m', memory: '16Mi' } } }], ...more },
});
const selector = (name: string) => ({ selector: { matchLabels: { app: name } } });
const daemonSet = (name: string) => ({ apiVersion: 'apps/v1', kind: 'DaemonSet', metadata: { name }, spec: { ...selector(name), template: podOf(name, 'setInterval(() => {}, 1000)') } });
const burning = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'burner' }, spec: { ...selector('burner'), template: podOf('burner', burner, { nodeSelector: { 'kubernetes.io/hostname': 'node-1' } }) } };
const placed = async (app: string) => (await k('get', 'pods', '-l', `app=${app}`, '-o', 'jsonpath={range .items[*]}{.spec.nodeName}{"\\n"}{end}')).trim().split('\n').filter(Boolean).sort();

beforeAll(async () => {
  platform = new Platform();
  await platform.up(['--runtime', 'sandbox'], { SLIPWAY_NODES: '2' });
  // Pods count for an autoscaler once they have been ready for a while, so this one begins first.
  await platform.kubectl(['apply', '-f', '-'], { input: manifestOf(burning, daemonSet('agent'), webDeployment('web', 2)) });
  await k('rollout', 'status', 'deploy/burner', '--timeout=60s');
  await k('exec', 'deploy/burner', '--', 'touch', '/tmp/burn');
});
afterAll(() => platform?.dispose());

test('a daemon set has a pod on every Node, and rolls forward and back', async () => {
  await k('rollout', 'status', 'ds/agent', '--timeout=60s');
  expect(await placed('agent')).toEqual(['node-1', 'node-2']);
  expect(await k('get', 'ds', 'agent')).toMatch(/^NAME +DESIRED +CURRENT +READY +UP-TO-DATE +AVAILABLE +NODE SELECTOR +AGE\nagent +2 +2 +2 +2 +2 +<none> +\d+s\n$/);
  await k('set', 'env', 'ds/agent', 'COLOR=blue');
  expect(await k('rollout', 'status', 'ds/agent', '--timeout=60s')).toContain('daemon set "agent" successfully rolled out');
  const colors = () => k('get', 'pods', '-l', 'app=agent', '-o', 'jsonpath={.items[*].spec.containers[0].env[0].value}');
  expect(await colors()).toBe('blue blue');
  expect(await k('rollout', 'history', 'ds/agent')).toMatch(/^daemonset\.apps\/agent *\nREVISION +CHANGE-CAUSE\n1 +<none>\n2 +<none>\n/);
  expect(await k('rollout', 'undo', 'ds/agent')).toBe('daemonset.apps/agent rolled back\n');
  await k('rollout', 'status', 'ds/agent', '--timeout=60s');
  expect(await colors()).toBe('');
  expect(await k('rollout', 'history', 'ds/agent')).toMatch(/\n2 +<none>\n3 +<none>\n/);
  expect(await k('describe', 'ds', 'agent')).toMatch(/^Desired Number of Nodes Scheduled: 2\n[^]*^Number of Nodes Scheduled with Up-to-date Pods: 2\n[^]*SuccessfulCreate +\S+ +daemonset-controller +Created pod: agent-/m);
});

test('a daemon set follows the labels of Nodes', async () => {
  await k('label', 'node', 'node-2', 'disk=ssd');
  await k('patch', 'ds', 'agent', '-p', '{"spec":{"template":{"spec":{"nodeSelector":{"disk":"ssd"}}}}}');
  await eventually('the pod to leave node-1', async () => ((await placed('agent')).join() === 'node-2' ? true : undefined));
  await k('label', 'node', 'node-1', 'disk=ssd');
  await k('rollout', 'status', 'ds/agent', '--timeout=60s');
  expect(await placed('agent')).toEqual(['node-1', 'node-2']);
});

test('a disruption budget refuses evictions beyond it', async () => {
  await k('rollout', 'status', 'deploy/web', '--timeout=60s');
  await k('create', 'pdb', 'web', '--selector=app=web', '--max-unavailable=0');
  const name = (await k('get', 'pods', '-l', 'app=web', '-o', 'jsonpath={.items[0].metadata.name}')).trim();
  const evict = (more: object = {}, apiVersion = 'policy/v1') => platform.kubectl(['create', '--raw', `/api/v1/namespaces/default/pods/${name}/eviction`, '-f', '-'], { input: JSON.stringify({ apiVersion, kind: 'Eviction', metadata: { name, namespace: 'default' }, ...more }) });
  await eventually('the budget to be counted', async () => (/web +N\/A +0 +0 /.test(await k('get', 'pdb', 'web')) && (await k('get', 'pdb', 'web', '-o', 'jsonpath={.status.expectedPods}')) === '2' ? true : undefined));
  expect((await evict()).stderr).toBe("Error from server (TooManyRequests): Cannot evict pod as it would violate the pod's disruption budget.\n");
  await k('patch', 'pdb', 'web', '-p', '{"spec":{"maxUnavailable":1}}');
  await eventually('the budget to allow one', async () => ((await k('get', 'pdb', 'web', '-o', 'jsonpath={.status.disruptionsAllowed}')) === '1' ? true : undefined));
  expect(JSON.parse((await evict({ deleteOptions: { dryRun: ['All'] } })).stdout)).toMatchObject({ kind: 'Status', status: 'Success' });
  expect((await evict({ deleteOptions: { preconditions: { uid: 'another' } } })).stderr).toMatch(/Conflict.*Precondition failed: UID in precondition: another/);
  expect(await k('get', 'pod', name, '-o', 'jsonpath={.metadata.deletionTimestamp}')).toBe('');
  expect(JSON.parse((await evict({}, 'policy/v1beta1')).stdout)).toMatchObject({ kind: 'Status', status: 'Success' });
  await eventually('the pod to be replaced', async () => ((await k('get', 'pdb', 'web', '-o', 'jsonpath={.status.currentHealthy}')) === '2' && !(await k('get', 'pods', '-o', 'name')).includes(name) ? true : undefined));
});

test('a Node is drained within the budget, and takes pods again', async () => {
  const drained = await k('drain', 'node-2', '--ignore-daemonsets', '--delete-emptydir-data', '--timeout=60s');
  expect(drained).toMatch(/node\/node-2 cordoned\n[^]*node\/node-2 drained\n$/);
  expect(await placed('agent')).toEqual(['node-1', 'node-2']);
  await k('rollout', 'status', 'deploy/web', '--timeout=60s');
  expect(new Set(await placed('web'))).toEqual(new Set(['node-1']));
  expect(await k('uncordon', 'node-2')).toBe('node/node-2 uncordoned\n');
});

test('pods leave a tainted Node when their patience ends', async () => {
  const patient = (name: string, tolerationSeconds?: number) => ({ apiVersion: 'v1', kind: 'Pod', ...podOf(name, 'setInterval(() => {}, 1000)', { nodeSelector: { 'kubernetes.io/hostname': 'node-2' }, ...(tolerationSeconds !== undefined && { tolerations: [{ key: 'leave', operator: 'Exists', effect: 'NoExecute', tolerationSeconds }] }) }), metadata: { name, labels: { app: name } } });
  await platform.kubectl(['apply', '-f', '-'], { input: manifestOf(patient('hasty'), patient('slow', 2), patient('steady', 3600)) });
  await k('wait', '--for=condition=Ready', 'pod/hasty', 'pod/slow', 'pod/steady', '--timeout=60s');
  await k('taint', 'node', 'node-2', 'leave=now:NoExecute');
  await k('wait', '--for=delete', 'pod/hasty', 'pod/slow', '--timeout=60s');
  await eventually('the daemon to leave too', async () => ((await placed('agent')).join() === 'node-1' ? true : undefined));
  expect(await placed('steady')).toEqual(['node-2']);
  await k('taint', 'node', 'node-2', 'leave-');
  await eventually('the daemon to come back', async () => ((await placed('agent')).join() === 'node-1,node-2' ? true : undefined));
});

test('an important pod makes a lesser one give way', async () => {
  await k('create', 'priorityclass', 'important', '--value=1000', '--description=Goes first');
  expect(await k('get', 'priorityclass')).toMatch(/^NAME +VALUE +GLOBAL-DEFAULT +AGE +PREEMPTIONPOLICY\nimportant +1000 +false +\d+s +PreemptLowerPriority\nsystem-cluster-critical +2000000000 +false .*\nsystem-node-critical +2000001000 /);
  const cpu = Number(await k('get', 'node', 'node-2', '-o', 'jsonpath={.status.allocatable.cpu}'));
  const big = (name: string, more: object = {}) => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec: { nodeSelector: { 'kubernetes.io/hostname': 'node-2' }, terminationGracePeriodSeconds: 0, containers: [{ name: 'main', image: toolsImage, imagePullPolicy: 'IfNotPresent', command: ['node', '-e', 'setInterval(() => {}, 1000)'], resources: { requests: { cpu: `${Math.round(cpu * 600)}m` } } }], ...more } });
  await platform.kubectl(['apply', '-f', '-'], { input: manifestOf(big('lesser')) });
  await k('wait', '--for=condition=Ready', 'pod/lesser', '--timeout=60s');
  await platform.kubectl(['apply', '-f', '-'], { input: manifestOf(big('waits', { priorityClassName: 'important', preemptionPolicy: 'PreemptLowerPriority' })) });
  await k('wait', '--for=condition=Ready', 'pod/waits', '--timeout=60s');
  expect(await k('get', 'pod', 'waits', '-o', 'jsonpath={.spec.priority} {.spec.nodeName}')).toBe('1000 node-2');
  expect((await platform.kubectl(['get', 'pod', 'lesser'])).stderr).toContain('not found');
  expect(await k('events', '--for', 'pod/lesser')).toMatch(/Normal +Preempted +Pod\/lesser +Preempted by pod \S+ on node node-2/);
  await platform.kubectl(['apply', '-f', '-'], { input: manifestOf(big('lesser')) });
  await k('wait', '--for=condition=PodScheduled=false', 'pod/lesser', '--timeout=60s');
  await k('delete', 'pod', 'waits', 'lesser');
  expect((await platform.kubectl(['patch', 'priorityclass', 'important', '-p', '{"value":5}'])).stderr).toContain('may not be changed in an update.');
});

test('kubectl top tells what Nodes and pods use', async () => {
  expect(await k('top', 'node')).toMatch(/^NAME +CPU\(cores\) +CPU\(%\) +MEMORY\(bytes\) +MEMORY\(%\) *\nnode-1 +\d+m +\d+% +\d+Mi +\d+% *\nnode-2 +\d+m +\d+% +\d+Mi +\d+% *\n$/);
  expect(await k('top', 'pod', '-l', 'app=web')).toMatch(/^NAME +CPU\(cores\) +MEMORY\(bytes\) *\n(web-\S+ +\d+m +[1-9]\d*Mi *\n){2}$/);
  expect(await k('top', 'pod', '-A', '--containers')).toMatch(/^NAMESPACE +POD +NAME +CPU\(cores\) +MEMORY\(bytes\) *\n[^]*^default +burner-\S+ +main +[1-9]\d*m +\d+Mi *$/m);
  expect(await k('get', 'pods.metrics.k8s.io', '-l', 'app=burner')).toMatch(/^NAME +CPU +MEMORY +WINDOW *\nburner-\S+ +\d+[nmu]? +\d+[KM]i +15s *\n$/);
  const list = JSON.parse(await k('get', '--raw', '/apis/metrics.k8s.io/v1beta1/nodes')) as { kind: string; items: { kind?: string; usage: { cpu: string; memory: string } }[] };
  expect(list.kind).toBe('NodeMetricsList');
  expect(list.items).toHaveLength(2);
  const { stderr } = await platform.kubectl(['get', '--raw', '/apis/metrics.k8s.io/v1beta1/namespaces/default/pods/nobody']);
  expect(stderr).toContain('NotFound');
});

test('an autoscaler adds pods while one burns, and takes them away after', async () => {
  expect(await k('autoscale', 'deploy/burner', '--min=1', '--max=3', '--cpu-percent=40')).toContain('horizontalpodautoscaler.autoscaling/burner autoscaled\n');
  await eventually('the app to be scaled up', async () => ((await k('get', 'deploy', 'burner', '-o', 'jsonpath={.spec.replicas}')) === '3' ? true : undefined), 60_000);
  expect(await k('get', 'hpa', 'burner')).toMatch(/^NAME +REFERENCE +TARGETS +MINPODS +MAXPODS +REPLICAS +AGE\nburner +Deployment\/burner +cpu: \d+%\/40% +1 +3 +\d +\d+s\n$/);
  const text = await k('describe', 'hpa', 'burner');
  for (const line of [/resource cpu on pods +\(as a percentage of request\): +\d+% \(\d+m\) \/ 40%/, /AbleToScale +True/, /ScalingActive +True +ValidMetricFound/, /SuccessfulRescale +\S+ +horizontal-pod-autoscaler +New size: 3; reason: cpu resource utilization \(percentage of request\) above target/]) expect(text).toMatch(line);
  const oldest = (await k('get', 'pods', '-l', 'app=burner', '--sort-by=.metadata.creationTimestamp', '-o', 'jsonpath={.items[0].metadata.name}')).trim();
  await k('exec', oldest, '--', 'rm', '/tmp/burn');
  await eventually('the pod to be idle', async () => (Number(/ (\d+)m /.exec(await k('top', 'pod', oldest))?.[1]) < 12 ? true : undefined));
  // A change of its rules makes it look at once.
  await k('patch', 'hpa', 'burner', '-p', '{"spec":{"behavior":{"scaleDown":{"stabilizationWindowSeconds":0}}}}');
  await eventually('the app to be scaled down', async () => ((await k('get', 'deploy', 'burner', '-o', 'jsonpath={.spec.replicas}')) === '1' ? true : undefined), 60_000);
});
