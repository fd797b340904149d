/**
 * What the editor was given, so that a refresh tells it only what changed. A refresh of the whole tree makes the editor forget every node until
 * it has asked again, and a command that is given in that moment gets none.
 */
import type { TreeNode } from './node.ts';

/** What a row shows or offers; a change elsewhere in a node is no reason to draw it again. */
const shown = ['label', 'description', 'since', 'icon', 'colour', 'tooltip', 'contextValue', 'accessibility', 'expand', 'command'] as const satisfies readonly (keyof TreeNode)[];

export class TreeMemory {
  /** Children by the parent's id, of those parents that the editor has asked about; `undefined`: the roots. */
  readonly #children = new Map<string | undefined, TreeNode[]>();

  /** Children that the editor gets: for the same id the same object, so that what it holds stays true. */
  keep(parent: TreeNode | undefined, fresh: readonly TreeNode[]): TreeNode[] {
    const before = new Map((this.#children.get(parent?.id) ?? []).map((node) => [node.id, node]));
    const kept = fresh.map((node) => {
      const known = before.get(node.id);
      before.delete(node.id);
      return known ? become(known, node) : node;
    });
    for (const id of before.keys()) this.#forget(id);
    this.#children.set(parent?.id, kept);
    return kept;
  }

  /** Brings what is kept up to date. Answers the nodes to draw again; `undefined` among them stands for the roots. */
  async update(childrenOf: (parent: TreeNode | undefined) => Promise<TreeNode[]>, parent?: TreeNode): Promise<(TreeNode | undefined)[]> {
    const kept = this.#children.get(parent?.id);
    if (!kept) return [];
    const fresh = await childrenOf(parent);
    // The editor asked meanwhile: what it has is as new.
    if (this.#children.get(parent?.id) !== kept) return [];
    if (fresh.length !== kept.length || fresh.some((node, index) => node.id !== kept[index]?.id)) return [parent];
    const changed: (TreeNode | undefined)[] = [];
    for (const [index, node] of kept.entries()) {
      const next = fresh[index];
      if (!next) continue;
      const redraw = shown.some((key) => node[key] !== next[key]);
      become(node, next);
      if (redraw) changed.push(node);
      changed.push(...(await this.update(childrenOf, node)));
    }
    return changed;
  }

  /** Rows that count. */
  counting(): TreeNode[] {
    return [...this.#children.values()].flatMap((nodes) => nodes.filter((node) => node.since !== undefined));
  }

  clear(): void {
    this.#children.clear();
  }

  #forget(id: string): void {
    const children = this.#children.get(id);
    this.#children.delete(id);
    for (const child of children ?? []) this.#forget(child.id);
  }
}

/** `node` with everything that `next` says, and nothing else. */
function become(node: TreeNode, next: TreeNode): TreeNode {
  for (const key of Object.keys(node)) if (!(key in next)) delete (node as unknown as Record<string, unknown>)[key];
  return Object.assign(node, next);
}
