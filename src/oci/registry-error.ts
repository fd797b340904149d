/** What a registry, or the way to it, answered instead of content. */
export type RegistryProblem =
  /** No answer: name, connection, certificate, or the connection broke. Worth trying again. */
  | 'Unreachable'
  /** Credentials are missing or wrong. */
  | 'Unauthorized'
  | 'Denied'
  | 'NotFound'
  | 'TooManyRequests'
  /** The registry refused the content (bad digest, bad manifest, too large). */
  | 'Refused'
  /** 5xx. */
  | 'ServerError';

export class RegistryError extends Error {
  readonly problem: RegistryProblem;
  /** HTTP status, 0 if there was none. */
  readonly status: number;
  /** Code of the distribution specification, e.g. `MANIFEST_UNKNOWN`. */
  readonly code: string | undefined;
  constructor(problem: RegistryProblem, message: string, details: { status?: number; code?: string | undefined; cause?: unknown } = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'RegistryError';
    this.problem = problem;
    this.status = details.status ?? 0;
    this.code = details.code;
  }
}

export function problemOf(status: number): RegistryProblem {
  if (status === 401) return 'Unauthorized';
  if (status === 403) return 'Denied';
  if (status === 404) return 'NotFound';
  if (status === 429) return 'TooManyRequests';
  return status >= 500 ? 'ServerError' : 'Refused';
}

export function isRegistryError(error: unknown, ...problems: RegistryProblem[]): error is RegistryError {
  return error instanceof RegistryError && (problems.length === 0 || problems.includes(error.problem));
}
