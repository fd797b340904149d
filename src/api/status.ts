/** `metav1.Status` and the errors of the API, with the reasons, codes and texts of the real server. */
import { groupResource, type Resource } from './resource.ts';

export interface StatusCause {
  /** `reason` on the wire. */
  reason?: string;
  message?: string;
  field?: string;
}

export interface Status {
  apiVersion: 'v1';
  kind: 'Status';
  metadata: Record<string, never>;
  status: 'Success' | 'Failure';
  message?: string;
  reason?: string;
  code?: number;
  details?: { name?: string; group?: string; kind?: string; uid?: string; causes?: StatusCause[]; retryAfterSeconds?: number };
}

/** One thing wrong with one field. `field` is a path as in `spec.containers[0].name`. */
export interface FieldError {
  reason: 'FieldValueRequired' | 'FieldValueInvalid' | 'FieldValueDuplicate' | 'FieldValueNotSupported' | 'FieldValueForbidden' | 'FieldValueNotFound' | 'FieldValueTooLong' | 'FieldValueTooMany' | 'FieldValueTypeInvalid';
  field: string;
  /** Without the field, e.g. `Required value` or `Invalid value: "A": must be lower case`. */
  message: string;
}

export class StatusError extends Error {
  readonly status: Status;

  constructor(code: number, reason: string, message: string, details?: Status['details']) {
    super(message);
    this.name = 'StatusError';
    this.status = { apiVersion: 'v1', kind: 'Status', metadata: {}, status: 'Failure', message, reason, code, ...(details && { details }) };
  }

  get code(): number {
    return this.status.code ?? 500;
  }

  get reason(): string {
    return this.status.reason ?? 'Unknown';
  }

  /** The error a `Status` document received from a server stands for. */
  static from(status: Status): StatusError {
    return new StatusError(status.code ?? 500, status.reason ?? 'Unknown', status.message ?? 'unknown error', status.details);
  }
}

type Of = Pick<Resource, 'group' | 'plural'>;
const details = (of: Of, name: string) => ({ name, ...(of.group && { group: of.group }), kind: of.plural });

export const notFound = (of: Of, name: string) => new StatusError(404, 'NotFound', `${groupResource(of)} "${name}" not found`, details(of, name));
export const alreadyExists = (of: Of, name: string) => new StatusError(409, 'AlreadyExists', `${groupResource(of)} "${name}" already exists`, details(of, name));
export const conflict = (of: Of, name: string, why = 'the object has been modified; please apply your changes to the latest version and try again') =>
  new StatusError(409, 'Conflict', `Operation cannot be fulfilled on ${groupResource(of)} "${name}": ${why}`, details(of, name));
export const forbidden = (of: Of, name: string, why: string) =>
  new StatusError(403, 'Forbidden', `${groupResource(of)}${name ? ` "${name}"` : ''} is forbidden: ${why}`, details(of, name));
export const badRequest = (message: string) => new StatusError(400, 'BadRequest', message);
export const unauthorized = () => new StatusError(401, 'Unauthorized', 'Unauthorized');
export const methodNotAllowed = () => new StatusError(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource');
export const expired = (message = 'The resourceVersion for the provided watch is too old.') => new StatusError(410, 'Expired', message);
export const internalError = (message: string) => new StatusError(500, 'InternalError', `Internal error occurred: ${message}`);
export const serviceUnavailable = (message: string) => new StatusError(503, 'ServiceUnavailable', message);
export const timeout = (message: string, retryAfterSeconds = 1) => new StatusError(504, 'Timeout', message, { retryAfterSeconds });

/** 422 with one cause a field, worded as the real server words it. */
export function invalid(of: Pick<Resource, 'group' | 'kind'>, name: string, errors: readonly FieldError[]): StatusError {
  const texts = errors.map((error) => `${error.field}: ${error.message}`);
  const all = texts.length === 1 ? texts[0] : `[${texts.join(', ')}]`;
  const kind = of.group ? `${of.kind}.${of.group}` : of.kind;
  return new StatusError(422, 'Invalid', `${kind} "${name}" is invalid: ${all}`, {
    name,
    ...(of.group && { group: of.group }),
    kind: of.kind,
    causes: errors.map(({ reason, message, field }) => ({ reason, message, field })),
  });
}

export const required = (field: string, message = ''): FieldError => ({ reason: 'FieldValueRequired', field, message: message ? `Required value: ${message}` : 'Required value' });
export const invalidValue = (field: string, value: unknown, message: string): FieldError => ({ reason: 'FieldValueInvalid', field, message: `Invalid value: ${JSON.stringify(value)}: ${message}` });
export const forbiddenField = (field: string, message: string): FieldError => ({ reason: 'FieldValueForbidden', field, message: `Forbidden: ${message}` });
export const duplicateValue = (field: string, value: unknown): FieldError => ({ reason: 'FieldValueDuplicate', field, message: `Duplicate value: ${JSON.stringify(value)}` });
export const notSupported = (field: string, value: unknown, supported: readonly string[]): FieldError => ({
  reason: 'FieldValueNotSupported',
  field,
  message: `Unsupported value: ${JSON.stringify(value)}: supported values: ${supported.map((one) => JSON.stringify(one)).join(', ')}`,
});

export function isStatusError(error: unknown, ...reasons: string[]): error is StatusError {
  return error instanceof StatusError && (reasons.length === 0 || reasons.includes(error.reason));
}
