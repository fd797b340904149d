/** Who owns whom, over all kinds at once: what the garbage collector decides by. */
import type { KubeObject, OwnerReference } from '../../../api/meta.ts';

export interface GraphNode {
  /** Store key. */
  readonly key: string;
  readonly uid: string;
  readonly namespace: string | undefined;
  readonly owners: readonly OwnerReference[];
  readonly deleting: boolean;
  readonly finalizers: readonly string[];
}

const none: readonly never[] = [];

export class OwnerGraph {
  readonly #byUid = new Map<string, GraphNode>();
  readonly #byKey = new Map<string, GraphNode>();
  /** Owner's uid → keys of what it owns. The owner itself need not be known. */
  readonly #dependents = new Map<string, Set<string>>();

  put(key: string, { metadata }: KubeObject): GraphNode {
    const node: GraphNode = {
      key,
      uid: metadata.uid ?? '',
      namespace: metadata.namespace,
      owners: metadata.ownerReferences ?? none,
      deleting: metadata.deletionTimestamp !== undefined,
      finalizers: metadata.finalizers ?? none,
    };
    // An object made anew under a name is another object.
    this.remove(key);
    this.#byKey.set(key, node);
    this.#byUid.set(node.uid, node);
    for (const owner of node.owners) {
      const set = this.#dependents.get(owner.uid) ?? new Set();
      set.add(key);
      this.#dependents.set(owner.uid, set);
    }
    return node;
  }

  remove(key: string): GraphNode | undefined {
    const node = this.#byKey.get(key);
    if (!node) return undefined;
    this.#byKey.delete(key);
    if (this.#byUid.get(node.uid) === node) this.#byUid.delete(node.uid);
    for (const owner of node.owners) {
      const set = this.#dependents.get(owner.uid);
      set?.delete(key);
      if (set?.size === 0) this.#dependents.delete(owner.uid);
    }
    return node;
  }

  get(key: string): GraphNode | undefined {
    return this.#byKey.get(key);
  }

  /** The owner that a reference of `node` means; a namespaced owner counts only in the same namespace. */
  ownerOf(node: GraphNode, reference: OwnerReference): GraphNode | undefined {
    const owner = this.#byUid.get(reference.uid);
    return owner && (owner.namespace === undefined || owner.namespace === node.namespace) ? owner : undefined;
  }

  byUid(uid: string): GraphNode | undefined {
    return this.#byUid.get(uid);
  }

  dependentsOf(uid: string): GraphNode[] {
    return [...(this.#dependents.get(uid) ?? none)].flatMap((key) => this.#byKey.get(key) ?? []);
  }
}
