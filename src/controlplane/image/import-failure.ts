/** Why an image could not be looked up elsewhere, as the Status that OpenShift's importer gives. */
import { imageStreams, type InnerStatus } from '../../api/kinds/image.ts';
import { badRequest, internalError, invalid, invalidValue, notFound, StatusError } from '../../api/status.ts';
import { isRegistryError } from '../../oci/registry-error.ts';

export const succeeded: InnerStatus = { metadata: {}, status: 'Success' };

/** Parts of a Status that stand alone are left out where it lies inside of an object. */
export function innerStatus({ status: { apiVersion: _apiVersion, kind: _kind, ...inner } }: StatusError): InnerStatus {
  return inner;
}

export interface FailedLookup {
  /** Full reference of the image, or of the repository. */
  reference: string;
  /** The project had credentials for it. */
  credentials: boolean;
}

export function failureOf(error: unknown, { reference, credentials }: FailedLookup): StatusError {
  if (error instanceof StatusError) return error;
  if (isRegistryError(error, 'NotFound')) return notFound({ group: imageStreams.group, plural: 'dockerimage' }, reference);
  if (isRegistryError(error, 'Unauthorized')) {
    const text = credentials ? `incorrect username or password for image "${reference}"` : `you may not have access to the container image "${reference}" and did not have credentials to the repository`;
    return new StatusError(401, 'Unauthorized', text);
  }
  if (isRegistryError(error, 'Denied')) return new StatusError(403, 'Forbidden', `you may not have access to the container image "${reference}": ${error.message}`);
  if (isRegistryError(error, 'Unreachable') && isPlainHttp(error.cause)) return badRequest(`the repository ${reference} is HTTP only and requires the insecure flag to import`);
  return internalError(`${reference}: ${error instanceof Error ? error.message : String(error)}`);
}

export function invalidName(name: string, why: string): StatusError {
  return invalid({ group: '', kind: '' }, '', [invalidValue('from.name', name, `invalid name: ${why}`)]);
}

/** TLS was spoken to something that answers in plain text. */
function isPlainHttp(cause: unknown): boolean {
  return /WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|EPROTO/.test((cause as NodeJS.ErrnoException | undefined)?.code ?? '');
}
