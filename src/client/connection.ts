/** Everything that can be done with one cluster, from one context of a kubeconfig. */
import { readFile } from 'node:fs/promises';
import type { Duplex } from 'node:stream';
import { systemClock, type Clock } from '../base/clock.ts';
import type { Disposable } from '../base/disposable.ts';
import type { Client } from './client.ts';
import type { ExecOptions, ExecSession } from './exec.ts';
import type { KubeconfigContext } from './kubeconfig.ts';
import type { LogLine, LogOptions, LogTarget } from './log-stream.ts';
import type { PortAt, PortForward } from './port-forward.ts';
import type { Transport } from './transport.ts';

export interface Connection extends Disposable {
  /** Name of the context. */
  readonly name: string;
  /** Address of the API. */
  readonly server: string;
  readonly client: Client;
  exec(options: ExecOptions): Promise<ExecSession>;
  attach(options: Omit<ExecOptions, 'command'>): Promise<ExecSession>;
  logs(target: LogTarget, options?: LogOptions): AsyncIterable<LogLine>;
  /** Listens on `127.0.0.1:localPort` (any port if 0 or absent) and carries connections to the pod until disposed. */
  portForward(at: PortAt & { localPort?: number }, onFailure?: (error: Error) => void): Promise<PortForward>;
  /** One connection to a port of a pod. */
  dial(at: PortAt): Promise<Duplex>;
}

export interface ConnectOptions {
  clock?: Clock;
  userAgent?: string;
  /** A unix socket that leads to the server, with TLS as on its port. */
  socketPath?: string;
}

/** Nothing is sent yet: whether the server answers shows with the first call. Rejects if the context cannot be used at all. */
export async function connect(context: KubeconfigContext, options: ConnectOptions = {}): Promise<Connection> {
  if (context.problem) throw new Error(context.problem);
  const { clock = systemClock } = options;
  const over = await transportTo(context, options, clock);
  const { clientOver } = await import('./http-client.ts');
  const client = clientOver(over);
  const forwards = new Set<PortForward>();
  return {
    name: context.name,
    server: context.cluster.server,
    client,
    exec: async (asked) => (await import('./exec.ts')).exec(over, asked),
    attach: async (asked) => (await import('./exec.ts')).attach(over, asked),
    async *logs(target, asked = {}) {
      const { logLines } = await import('./log-stream.ts');
      yield* logLines(over, target, asked, clock);
    },
    async portForward(at, onFailure) {
      const { portForward } = await import('./port-forward.ts');
      const forward = await portForward(over, at, onFailure);
      forwards.add(forward);
      return {
        localPort: forward.localPort,
        dispose: () => {
          forwards.delete(forward);
          return forward.dispose();
        },
      };
    },
    dial: async (at) => (await import('./port-forward.ts')).dial(over, at),
    async dispose() {
      await Promise.all([...forwards].map((forward) => forward.dispose()));
      await over.dispose();
    },
  };
}

async function transportTo({ cluster, user }: KubeconfigContext, options: ConnectOptions, clock: Clock): Promise<Transport> {
  const [{ transport }, { credentialsOf }, { proxyFor, throughProxy }] = await Promise.all([import('./transport.ts'), import('./credentials.ts'), import('./proxy.ts')]);
  const ca = cluster.ca ?? (cluster.caFile && (await readFile(cluster.caFile, 'utf8')));
  const proxy = options.socketPath ? undefined : proxyFor(new URL(cluster.server), cluster.proxyUrl);
  const { user: asUser, groups = [], uid } = user.impersonate ?? {};
  return transport({
    server: cluster.server,
    ca: ca || undefined,
    insecureSkipVerify: cluster.insecureSkipVerify,
    serverName: cluster.serverName,
    credentials: credentialsOf(user, { ...cluster, ...(ca && { ca }) }, clock),
    socketPath: options.socketPath,
    userAgent: options.userAgent,
    ...(proxy && { agents: throughProxy(proxy) }),
    headers: { ...(asUser && { 'Impersonate-User': asUser }), ...(groups.length > 0 && { 'Impersonate-Group': groups }), ...(uid && { 'Impersonate-Uid': uid }) },
  });
}
