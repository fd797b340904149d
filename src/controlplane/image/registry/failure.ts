/** Failures as the distribution specification answers them ("Error Codes"). */
export type RegistryCode =
  | 'BLOB_UNKNOWN' | 'BLOB_UPLOAD_INVALID' | 'BLOB_UPLOAD_UNKNOWN' | 'DIGEST_INVALID' | 'MANIFEST_BLOB_UNKNOWN' | 'MANIFEST_INVALID' | 'MANIFEST_UNKNOWN'
  | 'NAME_INVALID' | 'NAME_UNKNOWN' | 'SIZE_INVALID' | 'UNAUTHORIZED' | 'DENIED' | 'UNSUPPORTED' | 'TOOMANYREQUESTS'
  /** Not in the list: a failure of this machine. */
  | 'UNKNOWN';

export class RegistryFailure extends Error {
  readonly status: number;
  readonly code: RegistryCode;
  readonly headers: Record<string, string>;
  constructor(status: number, code: RegistryCode, message: string, headers: Record<string, string> = {}) {
    super(message);
    this.name = 'RegistryFailure';
    this.status = status;
    this.code = code;
    this.headers = headers;
  }
}

/** What a client is told of a failure of ours. A full disk is worth its own words: the user can mend it. */
export function toFailure(error: unknown): RegistryFailure {
  if (error instanceof RegistryFailure) return error;
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOSPC' || code === 'EDQUOT') return new RegistryFailure(507, 'UNKNOWN', 'the disk that holds the registry is full; free some space (slipway prune images) and push again');
  return new RegistryFailure(500, 'UNKNOWN', 'the registry failed; its log says why');
}
