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
  /** Clients may speak HTTP/2: only with a certificate of the route's own, since browsers reuse connections for every host that one covers. */
  http2?: true;
  /** Re-encrypt: PEM of the authorities that may have signed the endpoints' certificates; the system's where absent. */
  destinationCa?: string;
  /** Re-encrypt: endpoints must show a certificate for `<service>.<namespace>.svc`. Otherwise the authority alone vouches for them. */
  verifyServiceName?: true;
}

export interface RouterEndpoint {
  /** `ip:port`. */
  address: string;
  /** Value of the sticky cookie; hexadecimal, the same for as long as the endpoint is there, in every data plane. */
  id: string;
  /** For statistics. */
  pod?: string;
  /** Address of an idled service: whoever connects wakes it, so nobody looks unasked. */
  wakes?: true;
}

export interface RouterBackend {
  /** `<namespace>/<service>`. */
  service: string;
  /** 0 to 256. With 0 only those come here that hold the cookie of an endpoint; none at all where TLS is passed through. */
  weight: number;
  /** Those that are ready. Of an idled service its own address: whoever connects there wakes it. */
  endpoints: RouterEndpoint[];
  /** Endpoints speak HTTP/2 without TLS. */
  h2c?: true;
}

/** The cookie that leads a client to the same endpoint again. It is kept between router and client, endpoints do not see it. */
export interface RouterCookie {
  name: string;
  secure: boolean;
  sameSite?: 'None' | 'Lax' | 'Strict';
}

/** A field that is set or, without `value`, deleted. Values may hold `%[req.hdr(Name),lower]` and `%%` as HAProxy writes them (openshift/api route/v1 RouteHTTPHeader). */
export interface RouterHeaderAction {
  name: string;
  value?: string;
}

/** For each client address, each route; a connection beyond is closed without an answer. A client that reaches the number is beyond. */
export interface RouterRateLimits {
  concurrentConnections?: number;
  /** In 3 seconds. */
  connections?: number;
  /** In 10 seconds. */
  requests?: number;
}

export interface RouterRoute {
  /** `<namespace>/<route>`. */
  key: string;
  /** Lower case. With `wildcard` the part after the first label. */
  host: string;
  wildcard: boolean;
  /** Empty: every path. Otherwise what the path begins with, up to a segment's border. */
  path: string;
  /** The path is `path` and nothing else. */
  exactPath?: true;
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
  /** Value of Strict-Transport-Security; only on routes that end TLS. */
  hsts?: string;
  cookie?: RouterCookie;
  /** Addresses and networks (`10.0.0.0/8`) that may use the route; others are closed without an answer. */
  allow?: string[];
  rateLimits?: RouterRateLimits;
  /** After all other changes to the head of a request, of a response. */
  requestHeaders?: RouterHeaderAction[];
  responseHeaders?: RouterHeaderAction[];
  /** Requests at one endpoint at a time; more wait, 5 seconds at most, then 503. */
  requestsPerEndpoint?: number;
  /** Between two looks at whether an endpoint takes connections; absent where there is only one. */
  healthCheckMs?: number;
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

/** Counted since the worker started. */
export interface RouterRouteMetrics {
  /** `<namespace>/<route>`. */
  key: string;
  termination?: RouterTls['termination'];
  requests: number;
  inFlight: number;
  /** By class: index 2 counts 2xx. Answers of the router itself are among them. */
  responses: number[];
  /** Of bodies. */
  bytesIn: number;
  bytesOut: number;
  retries: number;
  connectFailures: number;
  endpoints: RouterEndpointMetrics[];
}
export interface RouterEndpointMetrics {
  /** `<namespace>/<service>`. */
  service: string;
  address: string;
  pod?: string;
  /** As the last look or connection found it. */
  up: boolean;
  requests: number;
  inFlight: number;
}

export type RouterCommand =
  | { type: 'configure'; http: RouterListener; https: RouterListener; defaultCertificate: { certificate: string; key: string }; limits?: Partial<RouterLimits> }
  /** Changes since the last table; `replace` drops whatever is not in `set`. */
  | { type: 'table'; version: number; replace: boolean; set: RouterRoute[]; remove: string[] }
  | { type: 'probe'; id: number }
  /** Writes a line for each request to this file from now on; without one, no longer. */
  | { type: 'log'; file?: string }
  /** Asks for the counters of every route. */
  | { type: 'count'; id: number }
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
  | { type: 'health'; id: number; metrics: RouterMetrics }
  | { type: 'counted'; id: number; routes: RouterRouteMetrics[] };

/** Environment variable of the router: a node's `EngineChoice.dialSocket` (protocol/agent.ts), where pods are reached through it. */
export const podDialVariable = 'SLIPWAY_POD_DIAL';
