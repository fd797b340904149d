import * as vscode from 'vscode';
import { confirm, patiently, type Command, type CommandContext } from '../command.ts';
import { startEmbedded } from './start.ts';

export const stopPlatformCommand: Command = {
  id: 'slipway.platform.stop',
  async run({ platform }) {
    if (platform.state === 'starting') return platform.cancelStart();
    await confirm(vscode.l10n.t('Stop Slipway?'), vscode.l10n.t('Stop'), vscode.l10n.t('Every app of it stops, for all windows. The next start brings them back.'));
    return stop(platform);
  },
};

export const restartPlatformCommand: Command = {
  id: 'slipway.platform.restart',
  async run(context) {
    await confirm(vscode.l10n.t('Restart Slipway?'), vscode.l10n.t('Restart'), vscode.l10n.t('Apps stop for a moment and come back.'));
    await stop(context.platform);
    await startEmbedded(context);
  },
};

function stop(platform: CommandContext['platform']): Promise<void> {
  return patiently(vscode.l10n.t('Stopping Slipway'), () => platform.stop());
}
