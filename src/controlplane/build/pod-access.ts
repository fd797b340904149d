/** What builds need of the pod stage; connected where the control plane is put together. */
import { Duplex, PassThrough, type Readable } from 'node:stream';
import { serviceUnavailable } from '../../api/status.ts';
import type { Clock } from '../../base/clock.ts';
import type { RequestContext, Subresource } from '../kernel/apiserver/kind.ts';

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

/** Through the subresources that the Pod kind serves, in process. `subresources` is asked when needed. */
export function podAccess(subresources: () => Record<string, Subresource> | undefined, clock: Clock): PodAccess {
  const contextOf = (verb: string, subresource: string, namespace: string, name: string, query: URLSearchParams, signal: AbortSignal): RequestContext => ({
    user: { username: 'system:serviceaccount:kube-system:build-controller', groups: ['system:masters'] },
    verb, namespace, name, subresource, query, dryRun: false, now: clock.now(), warn: () => undefined, signal,
  });
  return {
    async log(namespace, pod, container, query, signal) {
      const log = subresources()?.['log'];
      if (log?.type !== 'text') throw serviceUnavailable('pods have no log yet');
      const asked = new URLSearchParams(query);
      asked.set('container', container);
      return log.run(contextOf('get', 'log', namespace, pod, asked, signal));
    },
    async attach(namespace, pod, container, signal) {
      const attach = subresources()?.['attach'];
      if (attach?.type !== 'stream' || attach.protocol !== 'remotecommand') throw serviceUnavailable('pods cannot be attached to yet');
      const stdin = new PassThrough();
      const stdout = new PassThrough();
      const both = Duplex.from({ writable: stdin, readable: stdout });
      const context = contextOf('create', 'attach', namespace, pod, new URLSearchParams({ container, stdin: 'true', stdout: 'true' }), signal);
      // Whoever serves the session listens to its input once the container is reached.
      const reached = new Promise<void>((resolve) => stdin.on('newListener', (event) => event === 'data' && resolve()));
      const served = attach.run(context, {
        stdin, stdout, stderr: undefined, tty: false,
        onResize: () => undefined,
        exit(result) {
          if ('error' in result) both.destroy(new Error(result.error));
          else stdout.end();
        },
      });
      served.then(() => stdout.end(), (error: Error) => both.destroy(error));
      await Promise.race([reached, served]);
      return both;
    },
  };
}
