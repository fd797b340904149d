/** Unmodified kubectl 1.32 against a whole platform: what a user of a real cluster types, with what the real one prints. */
import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Connection } from '../../src/client/connection.ts';
import { toolsImage } from '../../src/api/well-known.ts';
import columns from '../fixtures/kubernetes/table-columns.json' with { type: 'json' };
import { collect, eventually, Platform } from '../support/platform/platform.ts';
import { manifestOf, webDeployment, webPod, webService } from '../support/platform/web-pod.ts';

let platform: Platform;
let connection: Connection;
let folder: string;
const children: ChildProcess[] = [];

const k = (...args: string[]) => platform.kube(...args);
const file = (name: string, text: string | Buffer) => {
  const target = path.join(folder, name);
  writeFileSync(target, text);
  return target;
};
const headOf = (table: string) => (table.split('\n')[0] ?? '').trim().split(/ {2,}/);
const oneOf = async (app: string) => (await k('get', 'pods', '-l', `app=${app}`, '--field-selector=status.phase=Running', '-o', 'jsonpath={.items[0].metadata.name}')).trim();
/** Output of a command that is expected to fail. */
const refused = async (...args: string[]) => {
  const { code, stderr } = await platform.kubectl(args);
  expect(code, `kubectl ${args.join(' ')} was expected to fail`).not.toBe(0);
  return stderr;
};

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'slipway-kubectl-'));
  platform = new Platform();
  await platform.up(['--runtime', 'sandbox']);
  connection = await platform.connection();
  await platform.kubectl(['apply', '-f', '-'], { input: manifestOf(webDeployment('web', 2), webService('web'), webPod('lone')) });
  await k('wait', '--for=condition=Ready', 'pod/lone', '--timeout=60s');
  await k('rollout', 'status', 'deploy/web', '--timeout=60s');
});
afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  await connection?.dispose();
  await platform?.dispose();
  rmSync(folder, { recursive: true, force: true });
});

describe('get', () => {
  test.each(Object.entries(columns))('%s has the columns of the real server', async (resource, expected) => {
    const [plural] = resource.split('/').slice(-1);
    const at = `${resource.startsWith('v1/') ? '/api' : '/apis'}/${resource.slice(0, -(plural?.length ?? 0))}${plural}`;
    const table = (await connection.client.raw('GET', `${at}?limit=1`, undefined, 'application/json;as=Table;v=v1;g=meta.k8s.io')) as { columnDefinitions: { name: string; type: string; format: string; priority: number }[] };
    expect(table.columnDefinitions.map(({ name, type, format, priority }) => [name, type, format, priority])).toEqual(expected);
  });

  test('tables of what runs', async () => {
    expect(await k('get', 'deploy', 'web')).toMatch(/^NAME +READY +UP-TO-DATE +AVAILABLE +AGE\nweb +2\/2 +2 +2 +\d+s\n$/);
    expect(await k('get', 'pod', 'lone')).toMatch(/^NAME +READY +STATUS +RESTARTS +AGE\nlone +1\/1 +Running +0 +\d+s\n$/);
    expect(await k('get', 'pod', 'lone', '-o', 'wide')).toMatch(/^NAME .* IP +NODE +NOMINATED NODE +READINESS GATES\nlone .* 10\.128\.\d+\.\d+ +node-1 +<none> +<none>\n$/);
    expect(await k('get', 'svc', 'web')).toMatch(/^NAME +TYPE +CLUSTER-IP +EXTERNAL-IP +PORT\(S\) +AGE\nweb +ClusterIP +172\.30\.\d+\.\d+ +<none> +80\/TCP +\d+s\n$/);
    expect(await k('get', 'endpoints', 'web')).toMatch(/web +10\.128\.\d+\.\d+:8080,10\.128\.\d+\.\d+:8080 /);
    expect(await k('get', 'nodes')).toMatch(/^NAME +STATUS +ROLES +AGE +VERSION\nnode-1 +Ready +\S+ +\d+s +v1\.32\.\d+/);
    expect(await k('get', 'ns')).toMatch(/default +Active +\d+s\n/);
    expect(headOf(await k('get', 'pods', '-A'))).toEqual(['NAMESPACE', 'NAME', 'READY', 'STATUS', 'RESTARTS', 'AGE']);
    expect(await k('get', 'all')).toMatch(/pod\/lone[^]*service\/web[^]*deployment\.apps\/web[^]*replicaset\.apps\/web-/);
  });

  test("tables of OpenShift's kinds", async () => {
    expect(headOf(await k('get', 'projects'))).toEqual(['NAME', 'DISPLAY NAME', 'STATUS']);
    expect(headOf(await k('get', 'imagestreams', '-n', 'openshift'))).toEqual(['NAME', 'IMAGE REPOSITORY', 'TAGS', 'UPDATED']);
  });

  test('other forms', async () => {
    expect(await k('get', 'pod', 'lone', '-o', 'name')).toBe('pod/lone\n');
    expect(JSON.parse(await k('get', 'pod', 'lone', '-o', 'json'))).toMatchObject({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'lone' } });
    expect(await k('get', 'pod', 'lone', '-o', 'yaml')).toMatch(/^apiVersion: v1\nkind: Pod\n/);
    expect(await k('get', 'pods', '-l', 'app=web', '-o', 'custom-columns=N:.spec.nodeName', '--no-headers')).toBe('node-1\nnode-1\n');
    expect(await k('get', 'pods', '--sort-by=.metadata.name', '-l', 'app in (web,lone)', '-o', 'name')).toMatch(/^pod\/lone\npod\/web-/);
    expect(await refused('get', 'pod', 'nobody')).toBe('Error from server (NotFound): pods "nobody" not found\n');
    expect(await refused('get', 'gadgets')).toContain('the server doesn\'t have a resource type "gadgets"');
  });
});

describe('describe', () => {
  test('a pod, with its story', async () => {
    const text = await k('describe', 'pod', 'lone');
    expect(text).toMatch(/^Name: +lone\nNamespace: +default\n/);
    for (const line of [/^Service Account: +default$/m, /^Node: +node-1\/100\.64\.0\.2$/m, /^Status: +Running$/m, /^IP: +10\.128\./m, /^ {4}Image: +slipway\/tools$/m, /^ {4}State: +Running$/m, /^ {4}Ready: +True$/m, /^ {4}Restart Count: +0$/m, /^ {4}Container ID: +\S+:\/\/\S+$/m, /^ {4}Readiness: +http-get http:\/\/:http\/ delay=0s timeout=1s period=1s #success=1 #failure=3$/m, /^QoS Class: +BestEffort$/m, /^ {2}Ready +True $/m, /^ {2}PodScheduled +True $/m, /\/var\/run\/secrets\/kubernetes\.io\/serviceaccount from kube-api-access-\w{5} \(ro\)/, /^ {4}Type: +Projected /m])
      expect(text).toMatch(line);
    const events = [...(/Events:\n[^]*$/.exec(text)?.[0] ?? '').matchAll(/^ {2}Normal +(\w+) /gm)].map(([, reason]) => reason);
    expect(events).toEqual(['Scheduled', 'Pulled', 'Created', 'Started']);
  });

  test('a service, a deployment, a node', async () => {
    expect(await k('describe', 'service', 'web')).toMatch(/^Name: +web\n[^]*^Selector: +app=web\n[^]*^IP: +172\.30\.[^]*^TargetPort: +http\/TCP\nEndpoints: +10\.128\.\d+\.\d+:8080,10\.128\.\d+\.\d+:8080\n/m);
    expect(await k('describe', 'deployment', 'web')).toMatch(/^Replicas: +2 desired \| 2 updated \| 2 total \| 2 available \| 0 unavailable\n[^]*^ {2}Available +True +MinimumReplicasAvailable\n[^]*^NewReplicaSet: +web-\w+ \(2\/2 replicas created\)\n[^]*ScalingReplicaSet +\S+ +deployment-controller +Scaled up replica set web-\w+ from 0 to 2/m);
    const node = await k('describe', 'node', 'node-1');
    for (const part of [/^Roles: +\S/m, /kubernetes\.io\/hostname=node-1/, /^ {2}HolderIdentity: +node-1$/m, /^ {2}Ready +True .*KubeletReady/m, /^Capacity:\n {2}cpu: +\d/m, /^PodCIDR: +10\.128\.0\.0\/23$/m, /^Non-terminated Pods: +\(\d+ in total\)$/m, /^ {2}default +lone /m, /^Allocated resources:$/m, /^Events:/m]) expect(node).toMatch(part);
  });
});

describe('what runs inside', () => {
  test('logs, and follows them', async () => {
    expect(await k('logs', 'lone')).toMatch(/^listening\n(GET \/\n)+$/);
    expect(await k('logs', 'lone', '--tail=1')).toBe('GET /\n');
    expect(await k('logs', 'lone', '--timestamps', '--tail=1')).toMatch(/^\d{4}-\d\d-\d\dT\S+Z GET \/\n$/);
    expect(await k('logs', 'deploy/web')).toContain('listening\n');
    expect(await k('logs', '-l', 'app=web', '--prefix', '--tail=1')).toMatch(/^\[pod\/web-\S+\/web\] /m);
    expect(await refused('logs', 'lone', '-c', 'other')).toContain('container other is not valid for pod lone');
    const following = platform.spawnKubectl(['logs', '-f', 'lone', '--tail=0']);
    children.push(following);
    const lines = createInterface({ input: following.stdout ?? process.stdin })[Symbol.asyncIterator]();
    await k('exec', 'lone', '--', 'node', '-e', 'fetch("http://127.0.0.1:8080/asked-for")');
    const seen = async () => {
      for (;;) {
        const { value, done } = await lines.next();
        if (done || String(value).includes('asked-for')) return value;
      }
    };
    expect(await seen()).toBe('GET /asked-for');
    following.kill();
  });

  test('exec: output, errors, exit codes, standard input', async () => {
    expect(await k('exec', 'lone', '--', 'hostname')).toBe('lone\n');
    expect(await k('exec', 'deploy/web', '--', 'hostname')).toMatch(/^web-\w+-\w+\n$/);
    expect(await platform.kubectl(['exec', 'lone', '--', 'sh', '-c', 'echo out; echo err >&2; exit 7'])).toMatchObject({ code: 7, stdout: 'out\n', stderr: 'err\ncommand terminated with exit code 7\n' });
    expect((await platform.kubectl(['exec', '-i', 'lone', '--', 'tr', 'a-z', 'A-Z'], { input: 'shout\n' })).stdout).toBe('SHOUT\n');
    expect(await refused('exec', 'lone', '--', 'no-such-program')).toContain('no-such-program');
  });

  test('exec -it: a terminal with the size of the one outside', async () => {
    // The size follows the start: kubectl sends it on a channel of its own.
    const inside = 'test -t 0 && test -t 1 && until stty size | grep -qv ^0; do :; done; stty size; echo term=$TERM; exit 5';
    const typed = `stty rows 33 cols 111; kubectl exec -it lone -- sh -c '${inside}'`;
    const result = await collect(spawn('script', ['-qec', typed, '/dev/null'], { env: { ...process.env, KUBECONFIG: platform.kubeconfig, HOME: platform.user.home, TERM: 'xterm-256color' }, stdio: ['pipe', 'pipe', 'pipe'] }));
    expect(result.stdout).toContain('33 111\r\n');
    expect(result.stdout).toMatch(/term=xterm/);
    expect(result.code).toBe(5);
  });

  test('exec -it: a shell that is typed into, interrupted and left', async () => {
    const terminal = spawn('script', ['-qec', 'kubectl exec -it lone -- sh', '/dev/null'], { env: { ...process.env, KUBECONFIG: platform.kubeconfig, HOME: platform.user.home, TERM: 'xterm' }, stdio: ['pipe', 'pipe', 'pipe'] });
    children.push(terminal);
    let screen = '';
    terminal.stdout.setEncoding('utf8').on('data', (text: string) => (screen += text));
    const until = (what: RegExp) => eventually(`"${what.source}" on the screen`, async () => (what.test(screen) ? true : undefined), 20_000);
    await until(/[#$] $/);
    terminal.stdin.write('echo sum $((40+2)); sleep 1000\r');
    await until(/sum 42/);
    terminal.stdin.write('\x03');
    terminal.stdin.write('echo code $?\r');
    await until(/code 130/);
    terminal.stdin.write('exit 9\r');
    expect((await once(terminal, 'close'))[0]).toBe(9);
  });

  test('cp in both directions', async () => {
    const data = randomBytes(3_000_000);
    await k('cp', file('there', data), 'lone:/tmp/copied');
    await k('cp', 'lone:/tmp/copied', path.join(folder, 'back'));
    expect(readFileSync(path.join(folder, 'back')).equals(data)).toBe(true);
  });

  test.each(['pod/lone', 'deploy/web', 'service/web'])('port-forward to %s', async (target) => {
    const forward = platform.spawnKubectl(['port-forward', target, target.startsWith('service') ? ':80' : ':8080']);
    children.push(forward);
    const [first] = (await once(createInterface({ input: forward.stdout ?? process.stdin }), 'line')) as [string];
    const port = Number(/127\.0\.0\.1:(\d+) -> 8080/.exec(first)?.[1]);
    expect(await fetchText(`http://127.0.0.1:${port}/`)).toMatch(/^version 1 on (lone|web-)/);
    forward.kill();
    await once(forward, 'exit');
  });
});

describe('making and changing', () => {
  test('create of what has a short form', async () => {
    expect(await k('create', 'namespace', 'made')).toBe('namespace/made created\n');
    const made = (...args: string[]) => k('-n', 'made', ...args);
    await k('wait', '--for=create', 'sa/default', '-n', 'made', '--timeout=10s');
    expect(await made('create', 'deployment', 'small', `--image=${toolsImage}`, '--replicas=0')).toBe('deployment.apps/small created\n');
    expect(await made('create', 'configmap', 'settings', '--from-literal=colour=blue', `--from-file=${file('a-file', 'its text')}`)).toBe('configmap/settings created\n');
    expect(await made('get', 'cm', 'settings', '-o', 'jsonpath={.data}')).toBe('{"a-file":"its text","colour":"blue"}');
    expect(await made('create', 'secret', 'generic', 'hidden', '--from-literal=key=value')).toBe('secret/hidden created\n');
    expect(await made('get', 'secret', 'hidden', '-o', 'jsonpath={.data.key}')).toBe(Buffer.from('value').toString('base64'));
    expect(await made('create', 'serviceaccount', 'robot')).toBe('serviceaccount/robot created\n');
    expect((await made('create', 'token', 'robot')).split('.')).toHaveLength(3);
    expect(await made('create', 'role', 'reader', '--verb=get,list', '--resource=pods')).toBe('role.rbac.authorization.k8s.io/reader created\n');
    expect(await made('create', 'rolebinding', 'readers', '--role=reader', '--serviceaccount=made:robot')).toContain('created');
    expect(await made('create', 'service', 'clusterip', 'plain', '--tcp=80:8080')).toBe('service/plain created\n');
    expect(await refused('-n', 'made', 'create', 'configmap', 'settings')).toContain('configmaps "settings" already exists');
    expect(await refused('-n', 'nowhere', 'create', 'configmap', 'settings')).toContain('namespaces "nowhere" not found');
    expect(await made('auth', 'can-i', 'list', 'pods', '--as=system:serviceaccount:made:robot')).toBe('yes\n');
    expect((await platform.kubectl(['-n', 'made', 'auth', 'can-i', 'delete', 'pods', '--as=system:serviceaccount:made:robot'])).stdout).toBe('no\n');
    expect(await refused('-n', 'made', 'get', 'secrets', '--as=system:serviceaccount:made:robot')).toContain('secrets is forbidden: User "system:serviceaccount:made:robot" cannot list resource "secrets" in API group "" in the namespace "made"');
    expect(await k('auth', 'can-i', '--list')).toMatch(/\*\.\* +\[\] +\[\] +\[\*\]/);
    expect(await k('auth', 'whoami', '-o', 'jsonpath={.status.userInfo.username}')).toBe('system:admin');
    expect(await k('delete', 'namespace', 'made')).toBe('namespace "made" deleted\n');
    expect(await refused('get', 'cm', '-n', 'made', 'settings')).toContain('not found');
  });

  test('run, expose, label, annotate', async () => {
    expect(await k('run', 'once', `--image=${toolsImage}`, '--image-pull-policy=IfNotPresent', '--restart=Never', '--command', '--', 'sh', '-c', 'echo done; exit 0')).toBe('pod/once created\n');
    await k('wait', '--for=jsonpath={.status.phase}=Succeeded', 'pod/once', '--timeout=30s');
    expect(await k('get', 'pod', 'once')).toMatch(/once +0\/1 +Completed +0 /);
    expect(await k('logs', 'once')).toBe('done\n');
    expect(await k('expose', 'pod', 'lone', '--port=80', '--target-port=8080')).toBe('service/lone exposed\n');
    expect(await k('label', 'pod', 'once', 'kept=no')).toBe('pod/once labeled\n');
    expect(await k('annotate', 'pod', 'once', 'why=test')).toBe('pod/once annotated\n');
    expect(await k('delete', 'pods', '-l', 'kept=no')).toBe('pod "once" deleted\n');
  });

  test('apply, on the client and on the server', async () => {
    const map = (value: string) => file('map.yaml', `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: applied}\ndata: {key: ${value}}\n`);
    expect(await k('apply', '-f', map('one'))).toBe('configmap/applied created\n');
    expect(await k('apply', '-f', map('one'))).toBe('configmap/applied unchanged\n');
    expect(await k('apply', '-f', map('two'))).toBe('configmap/applied configured\n');
    expect(await k('apply', '--server-side', '-f', map('two'), '--field-manager=other', '--force-conflicts')).toBe('configmap/applied serverside-applied\n');
    expect((await platform.kubectl(['diff', '-f', map('three')])).stdout).toMatch(/-\s+key: two\n\+\s+key: three/);
    expect(await k('delete', '-f', map('two'))).toBe('configmap "applied" deleted\n');
    const wrong = file('wrong.json', JSON.stringify(webDeployment('wrong', 1)).replace('"readinessProbe"', '"readynessProbe"'));
    expect(await refused('apply', '-f', wrong)).toContain('unknown field "spec.template.spec.containers[0].readynessProbe"');
    expect(await refused('apply', '-f', file('bad-name.json', JSON.stringify(webPod('Bad_Name'))))).toContain('a lowercase RFC 1123 subdomain must consist of');
  });

  test('edit', async () => {
    await k('create', 'configmap', 'edited', '--from-literal=key=old');
    const editor = file('editor.sh', '#!/bin/sh\nsed -i "s/key: old/key: new/" "$1"\n');
    chmodSync(editor, 0o755);
    expect((await platform.kubectl(['edit', 'configmap', 'edited'], { env: { EDITOR: editor } })).stdout).toBe('configmap/edited edited\n');
    expect(await k('get', 'cm', 'edited', '-o', 'jsonpath={.data.key}')).toBe('new');
    const spoiler = file('spoiler.sh', '#!/bin/sh\ngrep -q "^# .*invalid\\|is invalid" "$1" && exit 0\nsed -i "s/^  name: edited/  name: other/" "$1"\n');
    chmodSync(spoiler, 0o755);
    expect((await platform.kubectl(['edit', 'configmap', 'edited'], { env: { EDITOR: spoiler } })).code).not.toBe(0);
  });

  test('patch of three kinds, scale, set image', async () => {
    expect(await k('patch', 'deploy', 'web', '-p', '{"spec":{"template":{"spec":{"containers":[{"name":"web","env":[{"name":"PATCHED","value":"yes"}]}]}}}}')).toBe('deployment.apps/web patched\n');
    expect(await k('get', 'deploy', 'web', '-o', 'jsonpath={.spec.template.spec.containers[*].name} {.spec.template.spec.containers[0].env[*].name}')).toBe('web PATCHED');
    expect(await k('patch', 'deploy', 'web', '--type=merge', '-p', '{"metadata":{"annotations":{"by":"merge"}}}')).toBe('deployment.apps/web patched\n');
    expect(await k('patch', 'deploy', 'web', '--type=json', '-p', '[{"op":"test","path":"/spec/replicas","value":2},{"op":"replace","path":"/spec/replicas","value":3}]')).toBe('deployment.apps/web patched\n');
    expect(await refused('patch', 'deploy', 'web', '--type=json', '-p', '[{"op":"test","path":"/spec/replicas","value":9}]')).toContain('the server rejected our request due to an error in our request');
    await k('rollout', 'status', 'deploy/web', '--timeout=60s');
    expect(await k('get', 'deploy', 'web')).toMatch(/web +3\/3 +3 +3 /);
    expect(await k('scale', 'deploy/web', '--replicas=1', '--current-replicas=3')).toBe('deployment.apps/web scaled\n');
    expect(await refused('scale', 'deploy/web', '--replicas=5', '--current-replicas=3')).toContain('Expected replicas to be 3, was 1');
    await k('wait', '--for=jsonpath={.status.replicas}=1', 'deploy/web', '--timeout=30s');
  });

  test('rollout: status, history, undo, restart, pause', async () => {
    await eventually('one pod left', async () => ((await k('get', 'pods', '-l', 'app=web', '--no-headers')).trim().split('\n').length === 1 ? true : undefined));
    expect(await k('set', 'env', 'deploy/web', 'VERSION=2')).toBe('deployment.apps/web env updated\n');
    expect(await k('rollout', 'status', 'deploy/web', '--timeout=60s')).toContain('deployment "web" successfully rolled out\n');
    expect(await k('exec', 'deploy/web', '--', 'sh', '-c', 'echo $VERSION')).toBe('2\n');
    expect(await k('rollout', 'history', 'deploy/web')).toBe('deployment.apps/web \nREVISION  CHANGE-CAUSE\n1         <none>\n2         <none>\n3         <none>\n\n');
    expect(await k('rollout', 'history', 'deploy/web', '--revision=3')).toMatch(/^ +VERSION:\s+2$/m);
    expect(await k('rollout', 'undo', 'deploy/web')).toBe('deployment.apps/web rolled back\n');
    await k('rollout', 'status', 'deploy/web', '--timeout=60s');
    expect(await k('rollout', 'history', 'deploy/web')).toMatch(/\n1 .*\n3 .*\n4 /);
    expect(await k('get', 'deploy', 'web', '-o', 'jsonpath={.spec.template.spec.containers[0].env[*].name}')).toBe('PATCHED');
    const before = await oneOf('web');
    expect(await k('rollout', 'restart', 'deploy/web')).toBe('deployment.apps/web restarted\n');
    await k('rollout', 'status', 'deploy/web', '--timeout=60s');
    await eventually('another pod serves', async () => {
      const now = await oneOf('web');
      return now !== '' && now !== before ? now : undefined;
    });
    expect(await k('rollout', 'pause', 'deploy/web')).toBe('deployment.apps/web paused\n');
    expect(await k('rollout', 'resume', 'deploy/web')).toBe('deployment.apps/web resumed\n');
  });

  test('a stateful set: ordered pods with names and claims that last, rolled out and back', async () => {
    await platform.kubectl(['apply', '-f', '-'], { input: manifestOf(
      { apiVersion: 'v1', kind: 'Service', metadata: { name: 'db' }, spec: { clusterIP: 'None', selector: { app: 'db' }, ports: [{ port: 8080 }] } },
      { apiVersion: 'apps/v1', kind: 'StatefulSet', metadata: { name: 'db' }, spec: {
        serviceName: 'db', replicas: 2, selector: { matchLabels: { app: 'db' } },
        template: { metadata: { labels: { app: 'db' } }, spec: { terminationGracePeriodSeconds: 0, containers: [{ name: 'db', image: toolsImage, command: ['node', '-e', "require('fs').appendFileSync('/data/starts','x');require('http').createServer((q,r)=>r.end(require('os').hostname())).listen(8080)"], volumeMounts: [{ name: 'data', mountPath: '/data' }] }] } },
        volumeClaimTemplates: [{ metadata: { name: 'data' }, spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Mi' } } } }],
      } },
    ) });
    expect(await k('rollout', 'status', 'sts/db', '--timeout=60s')).toContain('partitioned roll out complete: 2 new pods have been updated');
    const ask = "require('http').get('http://db-1.db:8080',(r)=>r.pipe(process.stdout)).on('error',()=>process.exit(1))";
    await eventually('pods find each other by name', async () => ((await platform.kubectl(['exec', 'db-0', '--', 'node', '-e', ask])).stdout.trim() === 'db-1' ? true : undefined));
    await k('set', 'env', 'sts/db', 'VERSION=2');
    await k('rollout', 'status', 'sts/db', '--timeout=60s');
    expect(await k('rollout', 'history', 'sts/db')).toMatch(/1 +<none>\n2 +<none>/);
    await k('rollout', 'undo', 'sts/db');
    await k('rollout', 'status', 'sts/db', '--timeout=60s');
    // Ready without a probe: its program may only be about to start.
    await eventually('its third start on the same data', async () => ((await platform.kubectl(['exec', 'db-0', '--', 'sh', '-c', 'cat /data/starts; echo "[$VERSION]"'])).stdout === 'xxx[]\n' ? true : undefined));
    await k('delete', 'sts,svc', 'db', '--wait=true');
    expect((await k('get', 'pvc', '-o', 'name')).trim().split('\n')).toEqual(expect.arrayContaining(['persistentvolumeclaim/data-db-0', 'persistentvolumeclaim/data-db-1']) as unknown[]);
    await k('delete', 'pvc', 'data-db-0', 'data-db-1');
  });

  test('jobs and cron jobs', async () => {
    await k('create', 'job', 'once', `--image=${toolsImage}`, '--', 'node', '-e', 'console.log("done")');
    await k('wait', '--for=condition=complete', 'job/once', '--timeout=60s');
    expect(await k('logs', 'job/once')).toBe('done\n');
    expect(await k('get', 'job', 'once', '--no-headers')).toMatch(/^once +Complete +1\/1 +\S+ +\S+\n$/);
    await k('create', 'cronjob', 'tick', `--image=${toolsImage}`, '--schedule=@yearly', '--', 'node', '-e', '1');
    expect(await k('get', 'cronjob', 'tick', '--no-headers')).toMatch(/^tick +@yearly +<none> +False +0 +<none> +\S+\n$/);
    await k('create', 'job', 'now', '--from=cronjob/tick');
    await k('wait', '--for=condition=complete', 'job/now', '--timeout=60s');
    expect(await k('describe', 'cronjob', 'tick')).toContain('Schedule:');
    await k('delete', 'job,cronjob', '--all');
    await eventually('their pods went with them', async () => ((await k('get', 'pods', '-l', 'job-name', '-o', 'name')) === '' ? true : undefined));
  });

  test('wait for deletion; delete waits for the end', async () => {
    await platform.kubectl(['apply', '-f', '-'], { input: manifestOf(webPod('leaving')) });
    await k('wait', '--for=condition=Ready', 'pod/leaving', '--timeout=30s');
    const waiting = k('wait', '--for=delete', 'pod/leaving', '--timeout=30s');
    expect(await k('delete', 'pod', 'leaving')).toBe('pod "leaving" deleted\n');
    expect(await waiting).toContain('pod/leaving condition met');
    expect(await refused('wait', '--for=condition=Ready', 'pod/leaving', '--timeout=1s')).toContain('not found');
    expect(await k('delete', 'deploy', 'web', '--cascade=foreground')).toBe('deployment.apps "web" deleted\n');
    await eventually('its pods are gone', async () => ((await k('get', 'pods', '-l', 'app=web', '-o', 'name')) === '' ? true : undefined));
  });
});

describe('looking around', () => {
  test('events', async () => {
    expect(headOf(await k('events'))).toEqual(['LAST SEEN', 'TYPE', 'REASON', 'OBJECT', 'MESSAGE']);
    expect(await k('events', '--for', 'pod/lone')).toMatch(/Normal +Scheduled +Pod\/lone +Successfully assigned default\/lone to node-1\n[^]*Normal +Started +Pod\/lone +Started container web/);
    expect(await k('get', 'events', '--field-selector=involvedObject.name=lone,reason=Started', '-o', 'jsonpath={.items[*].source.component}')).toBe('kubelet');
  });

  test('explain', async () => {
    expect(await k('explain', 'pod.spec.containers.readinessProbe.httpGet.port')).toMatch(/KIND: +Pod\nVERSION: +v1\n\nFIELD: port <IntOrString>/);
    expect(await k('explain', 'deploymentconfig.spec')).toMatch(/GROUP: +apps\.openshift\.io\nKIND: +DeploymentConfig[^]*triggers/);
    expect(await k('explain', 'route')).toContain('route.openshift.io');
  });

  test('api-resources, version, cluster-info', async () => {
    expect(await k('api-resources', '--no-headers')).toMatch(/^pods +po +v1 +true +Pod$/m);
    expect(await k('api-versions')).toMatch(/^route\.openshift\.io\/v1$/m);
    expect(await k('version')).toMatch(/^Server Version: v1\.32\.\d+\+slipway$/m);
    expect(await k('cluster-info')).toContain('Kubernetes control plane');
    expect(await k('version')).toMatch(/^Client Version: v1\.32\./m);
  });
});

function fetchText(url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    http.get(url, { agent: false, timeout: 10_000 }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => (body += text)).on('end', () => resolve(body));
    }).on('error', reject);
  });
}
