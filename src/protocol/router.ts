/**
 * Control plane ↔ router worker: one JSON document a line. Commands go to the worker's standard input, reports come from its standard output,
 * its standard error is a log for people. The end of standard input is a `stop` without grace: a worker never outlives its control plane.
 */

/** A listening socket handed in by number, or (tests, systems without hand-over) an address the worker binds itself. */
export type RouterListener = { fd: number } | { host: string; port: number };

/** Descriptors under which the supervisor hands over the plain and the TLS listener. */
export const routerDescriptors = { http: 3, https: 4 } as const;

export interface RouterLimits {
  /** Open client connections over both listeners; one more is closed at once. */
  connections: number;
  /** Connections kept to one endpoint; requests beyond wait for a free one. */
  connectionsPerEndpoint: number;
  /** Requests under way or waiting at one endpoint; one more is offered to another endpoint, then answered 503. */
  requestsPerEndpoint: number;
}
export const defaultRouterLimits: RouterLimits = { connections: 20_000, connectionsPerEndpoint: 256, requestsPerEndpoint: 4_096 };

export interface RouterTls {
  termination: 'edge' | 'reencrypt' | 'passthrough';
  /** PEM, chain included; the default certificate serves where absent. */
  certificate?: string;
  key?: string;
  /** Re-encrypt: PEM of the authority that signed the endpoints' certificates. */
  destinationCa?: string;
}

export interface RouterBackend {
  /** `<namespace>/<service>`. */
  service: string;
  /** 0 to 256. */
  weight: number;
  /** `ip:port` of ready endpoints. */
  endpoints: string[];
}

export interface RouterRoute {
  /** `<namespace>/<route>`. */
  key: string;
  /** Lower case. With `wildcard` the part after the first label. */
  host: string;
  wildcard: boolean;
  /** Empty: every path. */
  path: string;
  /** What the plain listener does with it. */
  insecure: 'serve' | 'redirect' | 'refuse';
  tls?: RouterTls;
  backends: RouterBackend[];
  balance: 'roundrobin' | 'random' | 'leastconn' | 'source';
  /** Wait for the response's head, and between two pieces of its body. */
  timeoutMs: number;
  /** An upgraded or passed-through connection may be silent this long. */
  tunnelTimeoutMs: number;
  forwardedHeaders: 'append' | 'replace' | 'if-none' | 'never';
  /** Replaces the matched `path`. */
  rewriteTarget?: string;
  /** Value of Strict-Transport-Security on TLS responses. */
  hsts?: string;
}

export interface RouterMetrics {
  connections: number;
  requests: number;
  inFlight: number;
  /** Responses by class: index 2 counts 2xx. */
  responses: number[];
  retries: number;
  connectFailures: number;
  tunnels: number;
  routes: number;
  endpoints: number;
}

export type RouterCommand =
  | { type: 'configure'; http: RouterListener; https: RouterListener; defaultCertificate: { certificate: string; key: string }; limits?: Partial<RouterLimits> }
  /** Changes since the last table; `replace` drops whatever is not in `set`. */
  | { type: 'table'; version: number; replace: boolean; set: RouterRoute[]; remove: string[] }
  | { type: 'probe'; id: number }
  /** No new connections; open ones have `graceMs` to end. */
  | { type: 'stop'; graceMs: number };

export type RouterReport =
  /** Both listeners serve; the ports they are bound to. */
  | { type: 'ready'; http: number; https: number }
  | { type: 'failed'; listener: 'http' | 'https'; code: string; message: string }
  | { type: 'applied'; version: number }
  /** A route whose certificate cannot be used is served with the default one. */
  | { type: 'rejected'; key: string; message: string }
  /** An endpoint of this route answered for the first time since the worker started; `status` is below 500. */
  | { type: 'answered'; key: string; status: number }
  | { type: 'health'; id: number; metrics: RouterMetrics };

/** Environment variable of the router: a node's `EngineChoice.dialSocket` (protocol/agent.ts), where pods are reached through it. */
export const podDialVariable = 'SLIPWAY_POD_DIAL';
