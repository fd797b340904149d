/** What a start leaves behind, e.g. parsed sources and discovery documents, would stay until the next large collection, which an idle platform never needs. */
import v8 from 'node:v8';
import vm from 'node:vm';

/** Long enough for the first views to be filled, and for this machine's toolchains to be looked at. */
const afterMs = 8_000;

/** Collects once, a few dozen milliseconds of work, after a start: of the control plane, and of each agent. */
export function tidyMemoryOnce(): void {
  setTimeout(() => {
    v8.setFlagsFromString('--expose-gc');
    // Takes what the next collections would: compiled code, too, that a start alone needed.
    (vm.runInNewContext('gc') as (how: object) => void)({ type: 'major', execution: 'sync', flavor: 'last-resort' });
  }, afterMs).unref();
}
