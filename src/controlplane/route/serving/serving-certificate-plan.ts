/** Certificates of services, as OpenShift's service CA makes them (openshift/service-ca-operator): for reencrypt routes and for clients inside. Pure but for the key that is made. */
import { X509Certificate } from 'node:crypto';
import type { ConfigMap, Secret, Service } from '../../../api/kinds/core.ts';
import { clusterDomain } from '../../../api/well-known.ts';

const prefix = 'service.beta.openshift.io/';
/** On services: the secret to put certificate and key in. */
export const servingCertAnnotation = `${prefix}serving-cert-secret-name`;
export const generationErrorAnnotation = `${prefix}serving-cert-generation-error`;
/** On config maps: `true` puts the authority's certificate in. */
export const injectAnnotation = `${prefix}inject-cabundle`;
const originName = `${prefix}originating-service-name`;
const originUid = `${prefix}originating-service-uid`;
export const expiryAnnotation = `${prefix}expiry`;
const bundleKey = 'service-ca.crt';
/** A certificate with less than this left is made anew. */
const renewBeforeMs = 30 * 86_400_000;

export interface ServiceCa {
  /** PEM. */
  readonly certificate: string;
  /** For these host names. */
  issue(hosts: readonly string[]): { certificate: string; key: string };
}

export type ServingPlan =
  | { action: 'nothing'; renewInMs: number | undefined }
  | { action: 'create' | 'update'; secret: Secret }
  /** The secret is another's. */
  | { action: 'refuse'; message: string };

export function planServingCertificate(service: Service, existing: Secret | undefined, ca: ServiceCa, now: Date): ServingPlan {
  const name = service.metadata.annotations?.[servingCertAnnotation];
  if (!name) return { action: 'nothing', renewInMs: undefined };
  const { namespace, uid = '' } = service.metadata;
  if (existing && existing.metadata.annotations?.[originUid] !== uid) return { action: 'refuse', message: `secret ${namespace}/${name} does not have corresponding service UID ${uid}` };
  const left = existing ? lifeOf(existing, ca, now) : 0;
  if (left > renewBeforeMs) return { action: 'nothing', renewInMs: left - renewBeforeMs };
  const host = `${service.metadata.name}.${namespace}.svc`;
  const pair = ca.issue([host, `${host}.${clusterDomain}`]);
  const secret: Secret = {
    apiVersion: 'v1', kind: 'Secret', type: 'kubernetes.io/tls',
    metadata: {
      ...existing?.metadata, name, namespace,
      annotations: { ...existing?.metadata.annotations, [originName]: service.metadata.name, [originUid]: uid, [expiryAnnotation]: new X509Certificate(pair.certificate).validToDate.toISOString() },
      ownerReferences: [{ apiVersion: 'v1', kind: 'Service', name: service.metadata.name, uid }],
    },
    data: { 'tls.crt': base64(`${pair.certificate.trimEnd()}\n${ca.certificate}`), 'tls.key': base64(pair.key) },
  };
  return { action: existing ? 'update' : 'create', secret };
}

/** Of a certificate that another authority signed, or that cannot be read: none. */
function lifeOf({ data }: Secret, ca: ServiceCa, now: Date): number {
  try {
    const certificate = new X509Certificate(Buffer.from(data?.['tls.crt'] ?? '', 'base64'));
    return certificate.verify(new X509Certificate(ca.certificate).publicKey) ? certificate.validToDate.getTime() - now.getTime() : 0;
  } catch {
    return 0;
  }
}

/** The config map with the authority's certificate, or undefined if it has it or asks for none. */
export function withBundle(map: ConfigMap, { certificate }: ServiceCa): ConfigMap | undefined {
  if (map.metadata.annotations?.[injectAnnotation] !== 'true' || map.data?.[bundleKey] === certificate) return undefined;
  return { ...map, data: { ...map.data, [bundleKey]: certificate } };
}

const base64 = (text: string) => Buffer.from(text).toString('base64');
