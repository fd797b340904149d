/** X.509 certificates (RFC 5280) on P-256 keys. Node reads certificates but does not write them. */
import { createHash, createPublicKey, generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';
import { isIP } from 'node:net';
import * as der from './der.ts';

/** A certificate with its private key, both PEM. */
export interface KeyPair {
  readonly certificate: string;
  readonly key: string;
}

export interface Subject {
  commonName: string;
  organizations?: readonly string[];
}

export interface Issue {
  subject: Subject;
  issuer: Subject;
  /** Of the subject; may be a private key. */
  key: KeyObject;
  /** Signs: the subject's own key for a CA. */
  signer: KeyObject;
  notBefore: Date;
  notAfter: Date;
  usage: 'ca' | 'server' | 'client';
  /** DNS names (also `*.example.com`) and IP addresses. */
  hosts?: readonly string[];
}

export function newKey(): KeyObject {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
}

export function keyToPem(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}

const ecdsaWithSha256 = der.sequence(der.objectIdentifier('1.2.840.10045.4.3.2'));
const extendedUsage = { server: '1.3.6.1.5.5.7.3.1', client: '1.3.6.1.5.5.7.3.2' } as const;

/** PEM of a new certificate. */
export function issueCertificate(issue: Issue): string {
  const publicKey = publicDer(issue.key);
  const body = der.sequence(
    der.tagged(0, der.integer(Buffer.from([2]))),
    der.integer(serialNumber()),
    ecdsaWithSha256,
    name(issue.issuer),
    der.sequence(der.time(issue.notBefore), der.time(issue.notAfter)),
    name(issue.subject),
    publicKey,
    der.tagged(3, der.sequence(...extensions(issue, publicKey))),
  );
  const certificate = der.sequence(body, ecdsaWithSha256, der.bits(sign('sha256', body, issue.signer)));
  const lines = certificate.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

function publicDer(key: KeyObject): Buffer {
  return (key.type === 'private' ? createPublicKey(key) : key).export({ type: 'spki', format: 'der' });
}

/** Positive, 127 bits of chance. */
function serialNumber(): Buffer {
  const bytes = randomBytes(16);
  bytes.writeUInt8((bytes.readUInt8(0) & 0x7f) | 0x40, 0);
  return bytes;
}

function name(subject: Subject): Buffer {
  const attribute = (type: string, value: string) => der.set(der.sequence(der.objectIdentifier(type), der.text(value)));
  return der.sequence(...(subject.organizations ?? []).map((one) => attribute('2.5.4.10', one)), attribute('2.5.4.3', subject.commonName));
}

function extensions(issue: Issue, publicKey: Buffer): Buffer[] {
  const isCa = issue.usage === 'ca';
  const list = [
    extension('2.5.29.19', true, isCa ? der.sequence(der.boolean(true)) : der.sequence()),
    // keyCertSign, cRLSign for a CA; digitalSignature for the others.
    extension('2.5.29.15', true, isCa ? der.bits(Buffer.from([0x06]), 1) : der.bits(Buffer.from([0x80]), 7)),
    extension('2.5.29.14', false, der.octets(keyIdentifier(publicKey))),
    extension('2.5.29.35', false, der.sequence(der.taggedPrimitive(0, keyIdentifier(publicDer(issue.signer))))),
  ];
  if (issue.usage !== 'ca') list.push(extension('2.5.29.37', false, der.sequence(der.objectIdentifier(extendedUsage[issue.usage]))));
  if (issue.hosts?.length) list.push(extension('2.5.29.17', false, der.sequence(...issue.hosts.map(alternativeName))));
  return list;
}

function extension(type: string, critical: boolean, value: Buffer): Buffer {
  return der.sequence(der.objectIdentifier(type), ...(critical ? [der.boolean(true)] : []), der.octets(value));
}

function keyIdentifier(publicKey: Buffer): Buffer {
  return createHash('sha256').update(publicKey).digest().subarray(0, 20);
}

function alternativeName(host: string): Buffer {
  return isIP(host) ? der.taggedPrimitive(7, addressBytes(host)) : der.taggedPrimitive(2, Buffer.from(host, 'ascii'));
}

function addressBytes(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split('.').map(Number));
  const [head = '', tail] = address.split('::');
  const groups = (part: string | undefined) => (part ? part.split(':').map((group) => Number.parseInt(group, 16)) : []);
  const before = groups(head);
  const after = groups(tail);
  const bytes = Buffer.alloc(16);
  [...before, ...Array<number>(8 - before.length - after.length).fill(0), ...after].forEach((group, index) => bytes.writeUInt16BE(group, index * 2));
  return bytes;
}
