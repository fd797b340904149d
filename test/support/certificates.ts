/** Keys and certificates for tests: an authority, and what it signs. PEM. */
import { webcrypto } from 'node:crypto';
import './reflect-metadata.ts';
import * as x509 from '@peculiar/x509';

export interface Pair {
  certificate: string;
  key: string;
}

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
x509.cryptoProvider.set(webcrypto as never);

export async function authority(): Promise<Pair & { sign(subject: string, names?: string[]): Promise<Pair> }> {
  const keys = await generate();
  const root = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=test authority', keys, signingAlgorithm: algorithm, notBefore: yesterday(), notAfter: tomorrow(),
    extensions: [new x509.BasicConstraintsExtension(true, undefined, true)],
  });
  return {
    certificate: root.toString('pem'),
    key: await pemOf(keys.privateKey),
    async sign(subject, names = []) {
      const own = await generate();
      const certificate = await x509.X509CertificateGenerator.create({
        subject, issuer: root.subject, publicKey: own.publicKey, signingKey: keys.privateKey, signingAlgorithm: algorithm, notBefore: yesterday(), notAfter: tomorrow(),
        extensions: names.length > 0 ? [new x509.SubjectAlternativeNameExtension(names.map((value) => ({ type: /^[\d.]+$/.test(value) ? 'ip' as const : 'dns' as const, value })))] : [],
      });
      return { certificate: certificate.toString('pem'), key: await pemOf(own.privateKey) };
    },
  };
}

const day = 86_400_000;
const yesterday = () => new Date(Date.now() - day);
const tomorrow = () => new Date(Date.now() + day);
const generate = () => webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
const pemOf = async (key: webcrypto.CryptoKey) => x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY');
