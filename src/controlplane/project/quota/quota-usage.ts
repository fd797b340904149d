/** What a project uses of its quotas: counted in the store, and what has been let in and is not stored yet. */
import type { ResourceQuota } from '../../../api/kinds/quota.ts';
import type { KubeObject } from '../../../api/meta.ts';
import type { Clock } from '../../../base/clock.ts';
import { collectionPrefix } from '../../kernel/apiserver/kind-table.ts';
import type { Reader } from '../../kernel/store/store.ts';
import { add, countedBy, usageOf, type Counted, type Usage } from './quota-plan.ts';

interface Reservation {
  counted: Counted;
  object: KubeObject;
  at: number;
}

/** Between being let in and being stored lie the kind's own rules: longer means that one of them refused. */
const reservedMs = 2_000;

export class QuotaUsage {
  readonly #store: Reader;
  readonly #clock: Clock;
  /** By store key. */
  readonly #reserved = new Map<string, Reservation>();

  constructor(store: Reader, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** `except`: the object whose own usage is asked about. */
  of(quota: ResourceQuota, except?: string): Usage {
    const { namespace = '' } = quota.metadata;
    const used: Usage = new Map();
    for (const counted of kindsOf(quota)) {
      const prefix = prefixOf(counted, namespace);
      for (const { key, object } of this.#store.list(prefix).entries) if (key !== except) add(used, usageOf(counted, object, quota));
    }
    const since = this.#clock.now().getTime() - reservedMs;
    for (const [key, { counted, object, at }] of this.#reserved) {
      if (at < since || this.#store.get(key)) this.#reserved.delete(key);
      else if (key !== except && object.metadata.namespace === namespace) add(used, usageOf(counted, object, quota));
    }
    return used;
  }

  reserve(counted: Counted, object: KubeObject): void {
    this.#reserved.set(keyOf(counted, object), { counted, object, at: this.#clock.now().getTime() });
  }
}

export function keyOf(counted: Counted, { metadata }: KubeObject): string {
  return `${prefixOf(counted, metadata.namespace ?? '')}${metadata.name}`;
}

/** Each once. */
export function kindsOf({ spec }: ResourceQuota): Counted[] {
  const kinds = new Map<string, Counted>();
  for (const name of Object.keys(spec?.hard ?? {})) {
    const counted = countedBy(name);
    if (counted) kinds.set(`${counted.plural}.${counted.group}`, counted);
  }
  return [...kinds.values()];
}

const prefixOf = (counted: Counted, namespace: string) => `${collectionPrefix(counted)}${namespace}/`;
