import * as vscode from 'vscode';
import { buildConfigs } from '../../../api/kinds/build.ts';
import type { Command } from '../command.ts';

interface Item extends vscode.QuickPickItem {
  command: string;
}

/** What a click on the status bar item offers. */
export const statusMenuCommand: Command = {
  id: 'slipway.status.show',
  async run({ platform, session, rebuild }) {
    const { state } = platform;
    const connected = session.state === 'connected';
    const items: (Item | false)[] = [
      connected && { label: `$(rocket) ${vscode.l10n.t('Create App from Source…')}`, command: 'slipway.app.create' },
      connected && { label: `$(project) ${vscode.l10n.t('Switch Project…')}`, description: session.project, command: 'slipway.project.switch' },
      connected && session.serves(buildConfigs) && { label: `$(save) ${vscode.l10n.t('Rebuild on Save…')}`, description: rebuild.names().join(', '), command: 'slipway.app.rebuildOnSave' },
      connected && rebuild.names().length > 0 && { label: `$(circle-slash) ${vscode.l10n.t('Stop Rebuild on Save…')}`, description: rebuild.names().join(', '), command: 'slipway.app.stopRebuildOnSave' },
      session.state === 'failed' && { label: `$(refresh) ${vscode.l10n.t('Connect Again')}`, command: 'slipway.cluster.reconnect' },
      state !== 'running' && state !== 'starting' && { label: `$(play) ${vscode.l10n.t('Start Slipway')}`, command: 'slipway.platform.start' },
      { label: `$(server-environment) ${vscode.l10n.t('Switch Cluster…')}`, description: session.cluster, command: 'slipway.cluster.switch' },
      state === 'running' && { label: `$(debug-restart) ${vscode.l10n.t('Restart Slipway')}`, command: 'slipway.platform.restart' },
      (state === 'running' || state === 'starting') && { label: `$(debug-stop) ${vscode.l10n.t('Stop Slipway')}`, command: 'slipway.platform.stop' },
      { label: `$(pulse) ${vscode.l10n.t('Check This Machine')}`, command: 'slipway.platform.doctor' },
    ];
    const picked = await vscode.window.showQuickPick(items.filter((item): item is Item => item !== false), { title: 'Slipway' });
    if (picked) await vscode.commands.executeCommand(picked.command);
  },
};
