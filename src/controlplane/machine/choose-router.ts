/** What serves routes: our own data plane, or HAProxy where it was asked for. What was asked for is never weakened silently. */
import { findHaproxy, type FoundHaproxy } from '../../detect/haproxy.ts';
import { StartRefused } from '../start-report.ts';

export async function chooseRouter(asked: 'slipway' | 'haproxy'): Promise<FoundHaproxy | undefined> {
  if (asked === 'slipway') return undefined;
  const looked = await findHaproxy();
  if ('found' in looked) return looked.found;
  throw new StartRefused('MissingPower', `HAProxy cannot serve routes on this machine: ${looked.why}.`, `${looked.fix}\nOr let Slipway's own router serve them: start without --router haproxy.`);
}
