/** Sends the inputs of binary builds into their pods, each once. */
import type { Duplex } from 'node:stream';
import { splitKey } from '../../api/meta.ts';
import { delay, type Clock } from '../../base/clock.ts';
import type { Disposable } from '../../base/disposable.ts';
import type { Log } from '../../base/log.ts';
import type { BinaryInputs } from './binary-input.ts';
import type { PodAccess } from './pod-access.ts';

/** The container may be up a moment before it can be attached to. */
const attempts = 5;

export class InputSender implements Disposable {
  readonly #access: PodAccess;
  readonly #inputs: BinaryInputs;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #changed: (key: string) => void;
  readonly #sendings = new Map<string, AbortController>();

  constructor(access: PodAccess, inputs: BinaryInputs, clock: Clock, log: Log, changed: (key: string) => void) {
    this.#access = access;
    this.#inputs = inputs;
    this.#clock = clock;
    this.#log = log;
    this.#changed = changed;
  }

  /**
   * Starts sending unless it did already. An input that is not there although the pod waits for it (the control plane lost it, or there never was one)
   * is answered by ending the pod's standard input: the builder then fails with its reason instead of waiting for ever.
   */
  serve(key: string, pod: string, container: string, input: string | undefined): void {
    if (this.#sendings.has(key)) return;
    const stop = new AbortController();
    this.#sendings.set(key, stop);
    this.#send(key, pod, container, input, stop.signal).catch((error: unknown) => {
      if (stop.signal.aborted) return;
      this.#log.warn('the source could not be sent into its build', { build: key, error });
      this.#sendings.delete(key);
      this.#changed(key);
    });
  }

  forget(key: string): void {
    this.#sendings.get(key)?.abort();
    this.#sendings.delete(key);
  }

  dispose(): void {
    for (const key of [...this.#sendings.keys()]) this.forget(key);
  }

  async #send(key: string, pod: string, container: string, input: string | undefined, signal: AbortSignal): Promise<void> {
    const { namespace = '' } = splitKey(key);
    const stream = await this.#attach(namespace, pod, container, signal);
    stream.on('error', () => undefined).resume();
    if (input === undefined || !(await this.#inputs.has(input))) {
      stream.end();
      return;
    }
    try {
      await this.#inputs.send(input, stream, signal);
    } catch (error) {
      // A builder that ends early closes its input: its own outcome tells why.
      if (!['EPIPE', 'ERR_STREAM_PREMATURE_CLOSE', 'ECONNRESET'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    }
    await this.#inputs.drop(input);
  }

  async #attach(namespace: string, pod: string, container: string, signal: AbortSignal): Promise<Duplex> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#access.attach(namespace, pod, container, signal);
      } catch (error) {
        if (attempt >= attempts || signal.aborted) throw error;
        await delay(this.#clock, 50 * 2 ** attempt, signal);
      }
    }
  }
}
