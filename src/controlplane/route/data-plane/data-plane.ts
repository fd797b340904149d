/**
 * The border between what a router is told and what carries it out. `table-plan.ts` makes `RouterRoute` documents (protocol/router.ts) of routes, services and endpoints; a data plane
 * serves them. Here stands what all of them share; each has a folder of its own: `../router` is ours, `../haproxy` configures HAProxy. All of them answer the same table of requests: test/support/routing/cases.
 */
import type { ChildProcess, StdioOptions } from 'node:child_process';
import type { Clock } from '../../../base/clock.ts';
import type { Disposable } from '../../../base/disposable.ts';
import type { Log } from '../../../base/log.ts';
import type { RouterMetrics, RouterRoute, RouterRouteMetrics } from '../../../protocol/router.ts';

export interface InsideProcess {
  readonly child: ChildProcess;
  /** Ends the program itself: where namespaces are entered, `child` is a process in between. */
  kill(): void;
}

/** Starts a program where pods can be reached: inside the machine holder, or simply here. Descriptors beyond the third are sockets that it inherits. */
export type SpawnInside = (argv: readonly string[], options: { stdio: StdioOptions; env: NodeJS.ProcessEnv }) => InsideProcess;

export interface DataPlaneOptions {
  spawnInside: SpawnInside;
  env?: NodeJS.ProcessEnv;
  /** PEM; for hosts whose routes bring no certificate. */
  defaultCertificate: { certificate: string; key: string };
  /** Default 127.0.0.1. */
  host?: string | undefined;
  /** Asked for by the user: exactly these, or starting fails. Otherwise 8080 and 8443 or the next free ones. */
  http?: number | undefined;
  https?: number | undefined;
  /** Where `logAccess` writes. */
  accessLog?: string | undefined;
  clock: Clock;
  log: Log;
}

export interface RouterPorts {
  http: number;
  https: number;
}

export interface DataPlane extends Disposable {
  /** Resolves when it serves; rejects with a text for the user when a port is taken or its program cannot run. */
  start(): Promise<RouterPorts>;
  /** Once started. They stay the same when its program is replaced. */
  readonly ports: RouterPorts | undefined;
  /** Pid of its program at this moment. */
  readonly pid: number | undefined;
  /**
   * The whole table, by key; what changed is worked out inside. Resolves when every new request is served by it, or by a later one. Requests under way, tunnels and
   * client connections outlive it; a request that waits for an endpoint that is gone goes to another.
   */
  apply(table: ReadonlyMap<string, RouterRoute>): Promise<void>;
  /** Told when a route is answered by an endpoint for the first time since the router was started. One listener. */
  onFirstAnswer(listener: (key: string, status: number) => void): void;
  /** One JSON line (`AccessEntry` in access-log.ts) for each request, in `accessLog`. Off until told. */
  logAccess(on: boolean): void;
  /** Undefined while no program answers. */
  metrics(): Promise<RouterMetrics | undefined>;
  routeMetrics(): Promise<RouterRouteMetrics[] | undefined>;
}
