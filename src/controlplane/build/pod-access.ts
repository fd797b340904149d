/** What builds need of the pod stage; connected where the control plane is put together. */
import type { Duplex, Readable } from 'node:stream';

export interface PodAccess {
  /**
   * The text of `pods/log` with that query (`follow`, `timestamps`, `tailLines`, `sinceTime`, …). Rejects with `StatusError`; ends with the log, or when
   * the signal aborts.
   */
  log(namespace: string, pod: string, container: string, query: URLSearchParams, signal: AbortSignal): Promise<Readable>;
  /**
   * The container's standard streams: what is written goes to its standard input, ending it ends the input; reading gives its output, which may be
   * dropped. Rejects if there is nothing to attach to; is destroyed with an error if the connection breaks.
   */
  attach(namespace: string, pod: string, container: string, signal: AbortSignal): Promise<Duplex>;
}
