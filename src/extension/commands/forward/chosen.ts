import * as vscode from 'vscode';
import { isForwardNode } from '../../explorer/forwards-source.ts';
import { presentForward } from '../../explorer/presenters/forward.ts';
import type { ActiveForward } from '../../forwards/active-forward.ts';
import type { PortForwards } from '../../forwards/port-forwards.ts';
import { Cancelled } from '../command.ts';
import { isNode } from '../target.ts';

export interface ForwardItem extends vscode.QuickPickItem {
  forward: ActiveForward;
}

export function forwardItem(forward: ActiveForward): ForwardItem {
  const { icon, label, description } = presentForward(forward, vscode.l10n.t);
  return { label: `$(${icon}) ${label}`, ...(description && { description }), forward };
}

/** The forward of the row, the only one, or one chosen from the list. */
export async function chosenForward(forwards: PortForwards, target: unknown): Promise<ActiveForward> {
  if (isNode(target) && isForwardNode(target)) return target.forward;
  const all = forwards.list();
  const [first] = all;
  if (!first) throw new Error(vscode.l10n.t('No port is forwarded.'));
  if (all.length === 1) return first;
  const picked = await vscode.window.showQuickPick(all.map(forwardItem), { title: vscode.l10n.t('Choose a port forward') });
  if (!picked) throw new Cancelled();
  return picked.forward;
}
