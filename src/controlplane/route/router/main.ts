/** The router worker. Started by the supervisor with its listeners as descriptors 3 and 4; see protocol/router.ts. */
import { serveControl } from '../data-plane/control.ts';
import { Router } from './server.ts';

process.title = 'slipway-router';
// The control plane ends its worker through the control channel, so that open requests can finish.
process.on('SIGINT', () => undefined);
process.on('uncaughtException', (error) => {
  process.stderr.write(`router: ${error.stack ?? error.message}\n`);
  process.exit(1);
});

serveControl(process.stdin, process.stdout, (configuration, report) => new Router(configuration, report)).then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`router: ${String(error)}\n`);
    process.exit(1);
  },
);
