import * as vscode from 'vscode';
import { StartFailure } from '../../../client/daemon/start.ts';
import type { StartPhase } from '../../../protocol/daemon.ts';
import type { Command, CommandContext } from '../command.ts';

const phases = (): Record<StartPhase, string> => ({
  keys: vscode.l10n.t('Making keys'), store: vscode.l10n.t('Opening the store'), api: vscode.l10n.t('Starting the API'), node: vscode.l10n.t('Starting the node'),
  registry: vscode.l10n.t('Starting the registry'), router: vscode.l10n.t('Starting the router'),
});

export const startPlatformCommand: Command = { id: 'slipway.platform.start', run: (context) => startEmbedded(context) };

/** Starts the embedded platform with progress in the view, and connects to it. */
export async function startEmbedded(context: CommandContext, recover = false): Promise<void> {
  const { platform, session } = context;
  if (session.choice.type !== 'embedded') await session.switchCluster({ type: 'embedded' });
  try {
    await vscode.window.withProgress({ location: { viewId: 'slipway.projects' } }, () =>
      vscode.window.withProgress({ location: vscode.ProgressLocation.Window, title: 'Slipway', cancellable: true }, async (progress, token) => {
        const stop = new AbortController();
        token.onCancellationRequested(() => stop.abort());
        const texts = phases();
        await platform.start((phase) => progress.report({ message: texts[phase] }), stop.signal, recover);
      }));
    await session.connect();
  } catch (error) {
    if (!(error instanceof StartFailure)) throw error;
    await offerFix(context, error);
  }
}

async function offerFix(context: CommandContext, failure: StartFailure): Promise<void> {
  const recover = vscode.l10n.t('Recover');
  const doctor = vscode.l10n.t('Check This Machine');
  const text = failure.fix ? `${failure.message} ${failure.fix}` : failure.message;
  const answer = await vscode.window.showErrorMessage(text, ...(failure.reason === 'StoreDamaged' ? [recover] : [doctor]));
  if (answer === recover) await startEmbedded(context, true);
  if (answer === doctor) await vscode.commands.executeCommand('slipway.platform.doctor');
}
