/** Whether the certificates and keys in a route can be used together. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { RouteTls } from '../../api/kinds/route.ts';
import { invalidValue, required, type FieldError } from '../../api/status.ts';

const field = 'spec.tls';
/** Key material does not belong into error texts. */
const hidden = 'redacted';

export function validateCertificates(tls: RouteTls): FieldError[] {
  const errors: FieldError[] = [];
  const { certificate, key } = tls;
  if (certificate && !key) errors.push(required(`${field}.key`, 'no key specified'));
  if (key && !certificate) errors.push(required(`${field}.certificate`, 'no certificate specified'));
  const [first] = readCertificates(`${field}.certificate`, certificate, errors);
  readCertificates(`${field}.caCertificate`, tls.caCertificate, errors);
  readCertificates(`${field}.destinationCACertificate`, tls.destinationCACertificate, errors);
  if (key) {
    try {
      const parsed = createPrivateKey(key);
      if (first && !first.checkPrivateKey(parsed)) errors.push(invalidValue(`${field}.key`, hidden, 'the private key does not match the public key of the certificate'));
    } catch {
      errors.push(invalidValue(`${field}.key`, hidden, 'failed to find any PEM data in key input, or the key is encrypted'));
    }
  }
  return errors;
}

function readCertificates(where: string, pem: string | undefined, errors: FieldError[]): X509Certificate[] {
  if (!pem?.trim()) return [];
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? [];
  try {
    if (blocks.length === 0) throw new Error('no PEM block');
    return blocks.map((block) => new X509Certificate(block));
  } catch {
    errors.push(invalidValue(where, hidden, 'failed to find any PEM data in certificate input'));
    return [];
  }
}
