import { decode, encode, type Question, type RecordType } from 'dns-packet';
import { createSocket } from 'node:dgram';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { Resolver } from 'node:dns/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { forwardQuery, frame, DnsFrames } from '../../../../src/agent/network/dns-relay.ts';
import { dnsServer, respond } from '../../../../src/agent/network/dns-server.ts';
import { DnsZone } from '../../../../src/agent/network/dns-zone.ts';
import { startEgressProxy } from '../../../../src/agent/network/egress-proxy.ts';
import { UpstreamDns } from '../../../../src/agent/network/upstream-dns.ts';
import type { ServiceTable } from '../../../../src/agent/network/service-table.ts';

const endpoint = (ip: string, hostname?: string, ready = true) => ({ ip, port: 8080, ready, ...(hostname && { hostname }) });
const table: ServiceTable = [
  { namespace: 'demo', name: 'web', clusterIPs: ['172.30.1.1'], publishNotReady: false, ports: [{ name: 'http', protocol: 'TCP', port: 80, endpoints: [endpoint('10.128.0.2')] }, { name: 'admin', protocol: 'TCP', port: 81, endpoints: [] }] },
  { namespace: 'demo', name: 'db', clusterIPs: [], publishNotReady: false, ports: [{ name: 'sql', protocol: 'TCP', port: 5432, endpoints: [endpoint('10.128.0.3', 'db-0'), endpoint('10.128.0.4'), endpoint('10.128.0.5', 'db-2', false)] }] },
  { namespace: 'demo', name: 'early', clusterIPs: [], publishNotReady: true, ports: [{ name: '', protocol: 'TCP', port: 1, endpoints: [endpoint('10.128.0.6', 'e', false)] }] },
  { namespace: 'demo', name: 'gone', clusterIPs: [], publishNotReady: false, ports: [{ name: 'sql', protocol: 'TCP', port: 5432, endpoints: [endpoint('10.128.0.7', 'gone-0', false)] }] },
  { namespace: 'demo', name: 'out', clusterIPs: [], externalName: 'example.com', publishNotReady: false, ports: [] },
  { namespace: 'demo', name: 'over', clusterIPs: [], externalName: 'out.demo.svc.cluster.local', publishNotReady: false, ports: [] },
  { namespace: 'demo', name: 'round', clusterIPs: [], externalName: 'round.demo.svc.cluster.local', publishNotReady: false, ports: [] },
];
const zone = new DnsZone(table, 'cluster.local');
const look = (name: string, type: RecordType = 'A') => zone.answer({ name, type, class: 'IN' });
const data = (name: string, type: RecordType = 'A') => look(name, type)?.answers.map((answer) => (answer as { data: unknown }).data).sort();

describe('names', () => {
  test.each<[string, RecordType, unknown[]]>([
    ['web.demo.svc.cluster.local', 'A', ['172.30.1.1']],
    ['WEB.Demo.svc.cluster.local.', 'A', ['172.30.1.1']],
    ['web.demo.svc.cluster.local', 'AAAA', []],
    ['db.demo.svc.cluster.local', 'A', ['10.128.0.3', '10.128.0.4']],
    ['early.demo.svc.cluster.local', 'A', ['10.128.0.6']],
    ['db-0.db.demo.svc.cluster.local', 'A', ['10.128.0.3']],
    ['10-128-0-4.db.demo.svc.cluster.local', 'A', ['10.128.0.4']],
    ['10-9-8-7.demo.pod.cluster.local', 'A', ['10.9.8.7']],
    ['1.1.30.172.in-addr.arpa', 'PTR', ['web.demo.svc.cluster.local']],
    ['3.0.128.10.in-addr.arpa', 'PTR', ['db-0.db.demo.svc.cluster.local']],
    ['out.demo.svc.cluster.local', 'A', ['example.com']],
    ['host.slipway.internal', 'A', ['100.64.255.254']],
    ['demo.svc.cluster.local', 'A', []],
    ['localhost', 'A', ['127.0.0.1']],
  ])('%s %s', (name, type, expected) => {
    expect(look(name, type)?.rcode).toBe('NOERROR');
    expect(data(name, type)).toEqual(expected);
  });

  test('service records of cluster addresses and of single endpoints', () => {
    expect(data('_http._tcp.web.demo.svc.cluster.local', 'SRV')).toEqual([{ priority: 0, weight: 100, port: 80, target: 'web.demo.svc.cluster.local' }]);
    expect(look('web.demo.svc.cluster.local', 'SRV')?.answers).toHaveLength(2);
    expect(look('_sql._tcp.db.demo.svc.cluster.local', 'SRV')).toMatchObject({
      answers: [{ data: { port: 8080, target: 'db-0.db.demo.svc.cluster.local' } }, { data: { port: 8080, target: '10-128-0-4.db.demo.svc.cluster.local' } }],
      additionals: [{ type: 'A', data: '10.128.0.3' }, { type: 'A', data: '10.128.0.4' }],
    });
  });

  test.each(['nobody.demo.svc.cluster.local', 'web.nowhere.svc.cluster.local', 'nowhere.svc.cluster.local', 'x.web.demo.svc.cluster.local', '_smtp._tcp.web.demo.svc.cluster.local', 'db-2.db.demo.svc.cluster.local', 'gone.demo.svc.cluster.local', '300-1-1-1.demo.pod.cluster.local', '9.9.128.10.in-addr.arpa', 'dns.slipway.internal', 'any.cluster.local'])(
    '%s is not there, for a known time',
    (name) => expect(look(name)).toMatchObject({ rcode: 'NXDOMAIN', answers: [], authorities: [{ type: 'SOA', name: 'cluster.local' }] }),
  );

  test.each(['example.com', '8.8.8.8.in-addr.arpa', 'notcluster.local'])('%s is somebody else’s', (name) => expect(look(name)).toBeUndefined());
});

describe('server', () => {
  const ask = (question: Question, more = {}) => encode({ type: 'query', id: 7, flags: 0x0100, questions: [question], ...more });
  const none = () => Promise.resolve(undefined);

  test('follows an external name to the outside', async () => {
    const upstream = (query: Buffer) => Promise.resolve(encode({ type: 'response', id: 1, questions: decode(query).questions!, answers: [{ type: 'A', name: 'example.com', data: '192.0.2.1' }] }));
    const answer = decode((await respond(ask({ name: 'out.demo.svc.cluster.local', type: 'A' }), zone, upstream, 0))!);
    expect(answer).toMatchObject({ id: 7, flag_aa: true, flag_rd: true, answers: [{ type: 'CNAME', data: 'example.com' }, { type: 'A', data: '192.0.2.1' }] });
  });

  test('follows an external name to another one, and in no circle', async () => {
    const upstream = (query: Buffer) => Promise.resolve(encode({ type: 'response', id: 1, questions: decode(query).questions!, answers: [{ type: 'A', name: 'example.com', data: '192.0.2.1' }] }));
    const answers = async (name: string) => decode((await respond(ask({ name, type: 'A' }), zone, upstream, 0xffff))!).answers?.map((one) => `${one.name} ${one.type} ${String((one as { data?: unknown }).data)}`);
    expect(await answers('over.demo.svc.cluster.local')).toEqual(['over.demo.svc.cluster.local CNAME out.demo.svc.cluster.local', 'out.demo.svc.cluster.local CNAME example.com', 'example.com A 192.0.2.1']);
    expect(await answers('round.demo.svc.cluster.local')).toHaveLength(10);
  });

  test('asks no more of a client that does not read, until it does', async () => {
    const many: ServiceTable = [{ namespace: 'demo', name: 'many', clusterIPs: [], publishNotReady: false, ports: [{ name: '', protocol: 'TCP', port: 1, endpoints: Array.from({ length: 400 }, (_, at) => endpoint(`10.128.${at >> 8}.${at & 255}`)) }] }];
    const server = await dnsServer({ address: '127.0.0.1', port: 0, domain: 'cluster.local', upstream: none });
    server.update(many);
    const questions = 3_000;
    const client = connect(server.port, '127.0.0.1');
    client.pause();
    const query = frame(ask({ name: 'many.demo.svc.cluster.local', type: 'A' }));
    await new Promise<void>((resolve) => client.write(Buffer.concat(Array<Buffer>(questions).fill(query)), () => resolve()));
    let heard = 0;
    await new Promise<void>((resolve) => {
      const reader = new DnsFrames(() => (heard += 1) === questions && resolve());
      client.on('data', (chunk: Buffer) => reader.push(chunk)).resume();
    });
    client.destroy();
    await server.dispose();
  });

  test('says so if nobody outside answers', async () => {
    expect(decode((await respond(ask({ name: 'example.com', type: 'A' }), zone, none, 0))!)).toMatchObject({ rcode: 'SERVFAIL', questions: [{ name: 'example.com' }] });
    expect(await respond(Buffer.from('no dns message'), zone, none, 0)).toBeUndefined();
  });

  test('cuts what is too long for a datagram, and sends it over a stream', async () => {
    const many: ServiceTable = [{ namespace: 'demo', name: 'many', clusterIPs: [], publishNotReady: false, ports: [{ name: '', protocol: 'TCP', port: 1, endpoints: Array.from({ length: 60 }, (_, at) => endpoint(`10.128.1.${at}`)) }] }];
    const big = new DnsZone(many, 'cluster.local');
    const question: Question = { name: 'many.demo.svc.cluster.local', type: 'A' };
    const plain = decode((await respond(ask(question), big, none, 0))!);
    expect([plain.flag_tc, plain.answers?.length]).toEqual([true, 0]);
    const edns = ask(question, { additionals: [{ type: 'OPT', name: '.', udpPayloadSize: 4096, flags: 0, options: [] }] });
    expect(decode((await respond(edns, big, none, 0))!).answers).toHaveLength(60);
    expect(decode((await respond(ask(question), big, none, 0xffff))!).answers).toHaveLength(60);
  });

  test('answers a real resolver, over both ways', async () => {
    const server = await dnsServer({ address: '127.0.0.1', port: 0, domain: 'cluster.local', upstream: none });
    server.update(table);
    const resolver = new Resolver();
    resolver.setServers([`127.0.0.1:${server.port}`]);
    expect(await resolver.resolve4('db.demo.svc.cluster.local').then((list) => list.sort())).toEqual(['10.128.0.3', '10.128.0.4']);
    await expect(resolver.resolve4('nobody.demo.svc.cluster.local')).rejects.toMatchObject({ code: 'ENOTFOUND' });
    await expect(resolver.resolve6('web.demo.svc.cluster.local')).rejects.toMatchObject({ code: 'ENODATA' });
    // More than any datagram takes: asked again over a stream.
    server.update([{ namespace: 'demo', name: 'many', clusterIPs: [], publishNotReady: false, ports: [{ name: '', protocol: 'TCP', port: 1, endpoints: Array.from({ length: 400 }, (_, at) => endpoint(`10.128.${at >> 8}.${at & 255}`)) }] }]);
    expect(await resolver.resolve4('many.demo.svc.cluster.local')).toHaveLength(400);
    await server.dispose();
  });
});

test('questions for the outside go through the egress socket to this machine’s servers, each with its own number', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'dns-'));
  const proxy = await startEgressProxy(join(folder, 'egress.sock'));
  const upstream = new UpstreamDns(join(folder, 'egress.sock'));
  const query = (id: number) => encode({ type: 'query', id, flags: 0x0100, questions: [{ name: 'localhost', type: 'A' }] });
  const answers = await Promise.all([5, 5, 6].map((id) => upstream.ask(query(id))));
  // Whether a server is configured and answers depends on the machine; numbers must come back in either case.
  expect(answers.map((answer) => answer?.readUInt16BE(0) ?? 0).every((id, at) => id === 0 || id === [5, 5, 6][at])).toBe(true);
  upstream.close();
  await proxy.dispose();
  rmSync(folder, { recursive: true });
}, 30_000);

test('a forwarded question goes to the next server, and over a stream if the answer was cut', async () => {
  const query = encode({ type: 'query', id: 9, questions: [{ name: 'example.com', type: 'A' }] });
  const tcp = createServer((socket) => {
    const reader = new DnsFrames((message) => socket.write(frame(encode({ type: 'response', id: decode(message).id!, answers: [{ type: 'A', name: 'example.com', data: '192.0.2.2' }] }))));
    socket.on('data', (chunk) => reader.push(chunk as Buffer));
  });
  await new Promise<void>((resolve) => tcp.listen(0, '127.0.0.1', resolve));
  const { port } = tcp.address() as AddressInfo;
  const udp = createSocket('udp4');
  udp.on('message', (message, from) => udp.send(encode({ type: 'response', id: decode(message).id!, flags: 0x0200 }), from.port, from.address));
  await new Promise<void>((resolve) => udp.bind(port, '127.0.0.1', resolve));
  const answer = decode((await forwardQuery(query, ['127.0.0.1:1', `127.0.0.1:${port}`]))!);
  expect(answer).toMatchObject({ id: 9, answers: [{ data: '192.0.2.2' }] });
  udp.close();
  tcp.close();
});

/** A name server: `answer` decides; undefined for silence. */
async function nameServer(answer: (asked: number) => { rcode?: number } | undefined): Promise<{ at: string; asked(): number; close(): void }> {
  const udp = createSocket('udp4');
  let asked = 0;
  udp.on('message', (message, from) => {
    const said = answer((asked += 1));
    const { id = 0, questions = [] } = decode(message);
    if (said) udp.send(encode({ type: 'response', id, flags: said.rcode ?? 0, questions, ...(!said.rcode && { answers: [{ type: 'A', name: 'example.com', data: '192.0.2.3' }] }) }), from.port, from.address);
  });
  await new Promise<void>((resolve) => udp.bind(0, '127.0.0.1', resolve));
  return { at: `127.0.0.1:${udp.address().port}`, asked: () => asked, close: () => udp.close() };
}

type Reply = { rcode?: number } | undefined;
test.each<[string, ((asked: number) => Reply)[], string | undefined]>([
  ['silence of the first: the second is asked', [() => undefined, () => ({})], 'NOERROR'],
  ['a refusal of the first: the second is asked', [() => ({ rcode: 5 }), () => ({})], 'NOERROR'],
  ['that there is none is an answer', [() => ({ rcode: 3 }), () => ({})], 'NXDOMAIN'],
  ['refusals of all: one of them is told', [() => ({ rcode: 2 }), () => ({ rcode: 5 })], 'SERVFAIL'],
  ['a datagram that was lost: asked again', [(asked) => (asked > 1 ? {} : undefined)], 'NOERROR'],
  ['silence of all', [() => undefined, () => undefined], undefined],
])('name servers outside: %s', async (_, replies, rcode) => {
  const servers = await Promise.all(replies.map(nameServer));
  const query = encode({ type: 'query', id: 9, questions: [{ name: 'example.com', type: 'A' }] });
  const silent = replies.some((reply) => reply(1) === undefined);
  const limits = { patienceMs: silent ? 20 : 10_000, allMs: rcode === undefined ? 150 : 10_000 };
  const answer = await forwardQuery(query, servers.map(({ at }) => at), limits);
  expect(answer && (decode(answer) as { rcode?: string }).rcode).toBe(rcode);
  // Who asks the cluster's name server is told so, too.
  if (rcode === undefined) expect(decode((await respond(query, zone, () => Promise.resolve(answer), 0))!)).toMatchObject({ rcode: 'SERVFAIL' });
  for (const server of servers) server.close();
});
