import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ConfigMap, Secret, Service } from '../../../../../src/api/kinds/core.ts';
import { openPki, type Pki } from '../../../../../src/controlplane/kernel/pki/pki.ts';
import { planServingCertificate, withBundle, type ServiceCa } from '../../../../../src/controlplane/route/serving/serving-certificate-plan.ts';

let folder: string;
let pki: Pki;
let ca: ServiceCa;
beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'slipway-serving-'));
  pki = await openPki(folder);
  ca = { certificate: pki.caCertificate, issue: (hosts) => pki.issueServer(hosts) };
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const now = new Date();
const service = (annotations: Record<string, string> = { 'service.beta.openshift.io/serving-cert-secret-name': 'pair' }): Service => ({ apiVersion: 'v1', kind: 'Service', metadata: { name: 'web', namespace: 'demo', uid: 'u1', annotations }, spec: {} });
const made = (existing?: Secret, at = now): Secret => {
  const plan = planServingCertificate(service(), existing, ca, at);
  if (plan.action !== 'create' && plan.action !== 'update') throw new Error(plan.action);
  return plan.secret;
};

test('a service gets a certificate for its names, with the authority behind it', () => {
  expect(planServingCertificate(service({}), undefined, ca, now)).toEqual({ action: 'nothing', renewInMs: undefined });
  const secret = made();
  expect(secret).toMatchObject({ type: 'kubernetes.io/tls', metadata: { name: 'pair', namespace: 'demo', ownerReferences: [{ kind: 'Service', name: 'web', uid: 'u1' }], annotations: { 'service.beta.openshift.io/originating-service-name': 'web', 'service.beta.openshift.io/originating-service-uid': 'u1' } } });
  const pem = atob(secret.data?.['tls.crt'] ?? '');
  const certificate = new X509Certificate(pem);
  expect(certificate.subjectAltName).toBe('DNS:web.demo.svc, DNS:web.demo.svc.cluster.local');
  expect(certificate.verify(new X509Certificate(ca.certificate).publicKey)).toBe(true);
  expect(pem.match(/BEGIN CERTIFICATE/g)).toHaveLength(2);
  expect(atob(secret.data?.['tls.key'] ?? '')).toContain('PRIVATE KEY');
});

test('it is kept, renewed before its end, and made anew when another authority signed it', () => {
  const secret = made();
  expect(planServingCertificate(service(), secret, ca, now)).toMatchObject({ action: 'nothing', renewInMs: expect.any(Number) as number });
  expect(planServingCertificate(service(), secret, ca, new Date(now.getTime() + 340 * 86_400_000)).action).toBe('update');
  expect(planServingCertificate(service(), { ...secret, data: {} }, ca, now).action).toBe('update');
});

test('a secret of somebody else stays as it is', () => {
  const other: Secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'pair', namespace: 'demo' }, type: 'Opaque' };
  expect(planServingCertificate(service(), other, ca, now)).toEqual({ action: 'refuse', message: 'secret demo/pair does not have corresponding service UID u1' });
});

test('config maps get the authority when they ask', () => {
  const map = (annotations: Record<string, string>): ConfigMap => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'ca', namespace: 'demo', annotations }, data: { other: 'x' } });
  expect(withBundle(map({}), ca)).toBeUndefined();
  const filled = withBundle(map({ 'service.beta.openshift.io/inject-cabundle': 'true' }), ca);
  expect(filled?.data).toEqual({ other: 'x', 'service-ca.crt': ca.certificate });
  expect(withBundle(filled as ConfigMap, ca)).toBeUndefined();
});
