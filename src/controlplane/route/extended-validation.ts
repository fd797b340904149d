/** Whether the router can use what a route brings for TLS, in the words of OpenShift's router (openshift/router, ExtendedValidateRoute). The API takes such routes; they are not admitted. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { RouteTls } from '../../api/kinds/route.ts';
import { invalidValue, type FieldError } from '../../api/status.ts';

const noCertificate = 'data does not contain any valid RSA or ECDSA certificates';
/** Key material does not belong into error texts. */
const redacted = { certificate: 'redacted certificate data', key: 'redacted key data', caCertificate: 'redacted ca certificate data', destinationCACertificate: 'redacted destination ca certificate data' } as const;
const at = (field: keyof typeof redacted, message: string): FieldError => invalidValue(`spec.tls.${field}`, redacted[field], message);

const known = new WeakMap<RouteTls, FieldError[]>();

/** Objects of caches never change: each is looked at once. */
export function tlsErrors(tls: RouteTls): FieldError[] {
  let errors = known.get(tls);
  if (!errors) known.set(tls, (errors = validate(tls)));
  return errors;
}

function validate(tls: RouteTls): FieldError[] {
  if (tls.termination === 'passthrough') return [];
  const errors: FieldError[] = [];
  const authorities = tls.caCertificate ? certificatesIn(tls.caCertificate) : [];
  if (tls.caCertificate) {
    if (!authorities) errors.push(at('caCertificate', `failed to parse CA certificate: ${noCertificate}`));
    else errors.push(...oldSignatures('caCertificate', authorities));
  }
  if (tls.certificate) {
    const chain = certificatesIn(tls.certificate);
    const [first] = chain ?? [];
    if (!chain || !first) errors.push(at('certificate', noCertificate));
    else {
      errors.push(...oldSignatures('certificate', chain));
      if (authorities && authorities.length > 0 && !trusted(first, authorities)) errors.push(at('certificate', 'error verifying certificate: x509: certificate signed by unknown authority'));
      errors.push(...keyErrors(first, tls));
    }
  }
  if (tls.destinationCACertificate) {
    const found = certificatesIn(tls.destinationCACertificate);
    if (!found) errors.push(at('destinationCACertificate', `failed to parse destination CA certificate: ${noCertificate}`));
    else errors.push(...oldSignatures('destinationCACertificate', found));
  }
  return errors;
}

/** A key may stand beside the certificate, too. */
function keyErrors(certificate: X509Certificate, tls: RouteTls): FieldError[] {
  const pem = tls.key || (/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(tls.certificate ?? '') ? (tls.certificate as string) : undefined);
  if (!pem) return [invalidValue('spec.tls.key', '', 'no key specified')];
  try {
    return certificate.checkPrivateKey(createPrivateKey(pem)) ? [] : [at('key', 'tls: private key does not match public key')];
  } catch {
    return [at('key', 'tls: failed to find any PEM data in key input')];
  }
}

function certificatesIn(pem: string): X509Certificate[] | undefined {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? [];
  try {
    return blocks.length > 0 ? blocks.map((block) => new X509Certificate(block)) : undefined;
  } catch {
    return undefined;
  }
}

/** One of them, or signed by one. */
function trusted(certificate: X509Certificate, authorities: readonly X509Certificate[]): boolean {
  if (authorities.some(({ fingerprint256 }) => fingerprint256 === certificate.fingerprint256)) return true;
  return authorities.some((authority) => certificate.checkIssued(authority) && certificate.verify(authority.publicKey));
}

/** Nobody looks at the signature of a certificate that signed itself. */
function oldSignatures(field: keyof typeof redacted, certificates: readonly X509Certificate[]): FieldError[] {
  return certificates
    .filter((one) => one.issuer !== one.subject && /sha1|md5|md2/i.test((one as { signatureAlgorithm?: string }).signatureAlgorithm ?? ''))
    .map((one) => at(field, `router does not support CA-signed certs using ${/sha1|md5|md2/i.exec((one as { signatureAlgorithm?: string }).signatureAlgorithm ?? '')?.[0].toUpperCase()}`));
}
