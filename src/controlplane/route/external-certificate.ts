/** Certificates of routes in secrets: `tls.externalCertificate`. Pure but for the look into secrets that it is given. */
import type { Secret } from '../../api/kinds/core.ts';
import { secrets } from '../../api/kinds/core.ts';
import type { Route } from '../../api/kinds/route.ts';
import { groupResource } from '../../api/resource.ts';
import { invalidValue, type FieldError } from '../../api/status.ts';
import type { Rejection } from './admission-plan.ts';

/** By `namespace/name`. */
export type SecretLookup = (key: string) => Secret | undefined;

const field = 'spec.tls.externalCertificate';
const tlsType = 'kubernetes.io/tls';

export const secretKeyOf = ({ spec: { tls }, metadata }: Route): string | undefined => (tls?.externalCertificate?.name && tls.termination !== 'passthrough' ? `${metadata.namespace}/${tls.externalCertificate.name}` : undefined);

export function externalCertificateErrors(route: Route, lookup: SecretLookup): FieldError[] {
  const key = secretKeyOf(route);
  if (key === undefined) return [];
  const name = key.slice(key.indexOf('/') + 1);
  const secret = lookup(key);
  if (!secret) return [{ reason: 'FieldValueNotFound', field, message: `Not found: ${JSON.stringify(`${groupResource(secrets)} "${name}" not found`)}` }];
  return secret.type === tlsType ? [] : [invalidValue(field, name, `secret of type "${tlsType}" required`)];
}

/** `wasThere`: the secret was there and is gone. */
export function externalCertificateRejection(route: Route, lookup: SecretLookup, wasThere: boolean): Rejection | undefined {
  const [error] = externalCertificateErrors(route, lookup);
  if (!error) return undefined;
  const { namespace, name } = route.metadata;
  if (error.reason === 'FieldValueNotFound' && wasThere) return { reason: 'ExternalCertificateSecretDeleted', message: `secret ${route.spec.tls?.externalCertificate?.name} deleted for route ${namespace}/${name}` };
  return { reason: 'ExternalCertificateValidationFailed', message: `${error.field}: ${error.message}` };
}

export function readExternalCertificate(key: string, lookup: SecretLookup): { certificate: string; key: string } | undefined {
  const { 'tls.crt': certificate, 'tls.key': privateKey } = lookup(key)?.data ?? {};
  return certificate && privateKey ? { certificate: text(certificate), key: text(privateKey) } : undefined;
}

const text = (base64: string) => Buffer.from(base64, 'base64').toString();
