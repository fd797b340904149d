import * as vscode from 'vscode';
import { startFailureText } from '../../failure-text.ts';
import { Advice, Cancelled, type Command, type CommandContext } from '../command.ts';

export const startPlatformCommand: Command = {
  id: 'slipway.platform.start',
  // Called on the node of a damaged store it salvages what can be read.
  run: (context, target) => startEmbedded(context, isDamaged(target)),
};

function isDamaged(target: unknown): boolean {
  return typeof target === 'object' && target !== null && 'contextValue' in target && target.contextValue === 'startfailure.damaged';
}

/** Starts the embedded platform, named in the view while it goes on, and connects to it. */
export async function startEmbedded({ platform, session }: CommandContext, recover = false): Promise<void> {
  if (session.choice.type !== 'embedded') await session.switchCluster({ type: 'embedded' });
  try {
    await vscode.window.withProgress({ location: { viewId: 'slipway.projects' } }, () => platform.start(recover));
  } catch {
    const { failure } = platform;
    if (!failure) throw new Cancelled();
    const { message, fix } = startFailureText(failure, vscode.l10n.t);
    throw new Advice([message, fix].filter(Boolean).join(' '), [
      failure.reason === 'StoreDamaged'
        ? { title: vscode.l10n.t('Recover'), run: () => startEmbedded({ platform, session } as CommandContext, true) }
        : { title: vscode.l10n.t('Check This Machine'), run: () => vscode.commands.executeCommand('slipway.platform.doctor') },
    ]);
  }
  await session.connect();
}
