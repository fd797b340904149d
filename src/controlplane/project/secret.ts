import { secrets, type Secret } from '../../api/kinds/core.ts';
import { equalJson, isObject } from '../../api/json.ts';
import { forbiddenField, invalidValue, required, type FieldError } from '../../api/status.ts';
import { ageColumn, nameColumn } from '../kernel/apiserver/columns.ts';
import type { StoredKind } from '../kernel/apiserver/kind.ts';
import { bytesOf, keyErrors, mostData, tooLong } from './config-map.ts';

export const serviceAccountNameAnnotation = 'kubernetes.io/service-account.name';
export const serviceAccountUidAnnotation = 'kubernetes.io/service-account.uid';

export const secretKind: StoredKind<Secret> = {
  type: 'stored',
  resource: secrets,
  generation: false,
  columns: [
    nameColumn,
    { name: 'Type', type: 'string', description: 'Used to facilitate programmatic handling of secret data.', cell: ({ type }) => type ?? '' },
    { name: 'Data', type: 'string', description: 'Data contains the secret data.', cell: ({ data }) => String(Object.keys(data ?? {}).length) },
    ageColumn,
  ],
  selectableFields: { type: ({ type }) => type ?? '' },
  defaults(secret) {
    secret.type ||= 'Opaque';
    if (!secret.stringData) return;
    secret.data ??= {};
    for (const [key, value] of Object.entries(secret.stringData)) secret.data[key] = Buffer.from(value).toString('base64');
    delete secret.stringData;
  },
  validate(secret, old) {
    const errors = keyErrors(secret.data, 'data');
    if (bytesOf(Object.values(secret.data ?? {}), 'base64') > mostData) errors.push(tooLong('data', mostData));
    if (old && secret.type !== old.type) errors.push(invalidValue('type', secret.type, 'field is immutable'));
    if (old?.immutable) {
      if (secret.immutable !== true) errors.push(forbiddenField('immutable', 'field is immutable when `immutable` is set'));
      if (!equalJson(secret.data ?? {}, old.data ?? {})) errors.push(forbiddenField('data', 'field is immutable when `immutable` is set'));
    }
    return [...errors, ...(typeRules[secret.type ?? '']?.(secret) ?? [])];
  },
};

const has = (secret: Secret, key: string) => secret.data !== undefined && Object.hasOwn(secret.data, key);
const needs = (...keys: string[]) => (secret: Secret): FieldError[] => keys.filter((key) => !has(secret, key)).map((key) => required(`data[${key}]`));

/** What a secret's type promises to those who read it. */
const typeRules: Record<string, (secret: Secret) => FieldError[]> = {
  'kubernetes.io/service-account-token': (secret) =>
    secret.metadata.annotations?.[serviceAccountNameAnnotation] ? [] : [required(`metadata.annotations[${serviceAccountNameAnnotation}]`)],
  'kubernetes.io/dockercfg': (secret) => jsonErrors(secret, '.dockercfg'),
  'kubernetes.io/dockerconfigjson': (secret) => jsonErrors(secret, '.dockerconfigjson'),
  'kubernetes.io/basic-auth': (secret) => (has(secret, 'username') || has(secret, 'password') ? [] : needs('username', 'password')(secret)),
  'kubernetes.io/ssh-auth': (secret) => (secret.data?.['ssh-privatekey'] ? [] : [required('data[ssh-privatekey]')]),
  'kubernetes.io/tls': needs('tls.crt', 'tls.key'),
};

function jsonErrors(secret: Secret, key: string): FieldError[] {
  const value = secret.data?.[key];
  if (value === undefined) return [required(`data[${key}]`)];
  try {
    if (isObject(JSON.parse(Buffer.from(value, 'base64').toString('utf8')))) return [];
  } catch {
    // Said below, without the content: it holds passwords.
  }
  return [invalidValue(`data[${key}]`, '<secret contents redacted>', 'must be a JSON object')];
}
