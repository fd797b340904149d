import type { UserInfo, RequestContext } from './kind.ts';
import type { Served } from './kind-table.ts';

export interface CallOptions {
  user: UserInfo;
  served: Served;
  verb: string;
  namespace?: string | undefined;
  name?: string | undefined;
  subresource?: string | undefined;
  /** What follows the subresource in the path. */
  tail?: readonly string[];
  query?: URLSearchParams;
  dryRun?: boolean;
  now: Date;
  /** Who owns the fields written, for managedFields. */
  manager: string;
  fieldValidation?: FieldValidation;
  signal?: AbortSignal;
  warnings?: string[];
}

export type FieldValidation = 'Strict' | 'Warn' | 'Ignore';

const noQuery = new URLSearchParams();
const none: readonly string[] = [];
const never = new AbortController().signal;

/** One request to one resource, routed and authorized. */
export class Call implements RequestContext {
  readonly served: Served;
  readonly user: UserInfo;
  readonly verb: string;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly subresource: string | undefined;
  readonly tail: readonly string[];
  readonly query: URLSearchParams;
  readonly dryRun: boolean;
  readonly now: Date;
  readonly manager: string;
  readonly fieldValidation: FieldValidation;
  readonly signal: AbortSignal;
  readonly warnings: string[];

  constructor(options: CallOptions) {
    this.served = options.served;
    this.user = options.user;
    this.verb = options.verb;
    this.namespace = options.namespace;
    this.name = options.name;
    this.subresource = options.subresource;
    this.tail = options.tail ?? none;
    this.query = options.query ?? noQuery;
    this.dryRun = options.dryRun ?? false;
    this.now = options.now;
    this.manager = options.manager;
    this.fieldValidation = options.fieldValidation ?? 'Ignore';
    this.signal = options.signal ?? never;
    this.warnings = options.warnings ?? [];
  }

  /** The same request about something else; warnings are shared. */
  with(changes: Partial<Pick<CallOptions, 'namespace' | 'name' | 'dryRun' | 'verb'>>): Call {
    return new Call({ ...this, ...changes });
  }

  warn(text: string): void {
    if (!this.warnings.includes(text)) this.warnings.push(text);
  }

  /** The name of a request that cannot be without one. */
  get object(): string {
    return this.name ?? '';
  }
}
