/** Unmodified kubectl on pods and what runs them: looking inside, debugging, rollouts of every kind, autoscalers, as a user of a real cluster does it. */
import { spawn } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { toolsImage } from '../../src/api/well-known.ts';
import { collect, eventually, Platform } from '../support/platform/platform.ts';
import { manifestOf, webDeploymentConfig } from '../support/platform/web-pod.ts';

let platform: Platform;
const k = (...args: string[]) => platform.kube(...args);
const sleeps = ['sh', '-c', 'trap "exit 0" TERM; echo began; sleep 1000 & wait'];
const container = (name: string, command: readonly string[], more: object = {}) => ({ name, image: toolsImage, imagePullPolicy: 'IfNotPresent', command, ...more });
const podOf = (name: string, containers: readonly object[], more: object = {}) => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name, labels: { app: name } }, spec: { terminationGracePeriodSeconds: 0, containers, ...more } });
const workload = (kind: string, name: string, more: object = {}) => ({
  apiVersion: 'apps/v1', kind, metadata: { name },
  spec: { selector: { matchLabels: { app: name } }, template: { metadata: { labels: { app: name } }, spec: { terminationGracePeriodSeconds: 0, containers: [container('main', sleeps)] } }, ...more },
});
const apply = async (...objects: object[]) => void (await platform.kubectl(['apply', '-f', '-'], { input: manifestOf(...objects) }));
/** In a terminal, as typed. */
const inTerminal = (command: string) => collect(spawn('script', ['-qec', command, '/dev/null'], { env: { ...process.env, KUBECONFIG: platform.kubeconfig, HOME: platform.user.home, TERM: 'xterm' }, stdio: ['pipe', 'pipe', 'pipe'] }));

beforeAll(async () => {
  platform = new Platform();
  await platform.up(['--runtime', 'sandbox']);
  await apply(
    podOf('several', [container('a', ['sh', '-c', 'for i in 1 2 3; do echo a$i; done; exec sleep 1000']), container('b', ['sh', '-c', 'echo b1; exec sleep 1000'])], {
      initContainers: [container('first', ['sh', '-c', 'echo begun; until [ -e /tmp/go ]; do sleep 0.1; done; echo done'])],
    }),
    workload('Deployment', 'web'), workload('StatefulSet', 'db', { serviceName: 'db' }), workload('DaemonSet', 'agent'), webDeploymentConfig('shop', 1),
  );
  await eventually('the init container to run', async () => ((await k('get', 'pod', 'several')).includes('Init:0/1') && (await platform.kubectl(['logs', 'several', '-c', 'first'])).stdout.includes('begun') ? true : undefined));
});
afterAll(() => platform?.dispose());

describe('a pod', () => {
  test('is entered while its init containers run', async () => {
    expect((await platform.kubectl(['logs', 'several', '-c', 'a'])).stderr).toContain('container "a" in pod "several" is waiting to start: PodInitializing');
    expect((await platform.kubectl(['exec', 'several', '-c', 'a', '--', 'true'])).stderr).toContain('container not found ("a")');
    expect(await k('exec', 'several', '-c', 'first', '--', 'sh', '-c', 'touch /tmp/go; hostname')).toBe('several\n');
    await k('wait', '--for=condition=Ready', 'pod/several', '--timeout=60s');
    expect(await k('wait', '--for=jsonpath={.status.phase}=Running', 'pod/several')).toBe('pod/several condition met\n');
    expect(await k('exec', 'several', '-c', 'b', '--', 'hostname')).toBe('several\n');
    expect((await platform.kubectl(['exec', 'several', '-c', 'first', '--', 'true'])).stderr).toContain('container not found ("first")');
  });

  test('tells the logs of one, of all, of some lines or bytes', async () => {
    expect(await k('logs', 'several')).toBe('a1\na2\na3\n');
    // kubectl asks for all of them at once.
    const lines = async (...args: string[]) => (await k('logs', ...args)).trim().split('\n').sort();
    expect(await lines('several', '--all-containers', '--prefix')).toEqual(['[pod/several/a] a1', '[pod/several/a] a2', '[pod/several/a] a3', '[pod/several/b] b1', '[pod/several/first] begun', '[pod/several/first] done']);
    expect(await lines('-l', 'app=several', '--all-containers', '--tail=1', '--prefix')).toEqual(['[pod/several/a] a3', '[pod/several/b] b1', '[pod/several/first] done']);
    expect(await k('logs', 'several', '-c', 'a', '--limit-bytes=4')).toBe('a1\na');
    expect(await k('logs', 'several', '-c', 'a', '--since-time=2020-01-01T00:00:00Z', '--tail=2')).toBe('a2\na3\n');
    expect(await k('logs', 'several', '-c', 'a', '--since-time=2099-01-01T00:00:00Z')).toBe('');
    expect((await platform.kubectl(['logs', 'several', '--previous'])).stderr).toContain('previous terminated container "a" in pod "several" not found');
    expect((await platform.kubectl(['logs', '-l', 'app=several', '-f', '--all-containers', '--max-log-requests=2'])).stderr).toContain('you are attempting to follow 3 log streams, but maximum allowed concurrency is 2');
  });

  test('is attached to: looked at, talked to, and its end is not a failure of the connection', async () => {
    const run = (name: string, ...args: string[]) => ['run', name, '--restart=Never', `--image=${toolsImage}`, '--image-pull-policy=IfNotPresent', ...args];
    const talked = await platform.kubectl([...run('talked', '-i', '--rm', '--command'), '--', 'sh', '-c', 'read line; echo heard $line; exit 5'], { input: 'hello\n' });
    expect(talked).toMatchObject({ code: 5, stdout: expect.stringMatching(/^heard hello\npod "talked" deleted/) as string });
    expect(talked.stderr).not.toContain("couldn't attach");
    const looked = await platform.kubectl([...run('looked', '--attach', '--rm', '--command'), '--', 'sh', '-c', 'n=0; while [ $n -lt 20 ]; do echo tick; sleep 0.1; n=$((n+1)); done']);
    expect(looked).toMatchObject({ code: 0, stdout: expect.stringMatching(/^(tick\n)+pod "looked" deleted/) as string });
    expect(looked.stderr).not.toContain("couldn't attach");
    const typed = await inTerminal(`kubectl ${run('typed', '-it', '--rm').join(' ')} --command -- sh -c 'tty; exit 3'`);
    expect(typed.code).toBe(3);
  });

  test('is debugged by a container beside its own, in a copy, and from its Node', async () => {
    const image = `--image=${toolsImage}`;
    await k('debug', 'several', image, '--target=a', '-c', 'beside', '--profile=general', '--', 'sh', '-c', 'tr "\\0" " " < /proc/1/cmdline; echo; exec sleep 1000');
    await eventually('the debugging container to run', async () => ((await k('get', 'pod', 'several', '-o', 'jsonpath={.status.ephemeralContainerStatuses[0].state.running.startedAt}')) !== '' ? true : undefined));
    expect(await k('logs', 'several', '-c', 'beside')).toBe('sleep 1000 \n');
    expect(await k('exec', 'several', '-c', 'beside', '--', 'hostname')).toBe('several\n');
    expect(await k('describe', 'pod', 'several')).toMatch(/^Ephemeral Containers:\n {2}beside:\n[^]*^ {4}State: +Running$/m);
    expect((await platform.kubectl(['debug', 'several', image, '--target=nobody', '-c', 'lost', '--profile=general', '--', 'true'])).stderr).toContain('spec.ephemeralContainers[1].targetContainerName: Not found: "nobody"');
    await k('debug', 'several', image, '--target=first', '-c', 'lost', '--profile=general', '--', 'true');
    await eventually('the target that has ended to be told', async () => ((await k('get', 'pod', 'several', '-o', 'jsonpath={.status.ephemeralContainerStatuses[1].state.waiting.message}')) === 'unable to find target container first' ? true : undefined));

    await k('debug', 'several', '--copy-to=copy', '--container=b', `--set-image=b=${toolsImage}`, '--same-node', '--profile=general', '--', 'sh', '-c', 'echo copied; exec sleep 1000');
    await eventually('the copy to initialise', async () => ((await platform.kubectl(['exec', 'copy', '-c', 'first', '--', 'touch', '/tmp/go'])).code === 0 ? true : undefined));
    await k('wait', '--for=condition=Ready', 'pod/copy', '--timeout=60s');
    expect(await k('logs', 'copy', '-c', 'b')).toBe('copied\n');

    const said = await k('debug', 'node/node-1', image, '--profile=sysadmin', '--', 'sh', '-c', 'ls -d /host/etc');
    const name = /pod (node-debugger-\S+) with container debugger on node node-1/.exec(said)?.[1] ?? '';
    await k('wait', '--for=jsonpath={.status.phase}=Succeeded', `pod/${name}`, '--timeout=60s');
    expect(await k('logs', name)).toBe('/host/etc\n');
    expect(await k('events', '--for', `pod/${name}`)).toMatch(/Warning +NotGranted .*: hostPID; hostIPC\. /);
    await k('delete', 'pod', name, 'copy', '--now');
  });

  test('gets other limits while it runs, or is told why it does not', async () => {
    const sized = (name: string, more: object = {}) => container(name, sleeps, { resources: { requests: { cpu: '50m', memory: '16Mi' }, limits: { memory: '64Mi' } }, ...more });
    await apply(podOf('sized', [sized('web'), sized('log', { resizePolicy: [{ resourceName: 'memory', restartPolicy: 'RestartContainer' }] })]));
    await k('wait', '--for=condition=Ready', 'pod/sized', '--timeout=60s');
    const resize = (name: string, resources: object) => platform.kubectl(['patch', 'pod', 'sized', '--subresource=resize', '-p', JSON.stringify({ spec: { containers: [{ name, resources }] } })]);
    const told = (index: number) => k('get', 'pod', 'sized', '-o', `jsonpath={.status.containerStatuses[${index}].resources.limits.memory} {.status.containerStatuses[${index}].allocatedResources.cpu} {.status.containerStatuses[${index}].restartCount}`);
    const ordered = JSON.parse(await k('get', 'pod', 'sized', '-o', 'json')) as { status: { containerStatuses: { name: string }[] } };
    const at = (name: string) => ordered.status.containerStatuses.findIndex((one) => one.name === name);
    expect((await resize('web', { requests: { cpu: '60m' }, limits: { memory: '128Mi' } })).stdout).toBe('pod/sized patched\n');
    await eventually('the new limits without a restart', async () => ((await told(at('web'))) === '128Mi 60m 0' ? true : undefined));
    expect(await k('events', '--for', 'pod/sized')).toMatch(/ResizeCompleted .*"name":"web"/);
    await resize('log', { limits: { memory: '32Mi' } });
    await eventually('the new limits after a restart', async () => ((await told(at('log'))) === '32Mi 50m 1' ? true : undefined));
    expect(await k('events', '--for', 'pod/sized')).toContain('Container log resize requires restart');
    expect((await resize('web', { limits: { memory: '32Mi' } })).stderr).toContain('memory limits cannot be decreased unless resizePolicy is RestartContainer');
    await resize('web', { requests: { cpu: '900' } });
    const pending = () => k('get', 'pod', 'sized', '-o', 'jsonpath={.status.conditions[?(@.type=="PodResizePending")].reason}');
    await eventually('the Node to be too small', async () => ((await pending()) === 'Infeasible' ? true : undefined));
    expect(await told(at('web'))).toBe('128Mi 60m 0');
    await resize('web', { requests: { cpu: '60m' } });
    await eventually('nothing to be asked for any more', async () => ((await pending()) === '' ? true : undefined));
    expect((await platform.kubectl(['patch', 'pod', 'sized', '-p', '{"spec":{"containers":[{"name":"web","resources":{"limits":{"memory":"256Mi"}}}]}}'])).stderr).toContain('pod updates may not change fields other than');
    await k('delete', 'pod', 'sized', '--now');
  });

  test('that cannot start says why, and goes on saying it', async () => {
    await apply(
      podOf('wrong', [
        container('named', sleeps, { image: 'No Name' }), container('never', sleeps, { image: 'registry.invalid/x:1', imagePullPolicy: 'Never' }), container('unset', sleeps, { envFrom: [{ secretRef: { name: 'nobodys' } }] }),
        container('root', sleeps, { securityContext: { runAsNonRoot: true, runAsUser: 0 } }),
      ]),
      podOf('unmounted', [container('main', sleeps, { volumeMounts: [{ name: 'settings', mountPath: '/settings' }] })], { volumes: [{ name: 'settings', configMap: { name: 'nobodys' } }] }),
    );
    const reasons = () => k('get', 'pod', 'wrong', '-o', 'jsonpath={range .status.containerStatuses[*]}{.name}={.state.waiting.reason} {end}');
    await eventually('every container to tell its reason', async () => ((await reasons()) === 'named=InvalidImageName never=ErrImageNeverPull unset=CreateContainerConfigError root=CreateContainerConfigError ' ? true : undefined));
    const events = await k('events', '--for', 'pod/wrong');
    for (const part of ['Failed to apply default image tag "No Name": couldn\'t parse image name "No Name"', 'Error: InvalidImageName', 'ErrImageNeverPull', 'Error: secret "nobodys" not found', 'Error: container\'s runAsUser breaks non-root policy']) expect(events).toContain(part);
    await eventually('the mount to be tried again', async () => (/\(x[2-9].*FailedMount|FailedMount.*\n.*FailedMount/.test(await k('events', '--for', 'pod/unmounted')) ? true : undefined));
    expect(await k('describe', 'pod', 'unmounted')).toMatch(/FailedMount .*MountVolume\.SetUp failed for volume "settings" : configmap "nobodys" not found/);
    expect((await k('events', '--for', 'pod/unmounted')).match(/ Pulled /g) ?? []).toHaveLength(1);
    await k('create', 'configmap', 'nobodys');
    await k('wait', '--for=condition=Ready', 'pod/unmounted', '--timeout=60s');
    await k('delete', 'pod', 'wrong', 'unmounted', '--now');
  });
});

describe('rollouts', () => {
  const color = (name: string) => k('get', 'pods', '-l', `app=${name}`, '--field-selector=status.phase=Running', '-o', 'jsonpath={.items[*].spec.containers[0].env[0].value}');

  test('of every kind: to a certain revision, and restarted', () => Promise.all(([['deployment', 'web'], ['statefulset', 'db'], ['daemonset', 'agent']] as const).map(async ([kind, name]) => {
    const target = `${kind}/${name}`;
    const settled = () => k('rollout', 'status', target, '--timeout=60s');
    await settled();
    for (const value of ['blue', 'green']) {
      await k('set', 'env', target, `COLOR=${value}`);
      await settled();
    }
    expect(await k('rollout', 'history', target, '--revision=2')).toMatch(/COLOR:\s+blue/);
    expect(await k('rollout', 'undo', target, '--to-revision=2')).toBe(`${kind}.apps/${name} rolled back\n`);
    await settled();
    await eventually('the pods of revision 2', async () => ((await color(name)) === 'blue' ? true : undefined));
    expect(await k('rollout', 'history', target)).toMatch(/\n1 .*\n3 .*\n4 /);
    expect((await platform.kubectl(['rollout', 'undo', target, '--to-revision=77'])).stderr).toBe('error: unable to find specified revision 77 in history\n');
    expect(await k('rollout', 'undo', target, '--dry-run=server')).toBe(`${kind}.apps/${name} rolled back (server dry run)\n`);
    expect(await k('rollout', 'history', target)).not.toMatch(/\n5 /);
    expect(await k('rollout', 'restart', target)).toBe(`${kind}.apps/${name} restarted\n`);
    await settled();
    expect(await k('rollout', 'history', target, '--revision=5')).toContain('kubectl.kubernetes.io/restartedAt');
  })));

  test('of a set that was deleted with its pods kept and made again go on where it left off', async () => {
    const kept = async () => (await k('get', 'pods', '-l', 'app in (db, agent)', '-o', 'jsonpath={.items[*].metadata.uid}')).split(' ').sort();
    const before = await kept();
    const found = JSON.parse(await k('get', 'statefulset/db', 'daemonset/agent', '-o', 'json')) as { items: { apiVersion: string; kind: string; metadata: { name: string }; spec: object }[] };
    await k('delete', 'statefulset/db', 'daemonset/agent', '--cascade=orphan');
    // What a stateful set cannot change is changed so.
    await apply(...found.items.map(({ apiVersion, kind, metadata: { name }, spec }) => ({ apiVersion, kind, metadata: { name }, spec: { ...spec, ...(kind === 'StatefulSet' && { serviceName: 'other' }) } })));
    for (const one of ['statefulset/db', 'daemonset/agent']) await k('rollout', 'status', one, '--timeout=60s');
    expect(await kept()).toEqual(before);
  });

  test('of a paused deployment are refused, and so is pausing what cannot be', async () => {
    await k('rollout', 'pause', 'deploy/web');
    const refused = async (...args: string[]) => (await platform.kubectl(['rollout', ...args])).stderr;
    expect(await refused('pause', 'deploy/web')).toBe('error: deployments.apps "web" is already paused\n');
    expect(await refused('undo', 'deploy/web')).toBe("error: you cannot rollback a paused deployment; resume it first with 'kubectl rollout resume' and try again\n");
    expect(await refused('restart', 'deploy/web')).toBe('error: deployments.apps "web" can\'t restart paused deployment (run rollout resume first)\n');
    await k('set', 'env', 'deploy/web', 'COLOR=red');
    await eventually('the change to be seen', async () => ((await k('get', 'deploy', 'web', '-o', 'jsonpath={.metadata.generation} {.status.observedGeneration} {.status.updatedReplicas}')).split(' ').every((value, at, [first]) => (at === 2 ? value === '' : value === first)) ? true : undefined));
    expect(await k('get', 'deploy', 'web', '-o', 'jsonpath={.status.conditions[?(@.type=="Progressing")].reason}')).toBe('DeploymentPaused');
    await k('rollout', 'resume', 'deploy/web');
    await k('rollout', 'status', 'deploy/web', '--timeout=60s');
    expect(await color('web')).toBe('red');
    expect(await refused('pause', 'sts/db')).toBe('error: statefulsets.apps "db" pausing is not supported\n');
    expect(await refused('resume', 'ds/agent')).toBe('error: daemonsets.apps "agent" resuming is not supported\n');
  });
});

describe('autoscalers', () => {
  test('of every kind with a scale tell what they see and why they wait', async () => {
    await k('wait', '--for=condition=Available', 'dc/shop', '--timeout=60s');
    expect(await k('autoscale', 'statefulset', 'db', '--min=2', '--max=3', '--cpu-percent=50')).toBe('horizontalpodautoscaler.autoscaling/db autoscaled\n');
    const scaler = (name: string, scaleTargetRef: object) => ({ apiVersion: 'autoscaling/v2', kind: 'HorizontalPodAutoscaler', metadata: { name }, spec: { minReplicas: 2, maxReplicas: 3, scaleTargetRef } });
    await apply(scaler('shop', { apiVersion: 'apps.openshift.io/v1', kind: 'DeploymentConfig', name: 'shop' }), scaler('gone', { apiVersion: 'apps/v1', kind: 'Deployment', name: 'gone' }));
    const replicas = (target: string) => k('get', target, '-o', 'jsonpath={.spec.replicas}');
    await eventually('the stateful set to have its least', async () => ((await replicas('sts/db')) === '2' ? true : undefined));
    await eventually('the deployment config to have its least', async () => ((await replicas('dc/shop')) === '2' ? true : undefined));
    const text = await k('describe', 'hpa', 'shop');
    for (const part of [/^Reference: +DeploymentConfig\/shop$/m, /^Min replicas: +2\nMax replicas: +3\nDeploymentConfig pods: +1 current \/ 2 desired$/m, /^ {2}AbleToScale +True +SucceededRescale +the HPA controller was able to update the target scale to 2$/m, /SuccessfulRescale +\S+ +horizontal-pod-autoscaler +New size: 2; reason: Current number of replicas below Spec\.MinReplicas/])
      expect(text).toMatch(part);
    expect(await k('get', 'hpa', 'shop', '-o', 'jsonpath={.metadata.generation} {.status.observedGeneration}')).toBe('1 1');
    await eventually('the missing target to be told', async () => ((await k('describe', 'hpa', 'gone')).includes('the HPA controller was unable to get the target\'s current scale: deployments.apps "gone" not found') ? true : undefined));
    expect(await k('get', 'hpa', 'gone', '-o', 'jsonpath={.status.conditions[*].reason}')).toBe('FailedGetScale');
    await k('delete', 'hpa', '--all');
  });
});
