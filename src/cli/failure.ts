import { StatusError } from '../api/status.ts';
import { ConnectionError } from '../client/client.ts';
import { StartFailure } from '../client/daemon/start.ts';
import { refusedExitCode } from '../protocol/daemon.ts';

/** The user asked for something that cannot be: the text says what to do; no stack. */
export class UserError extends Error {
  readonly exitCode: number;
  constructor(message: string, exitCode = 1) {
    super(message);
    this.name = 'UserError';
    this.exitCode = exitCode;
  }
}

/** Prints why the command ends and sets the exit code. */
export function fail(error: unknown): void {
  process.exitCode = error instanceof UserError ? error.exitCode : error instanceof StartFailure ? refusedExitCode : 1;
  process.stderr.write(`${describe(error)}\n`);
}

function describe(error: unknown): string {
  if (error instanceof StartFailure) return error.fix ? `${error.message}\n${error.fix}` : error.message;
  if (error instanceof StatusError) return `Error from the API (${error.reason}): ${error.message}`;
  if (error instanceof ConnectionError) return `The platform cannot be reached: ${error.message}\nStart it with "slipway up", or look with "slipway status".`;
  if (error instanceof Error) return error.message;
  return String(error);
}
