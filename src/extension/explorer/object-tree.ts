/** One tree view: nodes from a source, refreshed together, never while it is hidden. */
import * as vscode from 'vscode';
import { problemNode } from './notes.ts';
import { descriptionOf, type TreeNode } from './node.ts';
import { TreeMemory } from './tree-memory.ts';

/** Where a tree's nodes come from. `attach` begins watching, when the view is first looked at; its result ends it. */
export interface TreeSource {
  attach(changed: () => void): vscode.Disposable;
  roots(): Promise<TreeNode[]> | TreeNode[];
  children(node: TreeNode): Promise<TreeNode[]> | TreeNode[];
  collapsed?(node: TreeNode): void;
  /** Named in the view's description. */
  description(): string;
  badge?(): vscode.ViewBadge | undefined;
  /** Said above the rows. */
  message?(): string | undefined;
}

/** Changes within this time are shown at once: a deployment changes a dozen objects. */
const coalesceMs = 120;
/** Rows that count do so this often, while somebody looks; without one nothing ticks. */
const tickMs = 1_000;

export class ObjectTree implements vscode.TreeDataProvider<TreeNode>, vscode.Disposable {
  readonly #changed = new vscode.EventEmitter<TreeNode[] | undefined>();
  readonly #memory = new TreeMemory();
  readonly onDidChangeTreeData = this.#changed.event;
  readonly #view: vscode.TreeView<TreeNode>;
  readonly #source: TreeSource;
  /** Command of a plain click, on the row that is selected then. */
  readonly #open: string;
  readonly #opening: vscode.Disposable;
  #attached: vscode.Disposable | undefined;
  #timer: NodeJS.Timeout | undefined;
  #ticking: NodeJS.Timeout | undefined;
  /** One update at a time: each compares with what the one before has left. */
  #updating = Promise.resolve();

  constructor(id: string, source: TreeSource, options: { canSelectMany?: boolean } = {}) {
    this.#source = source;
    this.#open = `${id}.open`;
    this.#opening = vscode.commands.registerCommand(this.#open, () => {
      const [node] = this.#view.selection;
      return node?.command && vscode.commands.executeCommand(node.command, node);
    });
    this.#view = vscode.window.createTreeView(id, { treeDataProvider: this, showCollapseAll: true, canSelectMany: options.canSelectMany ?? false });
    this.#view.onDidChangeVisibility(({ visible }) => (visible ? this.#attach() : this.#detach()));
    this.#view.onDidCollapseElement(({ element }) => source.collapsed?.(element));
    if (this.#view.visible) this.#attach();
  }

  async getChildren(node?: TreeNode): Promise<TreeNode[]> {
    if (this.#view.visible) this.#attach();
    const kept = this.#memory.keep(node, await this.#fresh(node));
    this.#count();
    return kept;
  }

  getTreeItem(node: TreeNode): vscode.TreeItem {
    const state = node.expand === 'expanded' ? vscode.TreeItemCollapsibleState.Expanded : node.expand ? vscode.TreeItemCollapsibleState.Collapsed : vscode.TreeItemCollapsibleState.None;
    const item = new vscode.TreeItem(node.label, state);
    item.id = node.id;
    const description = descriptionOf(node, Date.now());
    if (description) item.description = description;
    item.iconPath = new vscode.ThemeIcon(node.icon, node.colour && new vscode.ThemeColor(node.colour));
    item.contextValue = node.contextValue;
    if (node.tooltip) item.tooltip = new vscode.MarkdownString(node.tooltip);
    item.accessibilityInformation = { label: node.accessibility ?? `${node.label} ${node.description ?? ''}` };
    // Without arguments: those of a row that is drawn again are forgotten at once, and a click of that moment would lead nowhere.
    if (node.command) item.command = { command: this.#open, title: '' };
    return item;
  }

  dispose(): void {
    this.#detach();
    this.#opening.dispose();
    this.#view.dispose();
    this.#changed.dispose();
  }

  #refresh(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      const description = this.#source.description();
      if (this.#view.description !== description) this.#view.description = description;
      const message = this.#source.message?.();
      if (this.#view.message !== message) this.#view.message = message;
      this.#showBadge(this.#source.badge?.());
      this.#updating = this.#updating.then(() => this.#update());
    }, coalesceMs);
  }

  async #update(): Promise<void> {
    const changed = await this.#memory.update((node) => this.#fresh(node));
    const nodes = changed.filter((node) => node !== undefined);
    if (nodes.length < changed.length) this.#changed.fire(undefined);
    else if (nodes.length > 0) this.#changed.fire(nodes);
    this.#count();
  }

  /** Draws the rows that count, and nothing else, until there is none. */
  #count(): void {
    if (this.#ticking || !this.#attached || this.#memory.counting().length === 0) return;
    this.#ticking = setInterval(() => {
      const rows = this.#memory.counting();
      if (rows.length === 0) this.#rest();
      else if (vscode.window.state.active) this.#changed.fire(rows);
    }, tickMs);
  }

  #rest(): void {
    clearInterval(this.#ticking);
    this.#ticking = undefined;
  }

  async #fresh(node: TreeNode | undefined): Promise<TreeNode[]> {
    try {
      return await (node ? this.#source.children(node) : this.#source.roots());
    } catch (error) {
      return [problemNode(node?.id ?? '', error as Error)];
    }
  }

  #showBadge(badge: vscode.ViewBadge | undefined): void {
    if (this.#view.badge?.value !== badge?.value) this.#view.badge = badge;
  }

  #attach(): void {
    if (this.#attached) return;
    this.#attached = this.#source.attach(() => this.#refresh());
    this.#refresh();
  }

  #detach(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#rest();
    this.#attached?.dispose();
    this.#attached = undefined;
    // Nobody watches any more: a number that may be untrue is none.
    this.#showBadge(undefined);
  }
}
