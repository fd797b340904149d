/** How many ports are forwarded, in the status bar; nothing while there is none. */
import * as vscode from 'vscode';
import { presentForward } from '../explorer/presenters/forward.ts';
import type { PortForwards } from './port-forwards.ts';

export function createForwardStatus(forwards: PortForwards): vscode.Disposable {
  let item: vscode.StatusBarItem | undefined;
  const show = () => {
    const all = forwards.list();
    if (all.length === 0) return item?.hide();
    item ??= make();
    const troubled = all.some(({ state, problem }) => state.type === 'waiting' || problem !== undefined);
    item.text = `$(${troubled ? 'warning' : 'arrow-swap'}) ${all.length}`;
    const lines = all.map((one) => presentForward(one, vscode.l10n.t)).map(({ label, description }) => `${label} → ${description}`);
    item.tooltip = [vscode.l10n.t('Port forwards'), ...lines].join('\n');
    item.accessibilityInformation = { label: vscode.l10n.t('Port forwards: {0}', lines.join(', ')), role: 'button' };
    item.show();
  };
  return vscode.Disposable.from(forwards.onDidChange(show), { dispose: () => item?.dispose() });
}

function make(): vscode.StatusBarItem {
  const item = vscode.window.createStatusBarItem('slipway.forwards', vscode.StatusBarAlignment.Left, 9);
  item.name = vscode.l10n.t('Port forwards');
  item.command = 'slipway.forward.list';
  return item;
}
