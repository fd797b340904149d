/** A platform may run for longer than its certificates: looks daily, and has listeners load what was issued anew. */
import type { Clock } from '../base/clock.ts';
import { toDisposable, type Disposable } from '../base/disposable.ts';
import type { Log } from '../base/log.ts';
import type { Pki } from './kernel/pki/pki.ts';

const everyMs = 24 * 3600 * 1000;

export function keepCertificates(pki: Pki, clock: Clock, log: Log, reload: () => void): Disposable {
  let timer: Disposable | undefined;
  const look = () => {
    timer = clock.after(everyMs, look);
    pki.renew().then((renewed) => {
      if (renewed.length === 0) return;
      log.info('certificates were issued anew', { renewed });
      reload();
    }, (error: unknown) => log.error('certificates could not be renewed', { error }));
  };
  timer = clock.after(everyMs, look);
  return toDisposable(() => timer?.dispose());
}
