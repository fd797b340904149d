/**
 * One table of routes, requests and answers for every router data plane. A case is a route as a user writes it, what stands behind it, and what a client then sees; it goes through
 * `routerRoute` (src/controlplane/route/table-plan.ts) to the data plane under test. How to run it with another one: see test/unit/controlplane/route/router/cases.test.ts.
 */
import type { RouteSpec } from '../../../src/api/kinds/route.ts';
import type { DataPlane } from '../../../src/controlplane/route/data-plane/data-plane.ts';
import type { Pair } from '../certificates.ts';
import type { Bed } from './bed.ts';

/** A data plane that serves on loopback, with `defaultCertificate` of test/support/router.ts. */
export type RouterUnderTest = Pick<DataPlane, 'ports' | 'apply' | 'metrics' | 'routeMetrics' | 'dispose'>;

/** Kinds of applications; each tells what it was asked (see `echo.ts`). */
export interface ApplicationDocument {
  /** Endpoints of the service; default 1. */
  endpoints?: number;
  /** `https`, `h2` and `grpcs` show a certificate for `<name>.demo.svc`; `h2c` is told by the port's `appProtocol`, `grpc` by its name. Default `http`. */
  speaks?: 'http' | 'h2c' | 'https' | 'h2' | 'grpc' | 'grpcs';
  /** Names in its certificate instead. */
  certifiedFor?: string;
  /** Idled: without endpoints, and its own address is that of an application that answers. */
  idled?: true;
}

export interface RouteDocument {
  name: string;
  /** Annotations; those without a slash have the router's prefix `haproxy.router.openshift.io/`. */
  annotations?: Record<string, string>;
  /** `host` defaults to `<name>.test`, `to` to the service `web`. */
  spec?: Partial<RouteSpec>;
}

export interface Request {
  /** The host is the route's; the port comes from the router. */
  url: string;
  method?: string;
  headers?: Record<string, string>;
  body?: string;
  /** Over TLS by ALPN; default HTTP/1.1. */
  http2?: true;
}

/** What is told is checked, the rest is free. */
export interface Answer {
  status?: number;
  /** The connection or stream ends without an answer. */
  closed?: true;
  /** Service that answered. */
  app?: string;
  /** As the application saw it. */
  path?: string;
  method?: string;
  /** HTTP version the application was spoken to in. */
  version?: '1.1' | '2.0';
  /** Fields of the request as the application saw them, names in lower case; undefined: absent. Several of one name are joined by `, `. */
  saw?: Record<string, string | RegExp | undefined>;
  /** Fields of the response. */
  headers?: Record<string, string | RegExp | undefined>;
  text?: string | RegExp;
  /** Common name of the certificate that the client was shown. */
  certificate?: string;
}

export interface Step {
  ask: Request;
  answer: Answer;
}

export interface RouteCase {
  name: string;
  /** By service name; default one application `web`. */
  apps?: Record<string, ApplicationDocument>;
  routes: RouteDocument[] | ((material: Material) => RouteDocument[]);
  /** Asked in turn. */
  steps?: Step[];
  /** Asked `requests` times: how often which service answered. */
  spread?: { ask: Request; requests: number; answers: Record<string, number> };
  /** What a table cannot tell. */
  run?(bed: Bed): Promise<void>;
}

/** Certificates that routes name. */
export interface Material {
  /** Signs the certificates of applications. */
  authority: string;
  /** Signs nothing that is used. */
  stranger: string;
  /** For the hosts `own.test` and `*.own.test`; common name `own`. */
  own: Pair;
}

