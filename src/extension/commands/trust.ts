import * as vscode from 'vscode';
import { Advice } from './command.ts';

/** Building runs what the sources say, wherever they come from. Throws unless this workspace is trusted. */
export function needTrust(name: string): void {
  if (vscode.workspace.isTrusted) return;
  throw new Advice(vscode.l10n.t('Building "{0}" runs its scripts, so it needs a trusted workspace.', name), [
    { title: vscode.l10n.t('Manage Workspace Trust'), run: () => vscode.commands.executeCommand('workbench.trust.manage') },
  ]);
}
