/** One item: state, cluster, project; a click opens the menu. */
import * as vscode from 'vscode';
import type { Session } from './connections/session.ts';
import type { Platform } from './daemon/platform.ts';

export function createStatusBar(session: Session, platform: Platform): vscode.Disposable {
  const item = vscode.window.createStatusBarItem('slipway', vscode.StatusBarAlignment.Left, 10);
  item.name = 'Slipway';
  item.command = 'slipway.status.show';
  const show = () => {
    const connected = session.state === 'connected';
    const icon = session.state === 'connecting' || platform.state === 'starting' ? 'sync~spin' : session.state === 'failed' || platform.state === 'failed' ? 'warning' : connected ? 'rocket' : 'circle-slash';
    item.text = `$(${icon}) ${connected ? session.project : 'Slipway'}`;
    item.tooltip = connected ? vscode.l10n.t('Slipway: cluster "{0}", project "{1}"', session.cluster, session.project) : vscode.l10n.t('Slipway is not connected');
    item.accessibilityInformation = { label: String(item.tooltip), role: 'button' };
    // Nobody who never used it sees it.
    if (session.state === 'idle' && platform.state === 'unknown') item.hide();
    else item.show();
  };
  const listening = [session.onDidChange(show), platform.onDidChange(show)];
  show();
  return vscode.Disposable.from(item, ...listening);
}
