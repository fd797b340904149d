/** The kinds that are served, with everything that does not change from request to request worked out once. */
import type { KubeObject } from '../../../api/meta.ts';
import { allVerbs, apiVersionOf, type Resource, type Verb } from '../../../api/resource.ts';
import { typeOfKind, type ObjectType } from '../../../api/schema/notation.ts';
import type { FieldsSubresource, Kind, StoredKind, Subresource, VirtualKind } from './kind.ts';

export interface Served {
  readonly kind: Kind;
  readonly resource: Resource;
  readonly apiVersion: string;
  readonly listKind: string;
  /** Undefined for kinds whose content is not known: everything is kept, strategic merge is refused. */
  readonly type: ObjectType | undefined;
  /** Store keys of the collection start so: `core/pods/`. */
  readonly prefix: string;
  readonly verbs: ReadonlySet<Verb>;
  /** `status` is written on its own. */
  readonly ownStatus: boolean;
  /** Changes of `spec` bump `metadata.generation`. */
  readonly counted: boolean;
  /** Everything below an object, `status` and `scale` included. */
  readonly subresources: ReadonlyMap<string, Subresource | { type: 'scale' }>;
}

export type ServedStored = Served & { readonly kind: StoredKind };

export function isStored(served: Served): served is ServedStored {
  return served.kind.type === 'stored';
}

export class KindTable {
  readonly all: readonly Served[];
  readonly #byPath = new Map<string, Served>();
  readonly #byKind = new Map<string, Served>();

  /** Throws if two kinds claim one path. */
  constructor(kinds: readonly Kind[]) {
    this.all = kinds.map(serve);
    for (const served of this.all) {
      const path = `${served.apiVersion}/${served.resource.plural}`;
      if (this.#byPath.has(path)) throw new Error(`${path} is registered twice`);
      this.#byPath.set(path, served);
      this.#byKind.set(`${served.apiVersion}/${served.resource.kind}`, served);
    }
  }

  /** `apiVersion` is `v1` or `apps/v1`. */
  find(apiVersion: string, plural: string): Served | undefined {
    return this.#byPath.get(`${apiVersion}/${plural}`);
  }

  of(resource: Resource): Served | undefined {
    return this.find(apiVersionOf(resource), resource.plural);
  }

  ofKind(apiVersion: string, kind: string): Served | undefined {
    return this.#byKind.get(`${apiVersion}/${kind}`);
  }
}

function serve(kind: Kind): Served {
  const { resource } = kind;
  const apiVersion = apiVersionOf(resource);
  const type = typeOfKind(apiVersion, resource.kind);
  const stored = kind.type === 'stored' ? kind : undefined;
  const ownStatus = stored !== undefined && (stored.statusSubresource ?? type?.fields.has('status') ?? false);
  const subresources = new Map<string, Subresource | { type: 'scale' }>(Object.entries(kind.subresources ?? {}));
  if (ownStatus && !subresources.has('status')) subresources.set('status', { type: 'fields', ...statusFields(resource.kind) });
  if (stored?.scale && !subresources.has('scale')) subresources.set('scale', { type: 'scale' });
  return {
    kind,
    resource,
    apiVersion,
    listKind: `${resource.kind}List`,
    type,
    prefix: collectionPrefix(resource),
    verbs: new Set(kind.type === 'stored' ? (resource.verbs ?? allVerbs) : virtualVerbs(kind)),
    ownStatus,
    counted: stored !== undefined && stored.generation !== false && (type ? type.fields.has('spec') : true),
    subresources,
  };
}

function virtualVerbs(kind: VirtualKind): Verb[] {
  const able: Verb[] = [];
  for (const verb of ['create', 'delete', 'get', 'list', 'update', 'watch'] as const) if (kind[verb]) able.push(verb);
  if (kind.get && kind.update) able.push('patch');
  return able;
}

function statusFields(kind: string): FieldsSubresource<KubeObject> {
  return {
    kind,
    copy(from, to) {
      const [source, target] = [from as KubeObject & { status?: unknown }, to as KubeObject & { status?: unknown }];
      if (source.status === undefined) delete target.status;
      else target.status = source.status;
    },
  };
}

/** `core/pods/`, `apps/deployments/`: see the store's contract. */
export function collectionPrefix(resource: Pick<Resource, 'group' | 'plural'>): string {
  return `${resource.group || 'core'}/${resource.plural}/`;
}

/** The key of one object, or the prefix of a namespace's objects when `name` is empty. */
export function storeKey(served: Pick<Served, 'prefix'>, namespace: string | undefined, name: string): string {
  return `${served.prefix}${namespace ?? ''}/${name}`;
}
