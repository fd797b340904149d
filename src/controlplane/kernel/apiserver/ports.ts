/** What the API server needs from others: who a token stands for, who may do what, the protobuf decoder, and the streaming protocols. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { KubeObject } from '../../../api/meta.ts';
import type { Resource } from '../../../api/resource.ts';
import type { RemoteCommand, RequestContext, UserInfo } from './kind.ts';

/** Says who presents a bearer token; `undefined` for a token that is unknown, expired or not meant for this server. */
export interface TokenReviewer {
  review(token: string): Promise<UserInfo | undefined>;
}

/** What a request wants, in the words of RBAC rules. */
export interface RequestAttributes {
  /** `get`, `list`, `watch`, `create`, `update`, `patch`, `delete`, `deletecollection`; the HTTP method in lower case for other paths. */
  verb: string;
  /** Empty for the core group. */
  group: string;
  version: string;
  /** Plural; empty for paths that are no resource. */
  resource: string;
  subresource?: string | undefined;
  namespace?: string | undefined;
  name?: string | undefined;
  /** Set instead of `resource` for `/version`, `/metrics`, …. */
  path?: string | undefined;
}

export interface Decision {
  allowed: boolean;
  /** Appended to the text of a refusal. */
  reason?: string | undefined;
}

/** `system:masters` never gets here. Answers at once where it can: it runs on every request. */
export type Authorizer = (user: UserInfo, attributes: RequestAttributes) => Decision | Promise<Decision>;

/** A rule over objects of any kind (quotas, limit ranges, defaults of service accounts), run between defaulting and validation. */
export interface Admission {
  /** May change `object`, a private copy, or throw to refuse. `old` is present on updates; on `delete`, `object` is what is about to go. */
  admit(request: AdmissionRequest): void | Promise<void>;
}

export interface AdmissionRequest {
  readonly operation: 'create' | 'update' | 'delete';
  readonly resource: Resource;
  readonly object: KubeObject;
  readonly old: KubeObject | undefined;
  readonly context: RequestContext;
}

/** Which channels the client asked for (query parameters of exec and attach). */
export interface RemoteCommandOptions {
  tty: boolean;
  stdin: boolean;
  stdout: boolean;
  stderr: boolean;
}

/**
 * Answers an upgrade (GET or POST; WebSocket channel protocols v5 to v1, or raw SPDY/3.1) and calls `run` once with the channels.
 * Authentication and authorization are already done. A request whose protocols are not spoken is answered 400 on the socket.
 * Resolves when the connection has ended; never rejects for what a client does. A rejection of `run` becomes the error channel's Status.
 * Implemented as `serveRemoteCommand` in streaming/remote-command.ts.
 */
export type ServeRemoteCommand = (
  request: IncomingMessage, socket: Duplex, head: Buffer, options: RemoteCommandOptions, run: (session: RemoteCommand) => Promise<void>,
) => Promise<void>;

/**
 * Answers an upgrade (raw SPDY/3.1, `SPDY/3.1+portforward.k8s.io` over WebSocket, or WebSocket channels for `ports`) and calls `open` once a connection.
 * `ports` are those of the query, needed by WebSocket channels alone. Same rules of answering and resolving as `ServeRemoteCommand`.
 * Implemented as `servePortForward` in streaming/port-forward.ts.
 */
export type ServePortForward = (
  request: IncomingMessage, socket: Duplex, head: Buffer, ports: readonly number[], open: (port: number) => Promise<Duplex>,
) => Promise<void>;
