import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadKubeconfig } from '../../../../../src/client/kubeconfig.ts';
import { writeAdminKubeconfig } from '../../../../../src/controlplane/kernel/pki/admin-kubeconfig.ts';
import { openPki, PkiDamaged } from '../../../../../src/controlplane/kernel/pki/pki.ts';
import { manualClock } from '../../../../support/manual-clock.ts';

const run = promisify(execFile);
const day = 86_400_000;
let folder: string;
let directory: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'slipway-pki-'));
  directory = join(folder, 'pki');
});
afterEach(() => rm(folder, { recursive: true }));

test('what is issued passes OpenSSL\'s strict verification, and is private', async () => {
  await openPki(directory, { hosts: ['192.168.1.7', 'box.example', 'fd00::1:0:2'] });
  for (const [name, purpose, check] of [
    ['server', 'sslserver', ['-verify_hostname', 'docker-registry.default.svc']], ['server', 'sslserver', ['-verify_ip', '172.30.0.1']], ['server', 'sslserver', ['-verify_ip', '::1']],
    ['server', 'sslserver', ['-verify_ip', 'fd00::1:0:2']], ['server', 'sslserver', ['-verify_hostname', 'box.example']], ['apps', 'sslserver', ['-verify_hostname', 'web-demo.apps.localhost']],
    ['admin', 'sslclient', []],
  ] as const) {
    const { stdout } = await run('openssl', ['verify', '-x509_strict', '-CAfile', join(directory, 'ca.crt'), '-purpose', purpose, ...check, join(directory, `${name}.crt`)]);
    expect(stdout).toContain('OK');
  }
  expect((await stat(directory)).mode & 0o777).toBe(0o700);
  for (const file of await readdir(directory)) expect((await stat(join(directory, file))).mode & 0o777).toBe(0o600);
});

test('a server and a client that trust it shake hands; the client is system:admin of system:masters', async () => {
  const pki = await openPki(directory);
  const server = createServer({ key: pki.server.key, cert: pki.server.certificate, ca: pki.caCertificate, requestCert: true, rejectUnauthorized: true }, (incoming, response) =>
    response.end(JSON.stringify((incoming.socket as TLSSocket).getPeerCertificate().subject)),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const kubeconfig = join(folder, 'kubeconfig');
  await writeAdminKubeconfig(kubeconfig, pki, `https://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const context = (await loadKubeconfig([kubeconfig])).contexts[0];
  expect(context).toMatchObject({ name: 'slipway', clusterName: 'slipway', namespace: 'default' });
  const call = request(context?.cluster.server ?? '', { ca: context?.cluster.ca, cert: context?.user.certificate, key: context?.user.key, agent: false }).end();
  const [response] = (await once(call, 'response')) as [AsyncIterable<Buffer>];
  let body = '';
  for await (const chunk of response) body += chunk.toString();
  expect(JSON.parse(body)).toEqual({ O: 'system:masters', CN: 'system:admin' });
  server.close();
});

test('everything is kept; certificates are renewed before they expire, under the same authority', async () => {
  const clock = manualClock(new Date().toISOString());
  const first = await openPki(directory, { clock });
  const again = await openPki(directory, { clock });
  expect([again.caCertificate, again.server, again.admin, again.serviceAccountKey]).toEqual([first.caCertificate, first.server, first.admin, first.serviceAccountKey]);
  await clock.advance(300 * day);
  expect(await again.renew()).toEqual([]);
  await clock.advance(40 * day);
  expect(await again.renew()).toEqual(['server', 'apps', 'admin']);
  expect(again.caCertificate).toBe(first.caCertificate);
  expect(new X509Certificate(again.server.certificate).verify(new X509Certificate(first.caCertificate).publicKey)).toBe(true);
  await clock.advance(2990 * day);
  expect(await again.renew()).toEqual(['ca', 'server', 'apps', 'admin']);
  expect(again.serviceAccountKey).toBe(first.serviceAccountKey);
});

test('another name for this machine issues the server\'s certificate anew and nothing else', async () => {
  const first = await openPki(directory);
  const second = await openPki(directory, { hosts: ['10.1.2.3'] });
  expect(second.server.certificate).not.toBe(first.server.certificate);
  expect([second.caCertificate, second.admin, second.apps]).toEqual([first.caCertificate, first.admin, first.apps]);
});

test('a half-written leaf is made again; a damaged authority is refused with what to do', async () => {
  const first = await openPki(directory);
  await rm(join(directory, 'server.key'));
  await writeFile(join(directory, 'apps.crt'), (await readFile(join(directory, 'apps.crt'))).subarray(0, 200));
  const second = await openPki(directory);
  expect(second.caCertificate).toBe(first.caCertificate);
  expect(new X509Certificate(second.apps.certificate).subject).toContain('*.apps.localhost');
  await writeFile(join(directory, 'ca.key'), second.admin.key);
  await expect(openPki(directory)).rejects.toThrow(PkiDamaged);
  await rm(join(directory, 'ca.key'));
  await expect(openPki(directory)).rejects.toThrow(PkiDamaged);
  await writeFile(join(directory, 'ca.key'), 'rubbish');
  await expect(openPki(directory)).rejects.toThrow(/Restore it from a backup/);
});

test('certificates for others are issued and not kept', async () => {
  const pki = await openPki(directory);
  const before = await readdir(directory);
  const node = new X509Certificate(pki.issueClient('system:node:node-1', ['system:nodes']).certificate);
  expect(node.subject).toBe('O=system:nodes\nCN=system:node:node-1');
  expect(await readdir(directory)).toEqual(before);
});
