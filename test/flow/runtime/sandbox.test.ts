/** What only the sandbox gives: roots, networks, powers taken away. Run as an ordinary user. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { chmodSync, mkdtempSync, readdirSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ServiceTable } from '../../../src/agent/network/service-table.ts';
import type { ContainerStatus, PodSandbox } from '../../../src/agent/runtime/runtime.ts';
import { eventually } from '../../support/eventually.ts';
import { startMachine, type Machine } from '../../support/sandbox/machine.ts';
import { copied, link, pushImage, type TestLayer } from '../../support/sandbox/images.ts';
import { startRegistry, type TestRegistry } from '../../support/registry.ts';
import { registryClient } from '../../../src/oci/registry-client.ts';
import { parseLibraries } from '../../../src/agent/runtime/sandbox/kit.ts';
import { execFileSync } from 'node:child_process';
import { containerConfig, podConfig, runPod, startPod } from '../../support/sandbox/pods.ts';
import type { ExecResult } from '../../support/sandbox/runtime-methods.ts';

let machine: Machine;
let registry: TestRegistry;
let registryFolder: string;
beforeAll(async () => {
  machine = await startMachine();
  registryFolder = mkdtempSync(join(tmpdir(), 'registry-'));
  const socketPath = join(machine.directory, 'run/registry.sock');
  registry = await startRegistry({ directory: registryFolder, tls: true, socketPath });
  // Served by root here, used by the ordinary user.
  chmodSync(socketPath, 0o777);
  writeFileSync(join(machine.directory, 'ca.pem'), registry.ca);
  await Promise.all([machine.startAgent(1), machine.startAgent(2)]);
});
afterAll(async () => {
  await machine.stop();
  await registry.close();
  rmSync(registryFolder, { recursive: true, force: true });
});

const exec = (container: string, argv: string[], node = 1) => machine.agent<ExecResult>(node, 'exec', container, argv);
/** A program for Node in the container, which prints what `print` is given. */
const script = (text: string) => ['node', '-e', `const print = (value) => console.log(JSON.stringify(value)); (async () => { ${text} })().catch((error) => print(String(error)))`];

describe('isolation', () => {
  test('the machine runs as an ordinary user', async () => {
    expect(await machine.call('uid')).not.toBe(0);
    expect(await machine.call('probe')).toMatchObject({ ok: true, overlay: true });
  });

  test('an application has no power, an arbitrary uid, and is process 1', async () => {
    const { lines } = await runPod(machine, 'id -u; id -g; id -un; grep -E "^(Cap|NoNewPrivs)" /proc/self/status; echo $$; ls /proc | grep -c "^[0-9]"');
    expect(lines.slice(0, 3)).toEqual(['1000580000', '0', '1000580000']);
    const none = '0000000000000000';
    expect(lines.slice(3, 9).map((line) => line.split('\t'))).toEqual([['CapInh:', none], ['CapPrm:', none], ['CapEff:', none], ['CapBnd:', none], ['CapAmb:', none], ['NoNewPrivs:', '1']]);
    expect(lines[9]).toBe('1');
    expect(Number(lines[10])).toBeLessThan(5);
  });

  test('neither has a command that is executed in it', async () => {
    const { pod, container } = await startPod(machine);
    const { stdout } = await exec(container, ['sh', '-c', 'id -u; grep -E "^(CapPrm|CapEff|CapInh|CapAmb|NoNewPrivs)" /proc/self/status; mount -t tmpfs x /tmp 2>&1 | head -n 1; hostname']);
    expect(stdout.split('\n')).toEqual(['1000580000', 'CapInh:\t0000000000000000', 'CapPrm:\t0000000000000000', 'CapEff:\t0000000000000000', 'CapAmb:\t0000000000000000', 'NoNewPrivs:\t1', expect.stringMatching(/mount: .*(must be superuser|permission denied)/), pod.config.hostname, '']);
    await machine.agent(1, 'removePod', pod.id);
  });

  test('no power is left to a root of the container either', async () => {
    const { lines } = await runPod(machine, 'id -u; grep CapEff /proc/self/status; grep CapBnd /proc/self/status; mount -t tmpfs x /tmp 2>/dev/null || echo refused', { user: { uid: 0, gid: 0 } });
    expect(lines).toEqual(['0', 'CapEff:\t0000000000000000', 'CapBnd:\t0000000000000000', 'refused']);
  });

  test('no file of the machine is seen but its system folders', async () => {
    const secret = join(machine.directory, 'secret');
    writeFileSync(secret, 'x', { mode: 0o644 });
    const { lines } = await runPod(machine, `cat ${secret} 2>&1; ls -A /home /root /srv /mnt; ls /var; cat /etc/shadow 2>&1; ls -a /; cut -d: -f1 /etc/passwd; cat /proc/mounts | wc -l; touch /usr/x 2>&1; ls /proc/1/root/home`);
    const text = lines.join('\n');
    expect(lines[0]).toMatch(/No such file/);
    expect(text).toContain('Read-only file system');
    expect(readdirSync('/home').some((name) => lines.includes(name))).toBe(false);
  });

  test('pods that start at the same moment get a network each, even right after the one in reserve was asked for', async () => {
    for (let round = 0; round < 2; round += 1) {
      const made = await Promise.all(Array.from({ length: 4 }, () => startPod(machine)));
      expect(new Set(made.map(({ pod }) => pod.ip)).size).toBe(4);
      expect(new Set(made.map(({ pod }) => pod.id)).size).toBe(4);
      await Promise.all(made.map(({ pod }) => machine.agent(1, 'removePod', pod.id)));
    }
  });

  test('a pod has a network, a host name and devices of its own', async () => {
    const first = await startPod(machine);
    const second = await startPod(machine);
    const facts = script(`const os = require('os'), fs = require('fs'); print([os.hostname(), Object.keys(os.networkInterfaces()), os.networkInterfaces().eth0[0].address, fs.readlinkSync('/proc/self/ns/net'), fs.readdirSync('/dev').sort(), fs.readdirSync('/sys/class/net')])`);
    const [one, other] = (await Promise.all([first, second].map(({ container }) => exec(container, facts)))).map(({ stdout }) => JSON.parse(stdout) as unknown[]);
    expect(one?.slice(0, 3)).toEqual([first.pod.config.hostname, ['lo', 'eth0'], first.pod.ip]);
    expect(other?.[2]).toBe(second.pod.ip);
    expect(one?.[3]).not.toBe(other?.[3]);
    expect(one?.[4]).toEqual(['.slipway', 'fd', 'full', 'mqueue', 'null', 'ptmx', 'pts', 'random', 'shm', 'stderr', 'stdin', 'stdout', 'termination-log', 'tty', 'urandom', 'zero']);
    expect(one?.[5]).toEqual(['eth0', 'lo']);
    await Promise.all([first, second].map(({ pod }) => machine.agent(1, 'removePod', pod.id)));
  });
});

describe('shared processes', () => {
  const logs = (pod: PodSandbox, name: string) => join(machine.directory, 'logs', pod.id, name);
  const another = async (pod: PodSandbox, name: string, command: string[], more = {}) => {
    const id = await machine.agent<string>(1, 'create', pod.id, containerConfig(logs(pod, name), { name, command, ...more }));
    await machine.agent(1, 'start', id);
    return id;
  };
  const commands = async (container: string) => (await exec(container, ['sh', '-c', 'for one in /proc/[0-9]*/cmdline; do tr "\\0" " " < $one; echo; done'])).stdout;

  test('containers of such a pod see each other, are not process 1, and end with all they started and nothing else', async () => {
    const { pod, container } = await startPod(machine, { command: ['sh', '-c', '(trap "" TERM; exec sleep 1001) & sleep 1002'] }, 1, { sharedProcesses: true });
    const other = await another(pod, 'other', ['sh', '-c', 'echo i am $$; exec sleep 1003']);
    for (const one of ['sleep 2147483647', 'sleep 1001', 'sleep 1002', 'sleep 1003']) await eventually(() => commands(other)).toContain(one);
    expect((await exec(other, ['sh', '-c', 'tr "\\0" " " < /proc/1/cmdline'])).stdout).toBe('sleep 2147483647 ');
    expect((await exec(other, ['sh', '-c', 'ls -d /proc/1/ns && cat /proc/1/status | grep -c State'])).exit).toEqual({ code: 0 });
    await machine.agent(1, 'stop', container, 0.2);
    const left = await commands(other);
    expect(left).not.toMatch(/sleep 100[12]/);
    expect(left).toContain('sleep 1003');
    expect(await machine.agent(1, 'status', other)).toMatchObject({ state: 'running' });
    await eventually(async () => (await machine.agent<{ processes: number }>(1, 'stats', other)).processes).toBe(1);
    await machine.agent(1, 'removePod', pod.id);
    expect(await machine.agent(1, 'status', other)).toBeNull();
  });

  test('a debugging container joins those of one other, and ends with it', async () => {
    const { pod, container } = await startPod(machine, { command: ['sh', '-c', 'trap "exit 3" TERM; while :; do sleep 0.05; done'] });
    const debug = await another(pod, 'debug', ['sleep', '1004'], { processesOf: container });
    for (const one of ['sh -c trap "exit 3" TERM', 'sleep 1004']) await eventually(() => commands(debug)).toContain(one);
    await exec(debug, ['kill', '-TERM', '1']);
    expect(await machine.agent<ContainerStatus>(1, 'exited', container)).toMatchObject({ exitCode: 3 });
    expect(await machine.agent<ContainerStatus>(1, 'exited', debug)).toMatchObject({ exitCode: 137 });
    await expect(another(pod, 'late', ['true'], { processesOf: container })).rejects.toMatchObject({ reason: 'CreateContainerError' });
    await machine.agent(1, 'removePod', pod.id);
  });

  test('survive a kill of the agent', async () => {
    const { pod, container } = await startPod(machine, { command: ['sleep', '1005'] }, 1, { sharedProcesses: true });
    await machine.call('killAgent', 1);
    await machine.startAgent(1);
    await another(pod, 'later', ['sleep', '1006']);
    for (const one of ['sleep 1005', 'sleep 1006']) await eventually(() => commands(container)).toContain(one);
    await machine.agent(1, 'removePod', pod.id);
  });
});

describe('files', () => {
  test('volumes are mounted where the pod says, inside each other and read-only', async () => {
    const [outer, inner] = ['outer', 'inner'].map((name) => join(machine.directory, `volume-${name}`));
    await machine.call('inside', ['sh', '-c', `mkdir -p ${outer} ${inner}; echo kept > ${inner}/file`]);
    const { lines } = await runPod(machine, 'echo new > /data/made; cat /data/conf/file /var/run/one; touch /data/conf/x 2>&1; ls /data', {
      mounts: [
        { hostPath: outer!, containerPath: '/data', readOnly: false }, { hostPath: inner!, containerPath: '/data/conf', readOnly: true },
        { hostPath: `${inner}/file`, containerPath: '/var/run/one', readOnly: true },
      ],
    });
    expect(lines).toEqual(['kept', 'kept', expect.stringContaining('Read-only file system'), 'conf', 'made']);
    expect(readdirSync(outer!).sort()).toEqual(['conf', 'made']);
  });

  test('a mount does not follow a link that an application left in a volume', async () => {
    const volume = join(machine.directory, 'volume-trap');
    await machine.call('inside', ['sh', '-c', `mkdir -p ${volume}; ln -s /etc ${volume}/inner`]);
    const mounts = [{ hostPath: volume, containerPath: '/data', readOnly: false }, { hostPath: volume, containerPath: '/data/inner', readOnly: false }];
    await expect(startPod(machine, { command: ['true'], mounts })).rejects.toMatchObject({ reason: 'CreateContainerError', message: expect.stringContaining('link') as string });
  });

  test('the root may be read-only, and is fresh for every container', async () => {
    expect((await runPod(machine, 'touch /x 2>&1; touch /tmp/x 2>&1', { readOnlyRootFilesystem: true })).lines).toEqual([expect.stringContaining('Read-only'), expect.stringContaining('Read-only')]);
    expect((await runPod(machine, 'touch /x; ls /x; pwd', { workingDir: '/made/on/the/way' })).lines).toEqual(['/x', '/made/on/the/way']);
    expect((await runPod(machine, 'ls /x 2>&1')).lines[0]).toContain('No such file');
  });

  test('a build may mount and nest namespaces in a folder of its own, which is gone afterwards', async () => {
    const { lines, status } = await runPod(
      machine,
      `cd "$SLIPWAY_BUILD_FOLDER" && mkdir l u w m && mount -t overlay overlay -o lowerdir=l,upperdir=u,workdir=w,userxattr m && touch m/f && echo mounted
       unshare -Urmpf --mount-proc sh -c 'echo nested $$'; unshare -U --map-user=1001 --map-group=0 id -u; touch /usr/x 2>&1`,
      { buildPowers: true },
    );
    expect(lines).toEqual(['mounted', 'nested 1', '1001', expect.stringContaining('Read-only')]);
    expect(status.exitCode).toBe(1);
    // What builds keep for later ones stays.
    expect(readdirSync(join(machine.directory, 'nodes/node-1/runtime/build'))).toEqual(['cache']);
  });
});

test('an image with a root of its own runs on that root, without any program of this machine', async () => {
  const shell = realpathSync('/bin/sh');
  const file = (path: string) => copied(realpathSync(path), statSync(realpathSync(path)).size);
  const base: TestLayer = { 'usr/bin/sh': file(shell), bin: link('usr/bin'), 'usr/share/old': 'hidden below', 'usr/share/kept': 'kept', 'etc/passwd': 'root:x:0:0::/root:/bin/sh\nweb:x:1001:0::/home/web:/bin/sh\n', 'var/run': link('/run'), 'run/keep': '' };
  for (const { path } of parseLibraries(execFileSync('ldd', [shell], { encoding: 'utf8' }))) base[path.slice(1)] = file(path);
  const client = registryClient({ baseUrl: registry.url, ca: registry.ca, auth: { username: 'x', password: 'builder' } });
  const digest = await pushImage(client, 'demo/own', 'latest', registryFolder, [base, { 'usr/share/old': null, 'app/run.sh': 'cd /usr/share; echo *; echo "$HOME $GREETING $1"; while read -r line; do echo "$line"; done < /etc/passwd; echo /bin/* /run/*; read -r text < /var/run/secret; echo "$text"' }], {
    entrypoint: ['/bin/sh', '/app/run.sh'], cmd: ['from-cmd'], user: 'web', workingDir: '/app', env: [{ name: 'GREETING', value: 'hi' }],
  });
  client.close();
  const reference = `docker-registry.default.svc:5000/demo/own@${digest}`;
  const image = await machine.agent<{ id: string }>(1, 'pull', reference, { username: 'x', password: 'builder' });
  const secret = join(machine.directory, 'own-secret');
  writeFileSync(secret, 'a secret\n', { mode: 0o644 });
  const mounts = [{ hostPath: secret, containerPath: '/var/run/secret', readOnly: true }];
  const { lines } = await runPod(machine, '', { imageId: image.id, command: [], user: {}, mounts });
  expect(lines).toEqual(['kept', '/home/web hi from-cmd', 'root:x:0:0::/root:/bin/sh', 'web:x:1001:0::/home/web:/bin/sh', `/bin/${basename('/usr/bin/sh')} /run/keep /run/secret`, 'a secret']);
  const other = await startPod(machine, { imageId: image.id, command: ['sh', '-c', 'while read -r line; do :; done'], stdin: true, user: { uid: 1000580000, gid: 0 }, mounts });
  expect((await exec(other.container, ['sh', '-c', 'while read -r line; do echo "$line"; done < /etc/passwd'])).stdout).toContain('1000580000:x:1000580000:0:1000580000 user:/app:/sbin/nologin');
  await machine.agent(1, 'removePod', other.pod.id);
});

describe('network', () => {
  const service = (name: string, ip: string, port: number, pods: PodSandbox[], more: Partial<ServiceTable[number]> = {}): ServiceTable[number] => ({
    namespace: 'demo', name, clusterIPs: ip === '' ? [] : [ip], publishNotReady: false, ...more,
    ports: [{ name: 'http', protocol: 'TCP', port, endpoints: pods.map((pod) => ({ ip: pod.ip, port: 8080, ready: true, hostname: pod.config.hostname })) }],
  });
  const both = (method: string, ...args: unknown[]) => Promise.all([1, 2].map((node) => machine.agent(node, method, ...args)));

  test('pods of two nodes reach each other, services and names', async () => {
    const near = await startPod(machine, {}, 1);
    const far = await startPod(machine, {}, 2);
    expect(far.pod.ip.startsWith('10.128.2.')).toBe(true);
    await Promise.all([machine.agent(1, 'logged', near.container, 'listening'), machine.agent(2, 'logged', far.container, 'listening')]);
    await both('services', [
      service('web', '172.30.20.1', 80, [near.pod, far.pod]), service('sticky', '172.30.20.2', 80, [near.pod, far.pod], { affinitySeconds: 60 }), service('peers', '', 8080, [near.pod, far.pod]),
      service('empty', '172.30.20.3', 80, []), { namespace: 'demo', name: 'elsewhere', clusterIPs: [], externalName: 'web.demo.svc.cluster.local', publishNotReady: false, ports: [] },
    ]);
    const ask = script(`
      const get = (url) => new Promise((resolve) => require('http').get(url, { agent: false }, (response) => { let text = ''; response.on('data', (part) => text += part).on('end', () => resolve(text.split(' ')[2])); }).on('error', (error) => resolve(error.code)));
      const dns = require('dns').promises;
      const all = async (url) => (await Promise.all(Array.from({ length: 8 }, () => get(url)))).reduce((seen, name) => seen.includes(name) ? seen : [...seen, name], []).sort();
      print({
        direct: await get('http://${far.pod.ip}:8080/'), service: await all('http://web/'), sticky: (await all('http://sticky.demo/')).length, empty: await get('http://empty/'),
        address: (await dns.lookup('web')).address, peers: (await dns.resolve4('peers.demo.svc.cluster.local')).sort(), one: await dns.resolve4('${far.pod.config.hostname}.peers.demo.svc.cluster.local'),
        srv: (await dns.resolveSrv('_http._tcp.web.demo.svc.cluster.local'))[0].port, ptr: await dns.reverse('172.30.20.1'), alias: (await dns.lookup('elsewhere')).address,
        missing: await dns.resolve4('nobody.demo.svc.cluster.local').catch((error) => error.code), pod: await dns.resolve4('10-1-2-3.demo.pod.cluster.local'),
      });`);
    const { stdout, stderr } = await exec(near.container, ask);
    const names = [near.pod.config.hostname, far.pod.config.hostname].sort();
    expect(JSON.parse(stdout || stderr)).toEqual({
      direct: far.pod.config.hostname, service: names, sticky: 1, empty: 'ECONNREFUSED', address: '172.30.20.1', peers: [near.pod.ip, far.pod.ip].sort(), one: [far.pod.ip], srv: 80,
      ptr: ['web.demo.svc.cluster.local'], alias: '172.30.20.1', missing: 'ENOTFOUND', pod: ['10.1.2.3'],
    });
    expect((await exec(far.container, script(`print(await (await fetch('http://web.demo.svc.cluster.local/')).text())`), 2)).stdout).toContain('hello from');
    await Promise.all([machine.agent(1, 'removePod', near.pod.id), machine.agent(2, 'removePod', far.pod.id)]);
  });

  test('the outside is reached through the relay, cluster names even there, this machine by its name only', async () => {
    const server = createServer((request, response) => response.end(`outside ${request.headers.host}`));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    const { pod, container } = await startPod(machine);
    await machine.agent(1, 'logged', container, 'listening');
    await machine.agent(1, 'pod', pod.ip, 'demo');
    await machine.agent(1, 'services', [service('web', '172.30.20.1', 80, [pod])]);
    const ask = script(`
      const http = require('http'), net = require('net');
      const plain = (url) => new Promise((resolve) => http.get({ host: '172.30.0.11', port: 3128, path: url, headers: { host: new URL(url).host } }, (response) => { let text = ''; response.on('data', (part) => text += part).on('end', () => resolve(response.statusCode + ' ' + text.trim())); }));
      const tunnel = (target) => new Promise((resolve) => { const asked = http.request({ host: '172.30.0.11', port: 3128, method: 'CONNECT', path: target }); asked.on('connect', (response, socket) => { if (response.statusCode !== 200) { socket.destroy(); return resolve(response.statusCode); } socket.write('GET / HTTP/1.0\\r\\nHost: t\\r\\n\\r\\n'); let text = ''; socket.on('data', (part) => text += part).on('end', () => resolve(text.split('\\r\\n\\r\\n')[1])); }); asked.on('error', (error) => resolve(error.code)); asked.end(); });
      print([await plain('http://host.slipway.internal:${port}/x'), await tunnel('host.slipway.internal:${port}'), (await tunnel('web:80')).slice(0, 10), (await plain('http://web.demo.svc:80/')).slice(0, 14), await tunnel('127.0.0.1:${port}'), (await plain('http://localhost:${port}/')).slice(0, 3), await tunnel('host.slipway.internal:1'), (await require('dns').promises.lookup('host.slipway.internal')).address]);`);
    expect(JSON.parse((await exec(container, ask)).stdout)).toEqual([`200 outside host.slipway.internal:${port}`, 'outside t', 'hello from', '200 hello from', 403, '403', 502, '100.64.255.254']);
    server.close();
    await machine.agent(1, 'removePod', pod.id);
  });

  test('addresses lead to sockets of the control plane', async () => {
    await machine.call('serveSocket', 'api.sock');
    const { pod, container } = await startPod(machine);
    expect((await exec(container, script(`print(await (await fetch('http://172.30.0.1:443/')).text())`))).stdout.trim()).toBe('"from the socket"');
    await machine.agent(1, 'removePod', pod.id);
  });

  test('a pod of the node network has no address of its own', async () => {
    const { pod, container } = await startPod(machine, {}, 1, { hostNetwork: true });
    expect(pod.ip).toBe('100.64.0.2');
    expect((await exec(container, script(`print(Object.keys(require('os').networkInterfaces()).includes('pods0'))`))).stdout.trim()).toBe('true');
    await machine.agent(1, 'removePod', pod.id);
  });
});

describe('life', () => {
  test('a pod that is stopped ends every process of it and gives its address back', async () => {
    const { pod, container } = await startPod(machine, { command: ['sh', '-c', 'setsid sleep 12345 & exec sleep 12345'] });
    await machine.agent(1, 'stopPod', pod.id);
    expect(await machine.agent<ContainerStatus>(1, 'status', container)).toMatchObject({ state: 'exited', exitCode: 137 });
    expect(await machine.call<string>('inside', ['sh', '-c', 'cat /proc/[0-9]*/cmdline 2>/dev/null | tr "\\0" " " | grep -c "sleep 1234[5] "; true'])).toBe('0\n');
    await machine.agent(1, 'removePod', pod.id);
    expect((await machine.agent<PodSandbox[]>(1, 'pods')).some(({ id }) => id === pod.id)).toBe(false);
  });

  test('a killed control plane leaves everything running, and the next one finds it', async () => {
    const { pod, container, lines } = await startPod(machine, { args: ['count'] });
    await machine.crash();
    await machine.restart();
    await Promise.all([machine.startAgent(1), machine.startAgent(2)]);
    expect(await machine.agent(1, 'status', container)).toMatchObject({ id: container, state: 'running' });
    await machine.agent(1, 'stop', container, 0);
    expect(lines()).toEqual(lines().map((_, at) => `line ${at}`));
    await machine.agent(1, 'removePod', pod.id);
  });

  test('a killed shim ends its container, which nobody would watch, even while it stands for its share of the processors', async () => {
    const { pod, container } = await startPod(machine, { command: ['sh', '-c', 'while :; do :; done'], tty: true, cpuLimit: 20 });
    const session = exec(container, ['sleep', '1000']);
    const inside = async (text: string) => (await machine.call<string>('inside', ['sh', '-c', text])).trim();
    const standing = () => inside(`sed -n 's/^Name:\\s*//p' $(grep -l '^State:.T' /proc/[0-9]*/status 2>/dev/null) /dev/null | sort | xargs`);
    // The container, the command in it, and those who wait outside for each.
    await eventually(standing).toBe('nsenter sh sh sleep');
    await inside(`kill -9 $(sed 's/.*"shimPid":\\([0-9]*\\).*/\\1/' ${machine.directory}/nodes/node-1/runtime/containers/${container}/status.json)`);
    expect(await machine.agent<ContainerStatus>(1, 'exited', container)).toMatchObject({ exitCode: 137, reason: 'Error' });
    expect(await session).toMatchObject({ exit: { code: 137 } });
    await eventually(standing).toBe('');
    await machine.agent(1, 'removePod', pod.id);
  });

  test('how long a pod takes', async () => {
    const rounds: number[] = [];
    for (let round = 0; round < 6; round += 1) {
      // As the second pod of a user would find it: what is kept ready is there again.
      await new Promise((resolve) => setTimeout(resolve, 900));
      const start = performance.now();
      const pod = await machine.agent<PodSandbox>(1, 'runPod', podConfig());
      const id = await machine.agent<string>(1, 'create', pod.id, containerConfig(join(machine.directory, 'logs', pod.id)));
      await machine.agent(1, 'start', id);
      await machine.agent(1, 'accepts', pod.ip, 8080);
      rounds.push(performance.now() - start);
      await machine.agent(1, 'removePod', pod.id);
    }
    const sorted = rounds.sort((one, other) => one - other);
    console.log(`pod accepted → serving (Node.js HTTP server): median ${sorted[3]!.toFixed(0)} ms, ${sorted[0]!.toFixed(0)}..${sorted.at(-1)!.toFixed(0)} ms`);
    expect(sorted.length).toBe(6);
  });
});
