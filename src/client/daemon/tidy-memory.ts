/** What a start leaves behind, e.g. parsed sources and discovery documents, would stay until the next large collection, which an idle platform never needs. */
import v8 from 'node:v8';
import vm from 'node:vm';

/** Long enough for the first views to be filled, and for builders to be published on a new home. */
const afterMs = 5_000;

/** Collects once, a few dozen milliseconds of work, after a start: of the control plane, and of each agent. */
export function tidyMemoryOnce(): void {
  setTimeout(() => {
    v8.setFlagsFromString('--expose-gc');
    (vm.runInNewContext('gc') as () => void)();
  }, afterMs).unref();
}
