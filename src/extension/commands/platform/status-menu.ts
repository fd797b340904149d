import * as vscode from 'vscode';
import type { Command } from '../command.ts';

interface Item extends vscode.QuickPickItem {
  command: string;
}

/** What a click on the status bar item offers. */
export const statusMenuCommand: Command = {
  id: 'slipway.status.show',
  async run({ platform, session }) {
    const running = platform.state === 'running';
    const items: (Item | false)[] = [
      !running && { label: `$(play) ${vscode.l10n.t('Start Slipway')}`, command: 'slipway.platform.start' },
      session.state === 'connected' && { label: `$(rocket) ${vscode.l10n.t('Create App from Source…')}`, command: 'slipway.app.create' },
      session.state === 'connected' && { label: `$(project) ${vscode.l10n.t('Switch Project…')}`, description: session.project, command: 'slipway.project.switch' },
      { label: `$(server-environment) ${vscode.l10n.t('Switch Cluster…')}`, description: session.cluster, command: 'slipway.cluster.switch' },
      running && { label: `$(debug-restart) ${vscode.l10n.t('Restart Slipway')}`, command: 'slipway.platform.restart' },
      running && { label: `$(debug-stop) ${vscode.l10n.t('Stop Slipway')}`, command: 'slipway.platform.stop' },
      { label: `$(pulse) ${vscode.l10n.t('Check This Machine')}`, command: 'slipway.platform.doctor' },
    ];
    const picked = await vscode.window.showQuickPick(items.filter((item): item is Item => item !== false), { title: 'Slipway' });
    if (picked) await vscode.commands.executeCommand(picked.command);
  },
};
