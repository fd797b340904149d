import { configMaps, type ConfigMap } from '../../api/kinds/core.ts';
import { equalJson } from '../../api/json.ts';
import { forbiddenField, invalidValue, type FieldError } from '../../api/status.ts';
import { ageColumn, nameColumn } from '../kernel/apiserver/columns.ts';
import type { StoredKind } from '../kernel/apiserver/kind.ts';

/** Bytes of all values (Kubernetes' limit; an object may be 1.5 MB). */
export const mostData = 1024 * 1024;

export const configMapKind: StoredKind<ConfigMap> = {
  type: 'stored',
  resource: configMaps,
  generation: false,
  columns: [
    nameColumn,
    { name: 'Data', type: 'string', description: 'Data contains the configuration data.', cell: ({ data, binaryData }) => String(Object.keys(data ?? {}).length + Object.keys(binaryData ?? {}).length) },
    ageColumn,
  ],
  validate(map, old) {
    const errors = [...keyErrors(map.data, 'data'), ...keyErrors(map.binaryData, 'binaryData')];
    for (const key of Object.keys(map.data ?? {})) if (map.binaryData && key in map.binaryData) errors.push(invalidValue(`data[${key}]`, key, 'duplicate of key present in binaryData'));
    const size = bytesOf(Object.values(map.data ?? {}), 'utf8') + bytesOf(Object.values(map.binaryData ?? {}), 'base64');
    if (size > mostData) errors.push(tooLong('', mostData));
    if (old?.immutable) {
      if (map.immutable !== true) errors.push(forbiddenField('immutable', 'field is immutable when `immutable` is set'));
      for (const field of ['data', 'binaryData'] as const) if (!equalJson(map[field] ?? {}, old[field] ?? {})) errors.push(forbiddenField(field, 'field is immutable when `immutable` is set'));
    }
    return errors;
  },
};

export function keyErrors(data: Record<string, unknown> | undefined, field: string): FieldError[] {
  return Object.keys(data ?? {}).flatMap((key) => {
    const problem = keyProblem(key);
    return problem ? [invalidValue(`${field}[${key}]`, key, problem)] : [];
  });
}

/** Keys become names of files and of environment variables. */
function keyProblem(key: string): string | undefined {
  if (key.length > 253) return 'must be no more than 253 characters';
  if (key === '.' || key === '..') return `must not be '${key}'`;
  if (key.startsWith('..')) return "must not start with '..'";
  if (/^[-._a-zA-Z0-9]+$/.test(key)) return undefined;
  return "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";
}

export function bytesOf(values: readonly string[], encoding: 'utf8' | 'base64'): number {
  return values.reduce((sum, value) => sum + Buffer.byteLength(value, encoding), 0);
}

export function tooLong(field: string, most: number): FieldError {
  return { reason: 'FieldValueTooLong', field, message: `Too long: may not be more than ${most} bytes` };
}
