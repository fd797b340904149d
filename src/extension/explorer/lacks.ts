/** Views of kinds that a cluster does not serve are not shown; the Projects view says so in a line. */
import * as vscode from 'vscode';
import { buildConfigs } from '../../api/kinds/build.ts';
import { deploymentConfigs } from '../../api/kinds/deployment-config.ts';
import { imageStreams } from '../../api/kinds/image.ts';
import { routes } from '../../api/kinds/route.ts';
import type { Session } from '../connections/session.ts';

const views = { builds: buildConfigs, images: imageStreams, routes } as const;

/** Commands that only make sense where their kind is served. */
const commands = { deploymentConfigs } as const;

/** The manifest's `when` goes by these keys. */
export function watchLacks(session: Session): vscode.Disposable {
  const tell = () => {
    for (const [view, resource] of Object.entries({ ...views, ...commands })) void vscode.commands.executeCommand('setContext', `slipway.lacks.${view}`, session.state === 'connected' && !session.serves(resource));
  };
  tell();
  return session.onDidChange(tell);
}

export function lackText(session: Session): string | undefined {
  if (session.state !== 'connected') return undefined;
  const words = { builds: vscode.l10n.t('builds'), images: vscode.l10n.t('image streams'), routes: vscode.l10n.t('routes') };
  const missing = (Object.keys(views) as (keyof typeof views)[]).filter((view) => !session.serves(views[view])).map((view) => words[view]);
  return missing.length > 0 ? vscode.l10n.t('This cluster knows no {0}.', missing.join(', ')) : undefined;
}
