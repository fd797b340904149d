/** A window that is newer than the control plane it found offers a restart, once for each it finds; an older one never downgrades. */
import * as vscode from 'vscode';
import type { Platform } from './platform.ts';

export function watchVersion(platform: Platform): vscode.Disposable {
  let told: string | undefined;
  return platform.onDidChange(async () => {
    const { info, state } = platform;
    if (state !== 'running' || !info || told === info.startedAt || platform.age !== 'older') return;
    told = info.startedAt;
    const restart = vscode.l10n.t('Restart');
    const text = vscode.l10n.t('Slipway {0} runs, and a newer version is installed. Restart it to use the new one; apps come back by themselves.', info.version);
    if ((await vscode.window.showInformationMessage(text, restart)) === restart) await vscode.commands.executeCommand('slipway.platform.restart');
  });
}
