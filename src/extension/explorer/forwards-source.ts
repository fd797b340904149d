/** The view of port-forwards. They live without it. */
import * as vscode from 'vscode';
import type { ActiveForward } from '../forwards/active-forward.ts';
import type { PortForwards } from '../forwards/port-forwards.ts';
import type { TreeNode } from './node.ts';
import type { TreeSource } from './object-tree.ts';
import { presentForward } from './presenters/forward.ts';

export interface ForwardNode extends TreeNode {
  forward: ActiveForward;
}

export function isForwardNode(node: TreeNode): node is ForwardNode {
  return 'forward' in node;
}

export function forwardsSource(forwards: PortForwards): TreeSource {
  return {
    attach: (changed) => forwards.onDidChange(changed),
    roots: () => forwards.list().map((forward): ForwardNode => ({ id: `forward/${forward.id}`, forward, ...presentForward(forward, vscode.l10n.t) })),
    children: () => [],
    description: () => '',
  };
}
