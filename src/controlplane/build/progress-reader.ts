/** Reads the logs of running build pods for the lines that tell how far they are. One stream a build; a log that cannot be read costs nothing but liveness. */
import type { Disposable } from '../../base/disposable.ts';
import type { Log } from '../../base/log.ts';
import { splitKey } from '../../api/meta.ts';
import { parseProgress, type StepProgress } from '../../protocol/build-progress.ts';
import type { PodAccess } from './pod-access.ts';

interface Reading {
  stop: AbortController;
  told: StepProgress[];
}

/** Lines beyond this length carry no progress and are dropped. */
const longestLine = 4096;

export class ProgressReader implements Disposable {
  readonly #access: PodAccess;
  readonly #log: Log;
  readonly #changed: (key: string) => void;
  readonly #readings = new Map<string, Reading>();

  constructor(access: PodAccess, log: Log, changed: (key: string) => void) {
    this.#access = access;
    this.#log = log;
    this.#changed = changed;
  }

  /** Starts reading unless it does already. */
  follow(key: string, pod: string, container: string): void {
    if (this.#readings.has(key)) return;
    const reading: Reading = { stop: new AbortController(), told: [] };
    this.#readings.set(key, reading);
    this.#read(key, pod, container, reading).catch((error: unknown) => {
      if (!reading.stop.signal.aborted) this.#log.debug('progress of a build cannot be read', { build: key, error });
    });
  }

  told(key: string): readonly StepProgress[] {
    return this.#readings.get(key)?.told ?? [];
  }

  forget(key: string): void {
    this.#readings.get(key)?.stop.abort();
    this.#readings.delete(key);
  }

  dispose(): void {
    for (const key of [...this.#readings.keys()]) this.forget(key);
  }

  async #read(key: string, pod: string, container: string, { stop, told }: Reading): Promise<void> {
    const { namespace = '' } = splitKey(key);
    const log = await this.#access.log(namespace, pod, container, new URLSearchParams({ follow: 'true' }), stop.signal);
    let rest = '';
    for await (const chunk of log as AsyncIterable<Buffer | string>) {
      const lines = (rest + chunk.toString()).split('\n');
      rest = (lines.pop() ?? '').slice(0, longestLine);
      const steps = lines.map(parseProgress).filter((step) => step !== undefined);
      told.push(...steps);
      if (steps.length > 0) this.#changed(key);
    }
  }
}
