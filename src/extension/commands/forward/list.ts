import * as vscode from 'vscode';
import type { Command, CommandContext } from '../command.ts';
import { forwardItem, type ForwardItem } from './chosen.ts';
import { openForward } from './open.ts';

/** What the status bar's item opens: each forward to open, copy or stop; kept true while it is shown. */
export const listForwardsCommand: Command = {
  id: 'slipway.forward.list',
  run: (context) => showList(context),
};

function showList({ forwards }: CommandContext): Promise<void> {
  const stop: vscode.QuickInputButton = { iconPath: new vscode.ThemeIcon('debug-stop'), tooltip: vscode.l10n.t('Stop') };
  const copy: vscode.QuickInputButton = { iconPath: new vscode.ThemeIcon('copy'), tooltip: vscode.l10n.t('Copy Address') };
  const stopAll: vscode.QuickInputButton = { iconPath: new vscode.ThemeIcon('close-all'), tooltip: vscode.l10n.t('Stop All') };
  const pick = vscode.window.createQuickPick<ForwardItem>();
  pick.title = vscode.l10n.t('Port forwards');
  pick.placeholder = vscode.l10n.t('Open in Browser');
  pick.buttons = [stopAll];
  const show = () => {
    if (forwards.list().length === 0) return pick.hide();
    pick.items = forwards.list().map((one) => ({ ...forwardItem(one), buttons: [copy, stop] }));
  };
  return new Promise((resolve, reject) => {
    const listening = [
      forwards.onDidChange(show),
      pick.onDidTriggerButton(() => void forwards.stopAll()),
      pick.onDidTriggerItemButton(({ button, item }) => void (button === stop ? forwards.stop(item.forward.id) : vscode.env.clipboard.writeText(`localhost:${item.forward.localPort}`))),
      pick.onDidAccept(() => {
        const [chosen] = pick.selectedItems;
        pick.hide();
        if (chosen) openForward(chosen.forward).catch(reject);
      }),
      pick.onDidHide(() => {
        for (const one of listening) one.dispose();
        pick.dispose();
        resolve();
      }),
    ];
    show();
    pick.show();
  });
}
