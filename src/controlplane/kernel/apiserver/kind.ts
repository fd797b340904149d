/** What a stage registers for each Kind it owns: data and pure rules. The pipeline does the rest. */
import type { Duplex, Readable } from 'node:stream';
import type { KubeList, KubeObject, WatchEvent } from '../../../api/meta.ts';
import type { Resource } from '../../../api/resource.ts';
import type { FieldError, Status } from '../../../api/status.ts';

export interface UserInfo {
  username: string;
  uid?: string;
  groups: readonly string[];
  extra?: Record<string, string[]>;
}

/** One request on its way through the pipeline. */
export interface RequestContext {
  readonly user: UserInfo;
  /** `get`, `create`, … or `connect` for streams. */
  readonly verb: string;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly subresource: string | undefined;
  readonly query: URLSearchParams;
  readonly dryRun: boolean;
  readonly now: Date;
  /** Texts for `Warning: 299` headers. */
  warn(text: string): void;
  /** Aborts when the client goes away. */
  readonly signal: AbortSignal;
}

/** A printer column (meta/v1 TableColumnDefinition). */
export interface Column<T extends KubeObject = KubeObject> {
  name: string;
  type: 'string' | 'integer' | 'number' | 'boolean' | 'date';
  format?: string;
  description?: string;
  /** 0: always shown; 1: with `-o wide`. */
  priority?: number;
  /** A cell. Ages are given as `string` already made with `ageOf`. */
  cell(object: T, now: Date): string | number | boolean | null;
}

/** Replica paths for `autoscaling/v1` Scale. */
export interface ScaleRules<T extends KubeObject = KubeObject> {
  replicas(object: T): number;
  setReplicas(object: T, replicas: number): void;
  statusReplicas(object: T): number;
  /** As in a query: `app=web,tier=front`. */
  selector(object: T): string;
}

/** Something under an object that is not plain storage: `pods/binding`, `builds/log`, `buildconfigs/instantiate`. */
export type Subresource<T extends KubeObject = KubeObject> =
  | { type: 'action'; /** Default POST. */ methods?: readonly string[]; /** Kind of the body and answer, for discovery. */ kind: string; apiVersion?: string; run(context: RequestContext, body: KubeObject | undefined, method: string): Promise<KubeObject> }
  /** The raw body, not decoded (binary builds). */
  | { type: 'upload'; kind: string; apiVersion?: string; run(context: RequestContext, body: Readable): Promise<KubeObject> }
  /**
   * Reached by POST without credentials (webhooks): nobody is asked who they are, no rule is looked up, `run` alone decides by what the request brings. The rest of the
   * path is a secret: it is in no log and no error. A `Status` that is no failure is answered with 200, too.
   */
  | { type: 'open'; kind: string; run(context: RequestContext, request: OpenRequest): Promise<KubeObject | Status> }
  /** Text that may follow (`pods/log`); ends when the readable ends. */
  | { type: 'text'; kind: string; run(context: RequestContext): Promise<Readable> }
  /** exec, attach, portforward: the pipeline speaks WebSocket and SPDY and hands over channels. */
  | { type: 'stream'; kind: string; protocol: 'remotecommand'; run(context: RequestContext, session: RemoteCommand): Promise<void> }
  | { type: 'stream'; kind: string; protocol: 'portforward'; run(context: RequestContext, port: number): Promise<Duplex> }
  | ({ type: 'fields' } & FieldsSubresource<T>);

export interface OpenRequest {
  /** What follows the subresource's name, part by part. */
  readonly path: readonly string[];
  header(name: string): string | undefined;
  /** Rejects with 413 beyond the bound. */
  body(): Promise<Buffer>;
}

/** A part of the object updated on its own, like `status`; everything else is taken from the stored object. */
export interface FieldsSubresource<T extends KubeObject> {
  kind: string;
  /** What is wanted, not what is: admission looks at it, and it counts as another generation. */
  ofSpec?: true;
  copy(from: T, to: T): void;
  validate?(object: T, old: T, context: RequestContext): FieldError[];
}

/** A remote command as the client asked for it. The handler writes `exit` once, then the pipeline closes the connection. */
export interface RemoteCommand {
  readonly stdin: Readable | undefined;
  readonly stdout: NodeJS.WritableStream | undefined;
  readonly stderr: NodeJS.WritableStream | undefined;
  readonly tty: boolean;
  onResize(listener: (size: { width: number; height: number }) => void): void;
  /** Exit code of the command, or a failure to start it. */
  exit(result: { code: number } | { error: string }): void;
}

/** A kind that lives in the store. */
export interface StoredKind<T extends KubeObject = KubeObject> {
  type: 'stored';
  resource: Resource<T>;
  /** Fills what is absent; `object` is a private copy. */
  defaults?(object: T): void;
  /** After defaults, before validation: clears what clients may not set, allocates. Runs again when a write is retried. */
  prepareCreate?(object: T, context: RequestContext): void | Promise<void>;
  prepareUpdate?(object: T, old: T, context: RequestContext): void | Promise<void>;
  /** Rules beyond the schema. `old` is present on update. */
  validate?(object: T, old: T | undefined, context: RequestContext): FieldError[];
  /** Makes deletion graceful: seconds between deletionTimestamp and removal by whoever runs the object; 0 or undefined removes at once. */
  gracePeriod?(object: T, asked: number | undefined): number | undefined;
  /**
   * Called on a private copy when deletion is asked for, before anything is decided: throws to refuse, or notes that the end began
   * (a namespace's phase becomes Terminating), which is kept if the object stays for finalizers or a grace period.
   */
  prepareDelete?(object: T, context: RequestContext): void;
  /** Finalizers beyond `metadata.finalizers` (a namespace's `spec.finalizers`): the object stays until both lists are empty. */
  finalizers?(object: T): readonly string[];
  /** Called after the object left the store, e.g. to free addresses. */
  afterDelete?(object: T): void;
  /** True if `status` is a subresource: main writes keep the old status, status writes keep everything else. Default true if the schema has a status. */
  statusSubresource?: boolean;
  /** Fields whose change bumps `metadata.generation`; default: `spec`. `false`: never. */
  generation?: false;
  columns?: readonly Column<T>[];
  /** Beyond `metadata.name` and `metadata.namespace`. */
  selectableFields?: Record<string, (object: T) => string>;
  scale?: ScaleRules<T>;
  subresources?: Record<string, Subresource<T>>;
  /** A list of names generated names are tried against; names are DNS-1123 subdomains unless this says otherwise. */
  nameRule?: 'dns1123Subdomain' | 'dns1123Label' | 'dns1035Label' | 'path';
}

/** A kind computed from others (Project, ImageStreamTag). Verbs that are absent answer 405. */
export interface VirtualKind<T extends KubeObject = KubeObject> {
  type: 'virtual';
  resource: Resource<T>;
  columns?: readonly Column<T>[];
  selectableFields?: Record<string, (object: T) => string>;
  subresources?: Record<string, Subresource<T>>;
  get?(context: RequestContext, name: string): Promise<T>;
  list?(context: RequestContext): Promise<KubeList<T>>;
  /** Events after `resourceVersion`; the pipeline filters by selectors. */
  watch?(context: RequestContext, resourceVersion: string | undefined, emit: (event: WatchEvent<T>) => void): { dispose(): void };
  create?(context: RequestContext, object: T): Promise<KubeObject>;
  update?(context: RequestContext, object: T): Promise<KubeObject>;
  delete?(context: RequestContext, name: string, options: { gracePeriodSeconds?: number; propagationPolicy?: string }): Promise<KubeObject>;
}

export type Kind<T extends KubeObject = KubeObject> = StoredKind<T> | VirtualKind<T>;

/** Keeps the object type through a heterogeneous list. */
export function kind<T extends KubeObject>(rules: Kind<T>): Kind {
  return rules as unknown as Kind;
}
