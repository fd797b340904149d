/** One item: state, cluster, project; a click opens the menu. Who never used Slipway in this editor does not see it. */
import * as vscode from 'vscode';
import type { Session } from './connections/session.ts';
import type { Platform } from './daemon/platform.ts';
import type { RebuildOnSave } from './rebuild/rebuild-on-save.ts';

const usedKey = 'slipway.used';

export interface StatusBarParts {
  session: Session;
  platform: Platform;
  rebuild: RebuildOnSave;
  memento: vscode.Memento;
}

export function createStatusBar({ session, platform, rebuild, memento }: StatusBarParts): vscode.Disposable {
  const item = vscode.window.createStatusBarItem('slipway', vscode.StatusBarAlignment.Left, 10);
  item.name = 'Slipway';
  item.command = 'slipway.status.show';
  const show = () => {
    const [icon, text, tooltip] = look(session, platform);
    const saving = session.state === 'connected' ? rebuild.names() : [];
    const whole = saving.length > 0 ? `${tooltip}. ${vscode.l10n.t('Rebuild on Save: {0}', saving.join(', '))}` : tooltip;
    item.text = `$(${icon}) ${text}${saving.length > 0 ? ' $(save)' : ''}`;
    item.tooltip = whole;
    item.accessibilityInformation = { label: whole, role: 'button' };
    const using = session.state !== 'idle' || platform.state === 'starting' || platform.state === 'failed';
    if (session.state === 'connected' && !memento.get(usedKey)) void memento.update(usedKey, true);
    if (using || memento.get(usedKey)) item.show();
    else item.hide();
  };
  const listening = [session.onDidChange(show), platform.onDidChange(show), rebuild.onDidChange(show)];
  show();
  return vscode.Disposable.from(item, ...listening);
}

function look(session: Session, platform: Platform): [icon: string, text: string, tooltip: string] {
  const { cluster, project } = session;
  if (platform.state === 'starting') return ['sync~spin', 'Slipway', vscode.l10n.t('Slipway is starting')];
  switch (session.state) {
    case 'connected':
      return ['rocket', session.choice.type === 'embedded' ? project : `${cluster}/${project}`, vscode.l10n.t('Slipway: cluster "{0}", project "{1}"', cluster, project)];
    case 'connecting':
      return ['sync~spin', 'Slipway', vscode.l10n.t('Connecting to "{0}"', cluster)];
    case 'failed':
      return ['warning', 'Slipway', vscode.l10n.t('Cluster "{0}" cannot be reached', cluster)];
    case 'idle':
      return platform.state === 'failed' ? ['warning', 'Slipway', vscode.l10n.t('Slipway could not start')] : ['circle-slash', 'Slipway', vscode.l10n.t('Slipway is not connected')];
  }
}
