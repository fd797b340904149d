/** The worker's side of the control channel. */
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import type { RouterCommand, RouterReport } from '../../../protocol/router.ts';
import { Router } from './server.ts';

/** Serves commands until `stop` or the end of `input`; resolves when every connection has ended. Rejects for a line that is no command. */
export async function serveControl(input: Readable, output: Writable): Promise<void> {
  const report = (line: RouterReport) => void output.write(`${JSON.stringify(line)}\n`);
  let router: Router | undefined;
  let graceMs = 0;
  for await (const line of createInterface({ input, crlfDelay: Infinity })) {
    const command = JSON.parse(line) as RouterCommand;
    if (command.type === 'configure') {
      router = new Router(command, report);
      if (!(await router.listen())) return router.stop(0);
    } else if (command.type === 'table') router?.apply(command);
    else if (command.type === 'probe') {
      if (router) report({ type: 'health', id: command.id, metrics: router.metrics() });
    } else if (command.type === 'log') router?.logTo(command.file);
    else if (command.type === 'count') {
      if (router) report({ type: 'counted', id: command.id, routes: router.routeMetrics() });
    } else {
      graceMs = command.graceMs;
      break;
    }
  }
  await router?.stop(graceMs);
}
