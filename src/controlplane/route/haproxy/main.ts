/** The router worker whose requests HAProxy serves: `<HAProxy binary> <folder>`. Commands and descriptors as those of ours; see protocol/router.ts. */
import { systemClock } from '../../../base/clock.ts';
import { serveControl } from '../data-plane/control.ts';
import { HaproxyRouter } from './haproxy-router.ts';

process.title = 'slipway-router';
// The control plane ends its worker through the control channel, so that open requests can finish.
process.on('SIGINT', () => undefined);
const end = (text: string): never => {
  process.stderr.write(`router: ${text}\n`);
  process.exit(1);
};
process.on('uncaughtException', (error) => end(error.stack ?? error.message));

const [binary = '', folder = ''] = process.argv.slice(2);
serveControl(process.stdin, process.stdout, (configuration, report) => new HaproxyRouter(configuration, report, { binary, folder, clock: systemClock, say: (text) => process.stderr.write(`${text}\n`), onEnd: end })).then(
  () => process.exit(0),
  (error: unknown) => end(String(error)),
);
