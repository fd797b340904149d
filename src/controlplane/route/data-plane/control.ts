/** The worker's side of the control channel. */
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import type { RouterCommand, RouterMetrics, RouterReport, RouterRouteMetrics } from '../../../protocol/router.ts';

/** What the commands are for: this worker's data plane. */
export interface RouterProgram {
  /** Reports `ready`, or `failed` and resolves with false. */
  listen(): Promise<boolean>;
  /** Reports `applied` when every new request is served by the table, or by a later one. */
  apply(table: Extract<RouterCommand, { type: 'table' }>): void;
  /** A line for each request in this file; in none without one. */
  logTo(file: string | undefined): void;
  metrics(): RouterMetrics | Promise<RouterMetrics>;
  routeMetrics(): RouterRouteMetrics[] | Promise<RouterRouteMetrics[]>;
  /** No more connections; resolves when those that are open have ended, after `graceMs` at the latest. */
  stop(graceMs: number): Promise<void>;
}

export type MakeRouter = (configuration: Extract<RouterCommand, { type: 'configure' }>, report: (report: RouterReport) => void) => RouterProgram;

/** Serves commands until `stop` or the end of `input`; resolves when every connection has ended. Rejects for a line that is no command. */
export async function serveControl(input: Readable, output: Writable, make: MakeRouter): Promise<void> {
  const report = (line: RouterReport) => void output.write(`${JSON.stringify(line)}\n`);
  let router: RouterProgram | undefined;
  let graceMs = 0;
  for await (const line of createInterface({ input, crlfDelay: Infinity })) {
    const command = JSON.parse(line) as RouterCommand;
    if (command.type === 'configure') {
      router = make(command, report);
      if (!(await router.listen())) return router.stop(0);
    } else if (command.type === 'table') router?.apply(command);
    else if (command.type === 'probe') {
      if (router) report({ type: 'health', id: command.id, metrics: await router.metrics() });
    } else if (command.type === 'log') router?.logTo(command.file);
    else if (command.type === 'count') {
      if (router) report({ type: 'counted', id: command.id, routes: await router.routeMetrics() });
    } else {
      graceMs = command.graceMs;
      break;
    }
  }
  await router?.stop(graceMs);
}
