/** What services promise to pods, on two nodes of one machine: once translated by the kernel, once relayed. */
import { createSocket } from 'node:dgram';
import { createServer } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Pod, Service } from '../../src/api/kinds/core.ts';
import { freePort } from '../support/free-port.ts';
import { installed } from '../support/installed.ts';
import { eventually, fetchRoute, Platform } from '../support/platform/platform.ts';
import { processesNaming } from '../support/platform/processes.ts';
import { manifestOf } from '../support/platform/web-pod.ts';
import { inPod, service, talker, talkerPorts, talkerSpec } from '../support/platform/talker-pod.ts';

const app = { app: 'web' };
const ways = ['kernel', 'relay'] as const;

/** Who answers a datagram to a port of this machine. */
const answerOf = (port: number) => new Promise<string>((resolve) => {
  const socket = createSocket('udp4').on('message', (text) => (socket.close(), resolve(String(text).split(' ')[0] ?? '')));
  socket.send('?', port, '127.0.0.1');
});

describe.each(ways)('services, %s', (way) => {
  const platform = new Platform();
  const ask = <T>(script: string, pod = 'client') => inPod<T>(platform, pod, script);
  let address: Record<string, string> = {};
  const apply = (...objects: object[]) => platform.kubectl(['apply', '-f', '-'], { input: manifestOf(...objects) }).then(({ code, stderr }) => expect({ code, stderr }).toEqual({ code: 0, stderr: '' }));
  const addresses = async () => Object.fromEntries((await platform.kube('get', 'pods', '-o', 'jsonpath={range .items[*]}{.metadata.name} {.status.podIP}{"\\n"}{end}')).trim().split('\n').map((line) => line.split(' ') as [string, string]));

  beforeAll(async () => {
    if (way === 'kernel') expect(installed('nft'), 'the Debian package nftables').toBeDefined();
    await platform.up(['--runtime', 'sandbox'], { SLIPWAY_NODES: '2', ...(way === 'relay' && { SLIPWAY_SERVICE_PROXY: 'relay' }) });
    await apply(
      talker('client', { node: 'node-1' }), talker('near', { labels: { ...app, at: 'near' }, node: 'node-1' }), talker('far', { labels: { ...app, at: 'far' }, node: 'node-2' }), talker('bare', { node: 'node-1', hostNetwork: true }),
      talker('unready', { node: 'node-2', ready: false }), talker('held', { node: 'node-2', hostPorts: { web: 8_088, udp: 5_388 } }),
      service('web', { selector: app, ports: talkerPorts }), service('sticky', { selector: app, ports: talkerPorts, sessionAffinity: 'ClientIP' }), service('local', { selector: app, ports: talkerPorts, internalTrafficPolicy: 'Local' }),
      service('nobody', { selector: { app: 'nobody' }, ports: talkerPorts }), service('given', { selector: app, ports: talkerPorts, clusterIP: '172.30.0.77', externalIPs: ['192.0.2.10'] }),
      service('brief', { selector: app, ports: talkerPorts, sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: 1 } } }), service('alone', { selector: { at: 'near' }, ports: talkerPorts }),
      service('each', { clusterIP: 'None', selector: app, ports: talkerPorts }), service('elsewhere', { type: 'ExternalName', externalName: 'web.default.svc.cluster.local' }), service('nodes', { type: 'NodePort', selector: app, ports: talkerPorts }),
      service('early', { selector: { app: 'unready' }, ports: talkerPorts, publishNotReadyAddresses: true }), service('late', { selector: { app: 'unready' }, ports: talkerPorts }), service('moving', { selector: { at: 'near' }, ports: talkerPorts }),
      service('balanced-near', { type: 'LoadBalancer', externalTrafficPolicy: 'Local', selector: { at: 'near' }, ports: [{ port: await freePort(), targetPort: 'web' }] }),
    );
    await platform.kube('wait', '--for=condition=Ready', 'pod/client', 'pod/near', 'pod/far', 'pod/bare', 'pod/held', '--timeout=60s');
    address = await addresses();
    await eventually('both endpoints are known everywhere', async () => ((await ask<string[]>('print(await all(4, async () => (await web("web")).split(" ")[0]))')).length === 2 ? true : undefined));
  });
  afterAll(() => platform.dispose());

  test('who asks is seen with his own address where the kernel translates, with that of his node where connections are relayed', async () => {
    const seen = await ask<string[]>("print([...new Set([...await all(6, () => web('web')), ...await all(6, () => udp('web'))].map((one) => one.split(' ')[1]))])");
    const node = (await platform.kube('get', 'pod', 'client', '-o', 'jsonpath={.status.hostIP}')).trim();
    if (way === 'kernel') expect(seen).toEqual([address.client]);
    else expect(seen).toContain(node);
  });

  /** Asked in a pod, and what it gets. `nodes`: addresses of both nodes; `port`: node ports by name; `local`, `health`: those of the service whose traffic stays on its node. */
  const rows: [name: string, pod: string, script: string, expected: unknown][] = [
    ['several named ports', 'client', "[await spread(() => who(web('web'))), await spread(() => who(udp('web'))), await spread(() => who(line('web')))]", [['far', 'near'], ['far', 'near'], ['far', 'near']]],
    ['nobody: refused at once', 'client', "[await web('nobody'), await line('nobody'), await refused('nobody')]", ['ECONNREFUSED', 'ECONNREFUSED', 'ECONNREFUSED']],
    ['a port that the service does not have', 'client', "[await web('web', 81), await refused('web', 54)]", ['ECONNREFUSED', 'ECONNREFUSED']],
    ['a pod reaches itself through its service', 'near', "[await spread(() => who(web('web'))), await who(web('alone')), await who(udp('alone')), await who(line('alone'))]", [['far', 'near'], 'near', 'near', 'near']],
    ['what runs on the node itself', 'bare', "[await spread(() => who(web('172.30.0.77'))), await spread(() => who(udp('172.30.0.77')))]", [['far', 'near'], ['far', 'near']]],
    ['a client stays with its endpoint', 'client', "[(await all(6, () => who(web('sticky')))).length, (await all(6, () => who(udp('sticky')))).length]", [1, 1]],
    ['not for ever', 'client', "await (async () => { const seen = new Set(); for (let n = 0; n < 20 && seen.size < 2; n += 1) { seen.add(await who(web('brief'))); await sleep(1200); } return [...seen].sort(); })()", ['far', 'near']],
    ['a local policy stays on the node', 'client', "[await all(6, () => who(web('local'))), await all(6, () => who(udp('local')))]", [['near'], ['near']]],
    ['an external address', 'client', "[await spread(() => who(web('192.0.2.10'))), await spread(() => who(udp('192.0.2.10')))]", [['far', 'near'], ['far', 'near']]],
    ['headless: the pods themselves', 'client', "[(await require('node:dns').promises.resolve4('each.default.svc.cluster.local')).length, await spread(() => who(web('each', 8080)))]", [2, ['far', 'near']]],
    ['an external name', 'client', "await spread(() => who(web('elsewhere')))", ['far', 'near']],
    ['every node at the node port', 'client', '[await spread(() => who(web(nodes[0], port.web))), await spread(() => who(web(nodes[1], port.web))), await spread(() => who(udp(nodes[0], port.udp))), await spread(() => who(udp(nodes[1], port.udp)))]', [['far', 'near'], ['far', 'near'], ['far', 'near'], ['far', 'near']]],
    ['a node port, from the node itself', 'bare', '[await spread(() => who(web(nodes[0], port.web))), await spread(() => who(udp(nodes[0], port.udp)))]', [['far', 'near'], ['far', 'near']]],
    ['a host port at the address of its node', 'client', '[await who(web(nodes[1], 8088)), await who(udp(nodes[1], 5388)), await web(nodes[0], 8088)]', ['held', 'held', 'ECONNREFUSED']],
    ['a host port, from its own pod', 'held', '[await who(web(nodes[1], 8088)), await who(udp(nodes[1], 5388))]', ['held', 'held']],
    ['traffic that stays on its node, and who asks which nodes have endpoints', 'client', '[await who(web(nodes[0], local)), await web(nodes[1], local), await Promise.all(nodes.map(async (node) => JSON.parse(await web(node, health)).localEndpoints))]', ['near', 'ECONNREFUSED', [1, 0]]],
    ['those that are not ready, only where that is asked for', 'client', "[await who(web('early')), await who(udp('early')), await web('late')]", ['unready', 'unready', 'ECONNREFUSED']],
  ];
  test('what connections get', async () => {
    const [near, far, nodes] = await Promise.all([platform.json<Pod>('get', 'pod', 'near'), platform.json<Pod>('get', 'pod', 'far'), platform.json<Service>('get', 'service', 'nodes')]);
    const { spec: { healthCheckNodePort: health, ports: [local] = [] } } = await platform.json<Service>('get', 'service', 'balanced-near');
    const known = `const nodes = ${JSON.stringify([near.status?.hostIP, far.status?.hostIP])}, port = ${JSON.stringify(Object.fromEntries((nodes.spec.ports ?? []).map(({ name = '', nodePort }) => [name, nodePort])))}, local = ${local?.nodePort}, health = ${health};`;
    const got: Record<string, unknown> = {};
    await Promise.all([...new Set(rows.map(([, pod]) => pod))].map(async (pod) => {
      const own = rows.filter((row) => row[1] === pod);
      Object.assign(got, await ask<Record<string, unknown>>(`${known} const got = {}; ${own.map(([name, , script]) => `got[${JSON.stringify(name)}] = ${script};`).join('\n')} print(got)`, pod));
    }));
    for (const [name, , , expected] of rows) expect.soft(got[name], name).toEqual(expected);
    await eventually('the health check port answers on this machine', () => fetch(`http://127.0.0.1:${health}/healthz`).then(({ status }) => (status === 200 ? true : undefined), () => undefined));
  });

  test('another selector, another port: what was begun goes on, what is new goes elsewhere', async () => {
    const talk = inPod<unknown[]>(platform, 'client', `
      const heard = [], said = []; const socket = net.connect(9000, 'moving', () => socket.write('a')); socket.on('data', (text) => heard.push(String(text))).on('error', (error) => heard.push(error.code));
      const flow = dgram.createSocket('udp4').unref();
      for (let n = 0; n < 100 && heard.length === 0; n += 1) await sleep(50);
      said.push(await who(udp('moving', 53, flow))); require('node:fs').writeFileSync('/tmp/moving', '');
      for (let n = 0; n < 300 && (await who(line('moving', 9001))) !== 'far'; n += 1) await sleep(100);
      for (let n = 0; n < 20 && said.at(-1) !== 'far'; n += 1) said.push(await who(udp('moving', 53, flow)));
      socket.write('b'); for (let n = 0; n < 100 && heard.length === 1; n += 1) await sleep(50);
      print([heard, [...new Set(said)].filter((one) => one !== 'silence'), await web('moving'), await line('moving', 9000), await who(line('moving', 9001))]);`);
    await eventually('the client talks', async () => ((await platform.kubectl(['exec', 'client', '--', 'test', '-f', '/tmp/moving'])).code === 0 ? true : undefined));
    const ports = [{ name: 'talk', port: 9_001, targetPort: 9_000 }, { name: 'udp', port: 53, protocol: 'UDP', targetPort: 5_300 }];
    await platform.kube('patch', 'service', 'moving', '--type', 'json', '-p', JSON.stringify([{ op: 'replace', path: '/spec/ports', value: ports }, { op: 'replace', path: '/spec/selector', value: { at: 'far' } }]));
    expect(await talk).toEqual([['near a', 'near b'], ['near', 'far'], 'ECONNREFUSED', 'ECONNREFUSED', 'far']);
  });

  test('one who leaves finishes what was begun and gets nothing new; datagrams of a client go on elsewhere', async () => {
    await apply(talker('leaver', { labels: { app: 'drain' }, drainMs: 6_000 }), service('drain', { selector: { app: 'drain' }, ports: talkerPorts }));
    await platform.kube('wait', '--for=condition=Ready', 'pod/leaver', '--timeout=60s');
    await eventually('it is reached', async () => ((await ask('print(await web("drain"))')) === 'ECONNREFUSED' ? undefined : true));
    const talk = inPod<string[]>(platform, 'client', `
      const socket = net.connect(9000, 'drain'), heard = [], flow = dgram.createSocket('udp4').unref(), said = [];
      socket.on('data', (text) => heard.push(String(text).split(' ')[0])).on('error', (error) => heard.push(error.code));
      for (let n = 0; n < 120 && !said.includes('stayer'); n += 1) { socket.write('x'); said.push((await udp('drain', 53, flow)).split(' ')[0]); await sleep(100); }
      socket.write('x'); await sleep(300);
      print([[...new Set(heard)].join(), [...new Set(said.filter((one) => one !== 'silence'))].join(), (await all(4, () => web('drain'))).map((one) => one.split(' ')[0]).join()]);`);
    await platform.kube('delete', 'pod', 'leaver', '--wait=false');
    // Nobody else is there: it serves on while it leaves (conditions serving and terminating).
    expect(await ask('print((await web("drain")).split(" ")[0])')).toBe('leaver');
    await apply(talker('stayer', { labels: { app: 'drain' } }));
    expect(await talk).toEqual(['leaver', 'leaver,stayer', 'stayer']);
  });

  if (way === 'kernel') test('names, as resolvers of all kinds ask for them', async () => {
    const waiting = { containers: [{ name: 'main', image: 'slipway/tools', imagePullPolicy: 'IfNotPresent', command: ['sleep', '86400'] }], terminationGracePeriodSeconds: 0 };
    await apply(
      service('set', { clusterIP: 'None', selector: { app: 'member' }, ports: [{ name: 'web', port: 8080 }] }), service('outer', { type: 'ExternalName', externalName: 'web.default.svc.cluster.local' }),
      { apiVersion: 'apps/v1', kind: 'StatefulSet', metadata: { name: 'member' }, spec: { serviceName: 'set', selector: { matchLabels: { app: 'member' } }, template: { metadata: { labels: { app: 'member' } }, spec: talkerSpec() } } },
      talker('bare-dns', { spec: { ...waiting, dnsPolicy: 'None', dnsConfig: { nameservers: ['172.30.0.10'], searches: ['svc.cluster.local'], options: [{ name: 'ndots', value: '2' }] }, enableServiceLinks: false } }),
    );
    await platform.kube('rollout', 'status', 'statefulset/member', '--timeout=60s');
    await platform.kube('wait', '--for=condition=Ready', 'pod/bare-dns', '--timeout=60s');
    const { spec: { clusterIP: ip = '' } } = await platform.json<Service>('get', 'service', 'web');
    const member = (await addresses())['member-0'] ?? '';
    const run = async (text: string, pod = 'client') => (await platform.kube('exec', pod, '--', 'sh', '-c', `${text} 2>&1; true`)).trim();
    await eventually('the headless service has its member', async () => ((await run('dig +short member-0.set.default.svc.cluster.local')) === member ? true : undefined));
    expect(await run('cat /etc/resolv.conf')).toBe('search default.svc.cluster.local svc.cluster.local cluster.local\nnameserver 172.30.0.10\noptions ndots:5');
    expect(await run('cat /etc/resolv.conf', 'bare-dns')).toBe('search svc.cluster.local\nnameserver 172.30.0.10\noptions ndots:2');
    const lookups: [string, string][] = [
      ['getent hosts web | tr -s " "', `${ip} web.default.svc.cluster.local`], ['getent hosts web.default | tr -s " "', `${ip} web.default.svc.cluster.local`],
      ['dig +short +search web', ip], ['dig +short +tcp WeB.default.SVC.cluster.local', ip], ['dig +noall +answer WeB.default.svc.cluster.local | cut -c1-4', 'WeB.'],
      [`dig +short -x ${ip}`, 'web.default.svc.cluster.local.'], [`dig +short -x ${member}`, 'member-0.set.default.svc.cluster.local.'], ['dig +short _talk._tcp.web.default.svc.cluster.local SRV', '0 100 9000 web.default.svc.cluster.local.'],
      ['dig +short set.default.svc.cluster.local', member], ['dig +short _web._tcp.set.default.svc.cluster.local SRV', '0 100 8080 member-0.set.default.svc.cluster.local.'], ['dig +short outer.default.svc.cluster.local', `web.default.svc.cluster.local.\n${ip}`],
      [`dig +short ${member.replaceAll('.', '-')}.default.pod.cluster.local`, member], ['dig +short dns-version.cluster.local TXT', '"1.1.0"'], ['dig +short kubernetes.default.svc.cluster.local', '172.30.0.1'],
      ['dig web.default.svc.cluster.local AAAA | grep -oE "status: [A-Z]+|ANSWER: [0-9]+" | tr "\\n" " "', 'status: NOERROR ANSWER: 0'], ['dig nobody-here.default.svc.cluster.local | grep -oE "status: [A-Z]+"', 'status: NXDOMAIN'],
      ['dig nobody-here.default.svc.cluster.local +noall +authority | grep -oE "^cluster.local.*SOA" | tr -s "\\t " " " | cut -d" " -f1,4', 'cluster.local. SOA'], ['dig nobody.cluster.local | grep -oE "status: [A-Z]+"', 'status: NXDOMAIN'],
      ['busybox nslookup web.default.svc.cluster.local | tail -n +4 | grep -o "Address.*"', `Address: ${ip}`],
    ];
    const got = (await run(lookups.map(([text]) => `(${text}); echo ---`).join('\n'))).split('---').map((one) => one.trim());
    expect(lookups.map(([text], at) => [text, got[at]])).toEqual(lookups);
    expect(await ask<string[]>("const dns = require('node:dns').promises; print([(await dns.lookup('web')).address, ...(await dns.resolve4('set.default.svc.cluster.local'))])")).toEqual([ip, member]);
    expect(await run('echo $WEB_SERVICE_HOST:$WEB_SERVICE_PORT $WEB_SERVICE_PORT_TALK $WEB_PORT_53_UDP $WEB_PORT_80_TCP_ADDR', 'member-0')).toBe(`${ip}:80 9000 udp://${ip}:53 ${ip}`);
    expect(await run('echo $WEB_SERVICE_HOST:$KUBERNETES_SERVICE_HOST', 'bare-dns')).toBe(':172.30.0.1');
  });

  test('ports of this machine lead to services, over TCP and UDP, also after the agent or the control plane was killed', async () => {
    const [nodePort, nodeUdp, taken] = [await freePort(), await freePort(), createServer()];
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const { port: busy } = taken.address() as AddressInfo;
    const balanced = await freePort();
    await apply(
      service('outside', { type: 'NodePort', selector: app, ports: [{ name: 'web', port: 80, targetPort: 'web', nodePort: 30_000 + (nodePort % 2_000) }, { name: 'udp', port: 53, protocol: 'UDP', targetPort: 5300, nodePort: 30_000 + (nodeUdp % 2_000) }] }),
      service('balanced', { type: 'LoadBalancer', selector: app, ports: [{ name: 'web', port: balanced, targetPort: 'web' }, { name: 'busy', port: busy, targetPort: 'web' }] }),
    );
    const page = async (port: number) => (await fetch(`http://127.0.0.1:${port}/`)).text();
    const reached = (port: number) => eventually(`port ${port} leads to both pods`, async () => {
      const names = new Set([await page(port), await page(port)].map((one) => one.split(' ')[0]));
      return names.size === 2 ? true : undefined;
    });
    const { spec } = await platform.json<Service>('get', 'service', 'outside');
    const [web = 0, udp = 0] = (spec.ports ?? []).map((one) => one.nodePort ?? 0);
    await reached(web);
    await reached(balanced);
    await apply(service('second', { type: 'LoadBalancer', selector: app, ports: [{ name: 'web', port: balanced, targetPort: 'web' }] }));
    const answer = () => answerOf(udp);
    expect(['near', 'far']).toContain(await answer());
    const status = await eventually('the load balancer has an address', async () => (await platform.json<Service>('get', 'service', 'balanced')).status?.loadBalancer?.ingress);
    expect(status).toEqual([{ ip: '127.0.0.1', ipMode: 'VIP', ports: [{ port: balanced, protocol: 'TCP' }, { port: busy, protocol: 'TCP', error: 'slipway.dev/PortUnavailable' }] }]);
    expect((await platform.json<Service>('get', 'service', 'second')).status?.loadBalancer).toEqual({});
    let last = '';
    await eventually('both are told why', async () => {
      const told = await platform.kube('get', 'events', '--field-selector', 'reason=SyncLoadBalancerFailed', '-o', 'jsonpath={.items[*].message}');
      last = told;
      return told.includes(`TCP 127.0.0.1:${busy} of this machine does not lead to the service: another program listens there`) && told.includes('service default/balanced has it') ? true : undefined;
    }).catch((error: unknown) => expect(last, String(error)).toBe(''));
    taken.close();

    const killed = (name: string) => {
      const { pid } = processesNaming(path.join(platform.home, 'versions')).find(({ command }) => command.includes(name) && !command.startsWith('nsenter')) ?? {};
      if (pid !== undefined) process.kill(pid, 'SIGKILL');
      return pid;
    };
    expect(killed('agent.js')).toBeDefined();
    await reached(web);
    expect(killed('control-plane.js')).toBeDefined();
    await platform.up(['--runtime', 'sandbox'], { SLIPWAY_NODES: '2', ...(way === 'relay' && { SLIPWAY_SERVICE_PROXY: 'relay' }) });
    await reached(web);
    await reached(balanced);
    expect(['near', 'far']).toContain(await answer());
    // Numbers that were given stay given.
    const again = { type: 'NodePort', clusterIP: spec.clusterIP, ports: [{ port: 80, nodePort: web }] };
    expect((await platform.kubectl(['apply', '-f', '-'], { input: manifestOf(service('again', again)) })).stderr).toContain('is already allocated');
    await platform.kube('patch', 'service', 'outside', '--type', 'merge', '-p', JSON.stringify({ spec: { type: 'ClusterIP' } }));
    await eventually('nobody listens any more', () => new Promise<true | undefined>((resolve) => {
      const socket = connect(web, '127.0.0.1', () => (socket.destroy(), resolve(undefined))).on('error', () => resolve(true));
    }));
  });

  if (way === 'kernel') test('a host port leads to its pod, from this machine and from pods, until the pod is gone', async () => {
    const [web, udp, taken] = [await freePort(), await freePort(), createServer()];
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const { port: busy } = taken.address() as AddressInfo;
    await apply(talker('first', { node: 'node-2', hostPorts: { web, udp } }), talker('unlucky', { node: 'node-1', hostPorts: { web: busy } }));
    await platform.kube('wait', '--for=condition=Ready', 'pod/first', 'pod/unlucky', '--timeout=60s');
    await apply(talker('second', { node: 'node-2', hostPorts: { web } }));
    const page = () => fetch(`http://127.0.0.1:${web}/`).then((response) => response.text(), () => 'nobody');
    await eventually('the port leads to the pod', async () => ((await page()).startsWith('first ') ? true : undefined));
    expect(await answerOf(udp)).toBe('first');
    const { status: { hostIP = '', podIP = '' } = {} } = await platform.json<Pod>('get', 'pod', 'first');
    // At the node's address, as applications ask for it by `status.hostIP`; the pod itself, too.
    const own = (pod: string) => ask<string[]>(`print([await who(web('${hostIP}', ${web})), await who(udp('${hostIP}', ${udp})), await who(web('${podIP}', 8080))])`, pod);
    for (const pod of ['client', 'first']) expect(await own(pod)).toEqual(['first', 'first', 'first']);
    const events = (reason: string, pod: string) => platform.kube('get', 'events', '--field-selector', `reason=${reason},involvedObject.name=${pod}`, '-o', 'jsonpath={.items[*].message}');
    await eventually('who has no free node is told', async () => ((await events('FailedScheduling', 'second')).includes("didn't have free ports for the requested pod ports") ? true : undefined));
    await eventually('who has a port of another program is told', async () => ((await events('HostPortConflict', 'unlucky')).includes(`TCP 127.0.0.1:${busy} of this machine does not lead to the pod: another program listens there`) ? true : undefined));
    taken.close();
    await platform.kube('delete', 'pod', 'first', 'unlucky', '--wait');
    await eventually('the next one has the port', async () => ((await page()).startsWith('second ') ? true : undefined));
    await platform.kube('delete', 'pod', 'second', '--wait');
    await eventually('nobody has it any more', async () => ((await page()) === 'nobody' ? true : undefined));
    expect(await ask(`print(await web('${hostIP}', ${web}))`)).toBe('ECONNREFUSED');
  });

  test('an idle service has no pods until somebody connects, and keeps him until it has', async () => {
    const deployment = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'sleeper' }, spec: { replicas: 2, selector: { matchLabels: { app: 'sleeper' } }, template: { metadata: { labels: { app: 'sleeper' } }, spec: talkerSpec() } } };
    await apply(deployment, service('sleeper', { selector: { app: 'sleeper' }, ports: talkerPorts }));
    await platform.kube('rollout', 'status', 'deploy/sleeper', '--timeout=60s');
    const text = (code: number | null, ...lines: string[]) => ({ code, stdout: lines.map((line) => `${line}\n`).join('') });
    const fall = async () => {
      const { code, stdout } = await platform.run(['idle', 'sleeper']);
      expect({ code, stdout }).toEqual(text(0, 'The service "default/sleeper" has been marked as idled', 'The service will unidle Deployment "default/sleeper" to 2 replicas once it receives traffic', 'Deployment "default/sleeper" has been idled'));
      await platform.kube('wait', '--for=delete', 'pod', '-l', 'app=sleeper', '--timeout=60s');
    };
    await fall();
    const annotations = async (kind: string) => (await platform.json<{ metadata: { annotations: Record<string, string> } }>('get', kind, 'sleeper')).metadata.annotations;
    for (const kind of ['service', 'endpoints']) {
      expect(await annotations(kind)).toMatchObject({ 'idling.alpha.openshift.io/idled-at': expect.stringMatching(/^\d{4}-.*\dZ$/), 'idling.alpha.openshift.io/unidle-targets': '[{"kind":"Deployment","name":"sleeper","group":"apps","replicas":2}]' });
    }
    expect(await annotations('deployment')).toMatchObject({ 'idling.alpha.openshift.io/previous-scale': '2' });
    const woken = await ask<string[]>('const page = () => new Promise((resolve) => http.get({ host: "sleeper", agent: false }, (response) => { let text = ""; response.on("data", (part) => text += part).on("end", () => resolve(text.slice(0, 7))); }).on("error", (error) => resolve(error.code))); print(await Promise.all([page(), page(), page()]))');
    expect(woken).toEqual(['sleeper', 'sleeper', 'sleeper']);
    expect(await platform.kube('get', 'deploy', 'sleeper', '-o', 'jsonpath={.spec.replicas}')).toBe('2');
    await eventually('it is marked no more', async () => (JSON.stringify([await annotations('service'), await annotations('endpoints'), await annotations('deployment')]).includes('idled-at') ? undefined : true));
    expect(await platform.kube('get', 'events', '--field-selector', 'reason=NeedPods', '-o', 'jsonpath={.items[0].involvedObject.kind}/{.items[0].involvedObject.name}: {.items[0].message}')).toBe('Service/sleeper: The service-port sleeper:web needs pods.');
    // A request through its route wakes it, too.
    await platform.kube('rollout', 'status', 'deploy/sleeper', '--timeout=60s');
    await apply({ apiVersion: 'route.openshift.io/v1', kind: 'Route', metadata: { name: 'sleeper' }, spec: { to: { kind: 'Service', name: 'sleeper' }, port: { targetPort: 'web' } } });
    await platform.kube('wait', '--for=jsonpath={.status.ingress[0].conditions[0].status}=True', 'route/sleeper', '--timeout=30s');
    await fall();
    const { router } = await platform.status();
    expect(await eventually('the route answers', async () => {
      const { status, body } = await fetchRoute(`http://sleeper-default.apps.localhost:${new URL(router?.http ?? '').port}/`);
      return status === 200 ? body.slice(0, 7) : undefined;
    })).toBe('sleeper');
    // Datagrams wake it as well.
    await platform.kube('rollout', 'status', 'deploy/sleeper', '--timeout=60s');
    await fall();
    expect(await ask<string>('const flow = dgram.createSocket("udp4").unref(); let answer = "silence"; for (let n = 0; n < 40 && answer === "silence"; n += 1) answer = await udp("sleeper", 53, flow); print(answer.slice(0, 7))')).toBe('sleeper');
    expect((await platform.run(['idle', 'nobody'])).stderr).toContain('no scalable resource found to idle');
  });

  if (way === 'relay') test('a network policy that nobody enforces is told', async () => {
    await apply({ apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: { name: 'closed' }, spec: { podSelector: {} } });
    await eventually('both nodes tell', async () => {
      const told = await platform.kube('get', 'events', '--field-selector', 'reason=PolicyNotEnforced', '-o', 'jsonpath={range .items[*]}{.message}{"\\n"}{end}');
      return told.trim().split('\n').sort().join() === ['node-1', 'node-2'].map((node) => `Node ${node} does not enforce network policies: relaying was asked for`).join() ? true : undefined;
    });
    await platform.kube('delete', 'networkpolicy', 'closed');
  });

  if (way === 'kernel') describe('network policies', () => {
    afterEach(() => platform.kube('delete', 'networkpolicy', '--all'));
    const policy = (name: string, spec: object) => ({ apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: { name }, spec });
    const only = (labels: Record<string, string>) => ({ podSelector: { matchLabels: labels } });
    /** What the client gets from each pod, asked directly: page, line, datagram. */
    const reach = (pod: string) => ask<string[]>(`
      const line = (host) => new Promise((resolve) => { const socket = net.connect(9000, host, () => socket.write('x')); socket.on('data', (text) => { socket.destroy(); resolve(String(text).split(' ')[0]); }).on('error', (error) => resolve(error.code)); });
      print([(await web('${address[pod]}', 8080)).split(' ')[0], await line('${address[pod]}'), (await udp('${address[pod]}', 5300)).split(' ')[0]]);`);
    const settled = (pod: string, expected: string[]) => eventually(`${pod} answers ${expected.join()}`, async () => {
      const got = await reach(pod);
      if (got.join() !== expected.join()) throw new Error(got.join());
      return true;
    }, 15_000);
    const refusedAll = ['ECONNREFUSED', 'ECONNREFUSED', 'silence'];
    const remove = (...names: string[]) => platform.kube('delete', 'networkpolicy', ...names);

    test('into pods: nobody but who is named, on this node and from the other; what was begun goes on', async () => {
      const talk = ask<string[]>(`
        const heard = []; const socket = net.connect(9000, '${address.far}', () => require('node:fs').writeFileSync('/tmp/talking', '')); socket.on('data', (text) => heard.push(String(text).split(' ')[0])).on('error', (error) => heard.push(error.code));
        for (let n = 0; n < 100 && (await web('${address.far}', 8080)) !== 'ECONNREFUSED'; n += 1) await sleep(50);
        socket.write('x'); for (let n = 0; n < 50 && heard.length === 0; n += 1) await sleep(100); print(heard);`);
      await eventually('the client talks', async () => ((await platform.kubectl(['exec', 'client', '--', 'test', '-f', '/tmp/talking'])).code === 0 ? true : undefined));
      await apply(policy('closed', { ...only(app), policyTypes: ['Ingress'] }));
      expect(await talk).toEqual(['far']);
      for (const pod of ['near', 'far']) await settled(pod, refusedAll);
      expect(await ask('print(await web("web"))')).toBe('ECONNREFUSED');
      // Through the proxy to the outside, which reaches services too.
      expect(await ask<number>("http.get({ agent: false, host: '172.30.0.11', port: 3128, path: 'http://web.default/', headers: { host: 'web' } }, (response) => print(response.statusCode)); await sleep(500)")).toBe(403);
      await apply(policy('named', { ...only(app), ingress: [{ from: [only({ app: 'client' })], ports: [{ port: 'web' }, { port: 5300, protocol: 'UDP' }] }] }));
      for (const pod of ['near', 'far']) await settled(pod, [pod, 'ECONNREFUSED', pod]);
      expect(await ask<string[]>('print((await all(4, async () => (await web("web")).split(" ")[0])))')).toEqual(['far', 'near']);
      expect(await ask('print(await web("near-is-alone", 1))', 'near')).toBe('ENOTFOUND');
      // Probes come from the node.
      expect(await platform.kube('get', 'pods', 'near', 'far', '-o', 'jsonpath={.items[*].status.containerStatuses[0].ready}')).toBe('true true');
      await remove('closed', 'named');
      for (const pod of ['near', 'far']) await settled(pod, [pod, pod, pod]);
    });

    test('agents that are killed leave no moment without them, and take them over', async () => {
      await apply(policy('closed', { ...only(app), policyTypes: ['Ingress'] }));
      await settled('far', refusedAll);
      const loop = `const net = require('net'); const again = () => net.connect(8080, '${address.far}').on('connect', () => { console.log('open'); setTimeout(again, 10); }).on('error', (error) => { console.log(error.code); setTimeout(again, 10); }); again();`;
      await apply(talker('watcher', { node: 'node-1', spec: { terminationGracePeriodSeconds: 1, containers: [{ name: 'watcher', image: 'slipway/tools', imagePullPolicy: 'IfNotPresent', command: ['node', '-e', loop] }] } }));
      await platform.kube('wait', '--for=condition=Ready', 'pod/watcher', '--timeout=30s');
      const agents = () => processesNaming(path.join(platform.home, 'versions')).filter(({ command }) => command.includes('agent.js') && !command.startsWith('nsenter')).map(({ pid }) => pid);
      const before = agents();
      expect(before).toHaveLength(2);
      for (const pid of before) process.kill(pid, 'SIGKILL');
      await eventually('both agents are there again', () => Promise.resolve(agents().filter((pid) => !before.includes(pid)).length === 2 ? true : undefined), 30_000);
      await eventually('they answer', async () => ((await Promise.all(['client', 'far'].map((pod) => platform.kubectl(['exec', pod, '--', 'true'])))).every(({ code }) => code === 0) ? true : undefined), 30_000);
      await apply(talker('newcomer', { labels: app, node: 'node-2' }));
      await platform.kube('wait', '--for=condition=Ready', 'pod/newcomer', '--timeout=30s');
      address = await addresses();
      expect(await reach('newcomer')).toEqual(refusedAll);
      const seen = (await platform.kube('logs', 'watcher')).trim().split('\n');
      expect([...new Set(seen)]).toEqual(['ECONNREFUSED']);
      await platform.kube('delete', 'pod', 'watcher', 'newcomer', '--wait=false');
      await remove('closed');
      await settled('far', ['far', 'far', 'far']);
    });

    test('peers by blocks of addresses and both selectors together, ports by range and name', async () => {
      const [near, far] = [only({ at: 'near' }), only({ at: 'far' })];
      const block = (except: string) => ({ ipBlock: { cidr: '10.128.0.0/14', except: [`${except}/32`] } });
      const clients = (project: string) => ({ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': project } }, ...only({ app: 'client' }) });
      const range = { port: 8_000, endPort: 8_100 };
      await apply(policy('near', { ...near, ingress: [{ from: [block(address.client ?? '')] }] }), policy('far', { ...far, ingress: [{ from: [clients('default')], ports: [range] }] }));
      await settled('near', refusedAll);
      await settled('far', ['far', 'ECONNREFUSED', 'silence']);
      await apply(policy('near', { ...near, ingress: [{ from: [block(address.far ?? '')] }] }), policy('far', { ...far, ingress: [{ from: [clients('kube-system')] }, { from: [clients('default')], ports: [{ port: 'talk' }] }] }));
      await settled('near', ['near', 'near', 'near']);
      await settled('far', ['ECONNREFUSED', 'far', 'silence']);
    });

    test('the router is let in by the labels that OpenShift documents', async () => {
      await apply(policy('closed', { ...only(app), policyTypes: ['Ingress'] }));
      await settled('near', refusedAll);
      await settled('far', refusedAll);
      // Its first connections: those it has would go on.
      await apply({ apiVersion: 'route.openshift.io/v1', kind: 'Route', metadata: { name: 'web' }, spec: { to: { kind: 'Service', name: 'web' }, port: { targetPort: 'web' } } });
      const { router } = await platform.status();
      const answers = (wanted: string) => eventually(`the route answers ${wanted}`, async () => {
        const { status, body } = await fetchRoute(`http://web-default.apps.localhost:${new URL(router?.http ?? '').port}/`);
        return `${status}${status === 200 ? body.replace(/^\S+/, '') : ''}` === wanted ? true : undefined;
      }, 20_000);
      await platform.kube('wait', '--for=jsonpath={.status.ingress[0].conditions[0].type}=Admitted', 'route/web');
      await answers('503');
      await apply(policy('router', { podSelector: {}, ingress: [{ from: [{ namespaceSelector: { matchLabels: { 'network.openshift.io/policy-group': 'ingress' } } }] }] }));
      await answers('200 100.64.0.1');
    });

    test('out of pods: nothing, not even names, until it is allowed; from the first moment of a pod', async () => {
      const outside = createServer((_, response) => response.end('outside'));
      await new Promise<void>((resolve) => outside.listen(0, '127.0.0.1', resolve));
      const { port } = outside.address() as AddressInfo;
      const through = `await new Promise((resolve) => http.get({ agent: false, host: '172.30.0.11', port: 3128, path: 'http://host.slipway.internal:${port}/', headers: { host: 'x' } }, (response) => resolve(response.statusCode)).on('error', (error) => resolve(error.code)))`;
      const look = () => ask<unknown[]>(`print([await web('web'), (await web('${address.far}', 8080)).split(' ')[0], ${through}])`);
      const becomes = (expected: unknown[]) => eventually(`the client gets ${expected.join()}`, async () => {
        const got = await look();
        const shown = got.map((one) => String(one).split(' ')[0]).map((one, at) => (at === 0 && ['near', 'far'].includes(one ?? '') ? 'a pod' : one)).join();
        if (shown !== expected.join()) throw new Error(shown);
        return true;
      }, 20_000);
      try {
        await apply(policy('shut', { podSelector: { matchExpressions: [{ key: 'app', operator: 'In', values: ['client', 'quick'] }] }, policyTypes: ['Egress'] }));
        await becomes(['EAI_AGAIN', 'ECONNREFUSED', '403']);
        const quick = talker('quick', { spec: { restartPolicy: 'Never', containers: [{ name: 'quick', image: 'slipway/tools', imagePullPolicy: 'IfNotPresent', command: ['node', '-e', `require('net').connect(8080, '${address.far}').on('error', (error) => console.log(error.code)).on('connect', () => { console.log('open'); process.exit(); })`] }] } });
        await apply(quick);
        await platform.kube('wait', '--for=jsonpath={.status.phase}=Succeeded', 'pod/quick', '--timeout=30s');
        expect(await platform.kube('logs', 'quick')).toBe('ECONNREFUSED\n');
        await apply(policy('names', { ...only({ app: 'client' }), policyTypes: ['Egress'], egress: [{ to: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'kube-system' } }, podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } } }], ports: [{ port: 53, protocol: 'UDP' }] }] }));
        await becomes(['ECONNREFUSED', 'ECONNREFUSED', '403']);
        await apply(policy('pods', { ...only({ app: 'client' }), policyTypes: ['Egress'], egress: [{ to: [only(app)] }, { to: [{ ipBlock: { cidr: '100.64.255.254/32' } }] }] }));
        await becomes(['a pod', 'far', '200']);
      } finally {
        outside.close();
      }
    });
  });
});
