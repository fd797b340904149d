/** A window that is newer than the control plane it found offers a restart, once; an older one never downgrades. */
import * as vscode from 'vscode';
import type { Platform } from './platform.ts';

export function watchVersion(platform: Platform): vscode.Disposable {
  let told = false;
  return platform.onDidChange(async (state) => {
    if (state !== 'running' || told || !platform.outdated) return;
    told = true;
    const restart = vscode.l10n.t('Restart');
    const answer = await vscode.window.showInformationMessage(vscode.l10n.t('A newer Slipway is installed. Restart it to use the new version; apps come back by themselves.'), restart);
    if (answer === restart) await vscode.commands.executeCommand('slipway.platform.restart');
  });
}
