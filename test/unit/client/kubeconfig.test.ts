import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { connect as connectTcp, type AddressInfo, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { configMaps } from '../../../src/api/kinds/core.ts';
import { connect } from '../../../src/client/connection.ts';
import { credentialsOf } from '../../../src/client/credentials.ts';
import { defaultKubeconfigFiles, loadKubeconfig, writeKubeconfig, type ExecPlugin } from '../../../src/client/kubeconfig.ts';
import { proxyFor } from '../../../src/client/proxy.ts';
import { manualClock } from '../../support/manual-clock.ts';
import { tinyCluster } from '../../support/tiny-cluster.ts';

let folder: string;
beforeEach(() => (folder = mkdtempSync(path.join(tmpdir(), 'kubeconfig-'))));
afterEach(() => rmSync(folder, { recursive: true }));
const file = (name: string, content: string) => {
  mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
  writeFileSync(path.join(folder, name), content);
  return path.join(folder, name);
};
const base64 = (text: string) => Buffer.from(text).toString('base64');

const first = `
current-context: one
clusters:
- {name: c1, cluster: {server: 'https://one:6443', certificate-authority-data: ${base64('CA')}, tls-server-name: api, proxy-url: 'http://proxy:3128'}}
- {name: c2, cluster: {server: 'ftp://x'}}
users:
- {name: u1, user: {client-certificate-data: ${base64('CERT')}, client-key: keys/u1.pem}}
- {name: old, user: {auth-provider: {name: gcp}}}
contexts:
- {name: one, context: {cluster: c1, user: u1, namespace: web}}
- {name: broken, context: {cluster: c2, user: old}}
- {name: dangling, context: {cluster: gone, user: gone}}
- null
`;
const second = `
current-context: two
clusters:
- {name: c1, cluster: {server: 'https://shadowed'}}
- {name: c3, cluster: {server: 'https://three', insecure-skip-tls-verify: true, certificate-authority: ca.pem}}
users:
- {name: u2, user: {token: 1234, as: bob, as-groups: [dev]}}
- {name: u3, user: {exec: {command: ./login, args: [--fast], env: [{name: A, value: b}], apiVersion: client.authentication.k8s.io/v1, provideClusterInfo: true, installHint: get it}}}
contexts:
- {name: one, context: {cluster: c3, user: u2}}
- {name: two, context: {cluster: c3, user: u2}}
- {name: three, context: {cluster: c1, user: u3}}
`;

describe('kubeconfig', () => {
  it('merges files, the first wins, and resolves paths from where they are written', async () => {
    const files = [file('a/config', first), path.join(folder, 'missing'), file('b/config', second)];
    const { contexts, currentContext, problems } = await loadKubeconfig(files);
    expect([currentContext, problems, contexts.map(({ name }) => name)]).toEqual(['one', [], ['one', 'broken', 'dangling', 'two', 'three']]);
    expect(contexts[0]).toEqual({
      name: 'one', clusterName: 'c1', userName: 'u1', namespace: 'web',
      cluster: { server: 'https://one:6443', ca: 'CA', insecureSkipVerify: false, serverName: 'api', proxyUrl: 'http://proxy:3128', compression: true },
      user: { certificate: 'CERT', keyFile: path.join(folder, 'a/keys/u1.pem') },
    });
    expect(contexts[3]).toMatchObject({ cluster: { server: 'https://three', caFile: path.join(folder, 'b/ca.pem'), insecureSkipVerify: true }, user: { token: '1234', impersonate: { user: 'bob', groups: ['dev'] } } });
    expect(contexts[4]).toMatchObject({ cluster: { server: 'https://one:6443' }, user: { exec: { command: './login', args: ['--fast'], env: { A: 'b' }, provideClusterInfo: true, directory: path.join(folder, 'b') } } });
  });

  it('says of a broken entry what is wrong with it, and keeps the others', async () => {
    const { contexts, problems } = await loadKubeconfig([file('bad', 'clusters: ['), file('list', '- 1'), file('config', first), file('empty', '')]);
    expect(problems).toEqual([expect.stringMatching(/bad is not valid YAML: /), expect.stringMatching(/list is not a kubeconfig/)]);
    expect(contexts.map(({ problem }) => problem?.replace(/^[^:]*: /, ''))).toEqual([
      undefined,
      'the server "ftp://x" of cluster "c2" is no http or https address; user "old" signs in by "auth-provider", which Kubernetes has removed: sign in again with its own tool.',
      'there is no cluster "gone"; there is no user "gone".',
    ]);
    await expect(connect(contexts[2] as (typeof contexts)[0])).rejects.toThrow('The context "dangling" of the kubeconfig cannot be used');
  });

  it('looks where kubectl looks', () => {
    expect(defaultKubeconfigFiles({ KUBECONFIG: ['/a', '', '/b', '/a'].join(path.delimiter) })).toEqual(['/a', '/b']);
    expect(defaultKubeconfigFiles({})).toEqual([expect.stringMatching(/\.kube.config$/)]);
  });

  it('writes one that the user alone can read, and that works', async () => {
    const cluster = await tinyCluster();
    const name = path.join(folder, 'home/kubeconfig');
    await writeKubeconfig(name, { name: 'slipway', server: cluster.server, ca: cluster.ca, certificate: cluster.client.certificate, key: cluster.client.key, namespace: 'demo' });
    await writeKubeconfig(name, { name: 'slipway', server: cluster.server, ca: cluster.ca, certificate: cluster.client.certificate, key: cluster.client.key, namespace: 'demo' });
    expect(statSync(name).mode & 0o777).toBe(0o600);
    const { contexts } = await loadKubeconfig([name]);
    const connection = await connect(contexts[0] as (typeof contexts)[0]);
    await connection.client.list(configMaps, { namespace: contexts[0]?.namespace });
    expect([connection.server, cluster.seen[0]?.certificate]).toEqual([cluster.server, 'system:admin']);
    await connection.dispose();
    await cluster.dispose();
  });
});

describe('credentials', () => {
  const cluster = { server: 'https://one', insecureSkipVerify: false, compression: true };
  const plugin = (body: string, more: Partial<ExecPlugin> = {}): ExecPlugin => {
    const command = file('login', `#!/bin/sh\necho run >> ${folder}/runs\n${body}\n`);
    chmodSync(command, 0o700);
    return { command: './login', args: ['one two'], env: { EXTRA: 'x' }, apiVersion: 'client.authentication.k8s.io/v1', provideClusterInfo: true, directory: folder, ...more };
  };
  const runs = () => readFileSync(path.join(folder, 'runs'), 'utf8').split('\n').length - 1;
  const answer = (status: object) => `cat <<END\n${JSON.stringify({ kind: 'ExecCredential', status })}\nEND`;

  it('asks a program, once for many, until its answer expires or is refused', async () => {
    const clock = manualClock();
    const source = credentialsOf({ exec: plugin(answer({ token: 'T', expirationTimestamp: '2026-01-01T00:01:00Z' })) }, cluster, clock);
    expect(await Promise.all([source.current(), source.current()])).toMatchObject([{ token: 'T' }, { token: 'T' }]);
    await clock.advance(49_000);
    await source.current();
    expect(runs()).toBe(1);
    await clock.advance(1_000);
    await source.current();
    expect([runs(), source.refused()]).toEqual([2, true]);
    await source.current();
    expect(runs()).toBe(3);
  });

  it('hands it arguments as they are, its environment and the cluster', async () => {
    const source = credentialsOf({ exec: plugin(`printf '%s|%s|%s' "$1" "$EXTRA" "$KUBERNETES_EXEC_INFO" > ${folder}/told\n${answer({ clientCertificateData: 'C', clientKeyData: 'K' })}`) }, cluster, manualClock());
    expect(await source.current()).toMatchObject({ certificate: 'C', key: 'K' });
    const [first, second, info] = readFileSync(path.join(folder, 'told'), 'utf8').split('|');
    expect([first, second, JSON.parse(info ?? '')]).toMatchObject(['one two', 'x', { kind: 'ExecCredential', spec: { interactive: false, cluster: { server: 'https://one' } } }]);
  });

  it.each([
    ['fails', 'echo "please log in" >&2; exit 1', {}, /"\.\/login" of the kubeconfig failed: please log in\nget it/],
    ['is missing', '', { command: 'no-such-login' }, /it is not installed\nget it/],
    ['says nonsense', 'echo hello', {}, /gave no credentials: run it by hand/],
  ])('tells what to do when the program %s', async (_, body, more, text) => {
    await expect(credentialsOf({ exec: plugin(body, { installHint: 'get it', ...more }) }, cluster, manualClock()).current()).rejects.toThrow(text);
  });

  it('reads a token file again when it changes', async () => {
    const clock = manualClock();
    const tokenFile = file('token', 'one\n');
    const source = credentialsOf({ tokenFile }, cluster, clock);
    expect(await source.current()).toMatchObject({ token: 'one' });
    writeFileSync(tokenFile, 'two');
    expect(await source.current()).toMatchObject({ token: 'one' });
    await clock.advance(61_000);
    expect(await source.current()).toMatchObject({ token: 'two' });
    rmSync(tokenFile);
    expect(source.refused()).toBe(true);
    await expect(source.current()).rejects.toThrow('the token named in the kubeconfig cannot be read');
  });
});

describe('proxy', () => {
  it('is gone through by CONNECT, with its own password, for calls and watches', async () => {
    const cluster = await tinyCluster();
    const asked: string[] = [];
    const proxy = createServer().on('connect', (request, socket: Socket, head) => {
      asked.push(`${request.url} ${Buffer.from((request.headers['proxy-authorization'] ?? '').slice(6), 'base64').toString()}`);
      const upstream = connectTcp(Number(new URL(cluster.server).port), '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        upstream.write(head);
        upstream.pipe(socket).pipe(upstream);
      });
      for (const one of [socket, upstream]) one.on('error', () => one.destroy());
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const proxyUrl = `http://user:p%40ss@127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    const { port } = new URL(cluster.server);
    const connection = await connect({
      name: 'x', clusterName: 'x', userName: 'x', user: {},
      cluster: { server: `https://kubernetes.default.svc:${port}`, ca: cluster.ca, insecureSkipVerify: false, compression: true, proxyUrl },
    });
    await connection.client.list(configMaps, { namespace: 'demo' });
    const watch = connection.client.watch(configMaps, { namespace: 'demo', resourceVersion: '10' });
    await watch.opened;
    expect(asked).toEqual(Array(2).fill(`kubernetes.default.svc:${port} user:p@ss`));
    watch.dispose();
    await connection.dispose();
    await cluster.dispose();
    proxy.closeAllConnections();
    await new Promise((resolve) => proxy.close(resolve));
  });


  const environment = { HTTPS_PROXY: 'http://proxy:3128', no_proxy: 'internal.example, .corp,10.0.0.1:6443' };
  it.each([
    ['https://api.example.com', undefined, 'http://proxy:3128/'],
    ['https://api.internal.example', undefined, undefined],
    ['https://x.corp:6443', undefined, undefined],
    ['https://10.0.0.1:6443', undefined, undefined],
    ['https://localhost:6443', undefined, undefined],
    ['https://127.0.0.1:6443', undefined, undefined],
    ['https://x.corp', 'http://own:1', 'http://own:1/'],
  ])('to %s with %s of its own goes through %s', (server, configured, expected) => {
    expect(proxyFor(new URL(server), configured, environment)?.href).toBe(expected);
  });
});
