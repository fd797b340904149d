/** What a start tells whoever asked for it: lines of JSON, and failures with what to do next. */
import type { Writable } from 'node:stream';
import type { StartFailureReason, StartReport } from '../protocol/daemon.ts';
import { PortInUse } from './kernel/boot/listen.ts';
import { StoreFailure } from './kernel/store/failure.ts';
import { PortTaken } from './route/data-plane/listeners.ts';

/** A start that cannot go on, with its reason and the next step. */
export class StartRefused extends Error {
  readonly reason: StartFailureReason;
  readonly fix: string | undefined;
  constructor(reason: StartFailureReason, message: string, fix?: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'StartRefused';
    this.reason = reason;
    this.fix = fix;
  }
}

export function reportTo(out: Writable): (report: StartReport) => void {
  // Nobody may listen any more once it runs.
  out.on('error', () => undefined);
  return (report) => void out.write(`${JSON.stringify(report)}\n`);
}

export function failureReport(error: unknown): StartReport {
  const found = causes(error);
  const refused = found.find((one) => one instanceof StartRefused);
  if (refused) return { failed: { reason: refused.reason, message: refused.message, ...(refused.fix && { fix: refused.fix }) } };
  const store = found.find((one) => one instanceof StoreFailure);
  if (store) return { failed: { reason: storeReasons[store.code] ?? 'Unknown', message: sentence(store.message), ...(store.code === 'damaged' && { fix: 'Recover with: slipway up --recover' }) } };
  const port = found.find((one) => one instanceof PortInUse || one instanceof PortTaken);
  if (port) return { failed: { reason: 'PortInUse', message: sentence(`port ${port.port} of 127.0.0.1 is in use`), fix: `End the program that holds it, or name another port: ${port instanceof PortInUse ? '--api-port' : '--http-port, --https-port'}` } };
  const system = found.find((one) => 'code' in one) as NodeJS.ErrnoException | undefined;
  if (system?.code === 'ENOSPC') return { failed: { reason: 'DiskFull', message: 'The disk is full. Free some space and start again.' } };
  return { failed: { reason: 'Unknown', message: error instanceof Error ? error.message : String(error) } };
}

const storeReasons: Partial<Record<StoreFailure['code'], StartFailureReason>> = { damaged: 'StoreDamaged', newer: 'StoreNewer', full: 'DiskFull', 'in-use': 'AlreadyRunning' };

/** The error and what caused it, outermost first; bounded, since causes could form a ring. */
function causes(error: unknown): Error[] {
  const found: Error[] = [];
  for (let one = error; one instanceof Error && found.length < 10; one = one.cause) found.push(one);
  return found;
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${text.endsWith('.') ? '' : '.'}`;
}
