/** Starts builds. */
import * as vscode from 'vscode';
import { buildConfigs, type Build, type BuildConfig } from '../../../api/kinds/build.ts';
import type { CommandContext } from '../command.ts';
import { Cancelled, patiently } from '../command.ts';
import { needTrust } from '../trust.ts';
import { requestOf, type BuildOptions } from './build-request.ts';
import { upload } from './upload.ts';

type Parts = Pick<CommandContext, 'session' | 'sources'>;

/** A build from Git starts at once; one from a folder is sent the folder again. `folder`: send this one, whatever the build config says. */
export async function startBuild({ session, sources }: Parts, config: BuildConfig, { folder, ...options }: BuildOptions & { folder?: string } = {}): Promise<Build> {
  const at = { namespace: config.metadata.namespace ?? session.project, name: config.metadata.name };
  needTrust(at.name);
  const title = vscode.l10n.t('Starting a build of "{0}"', at.name);
  const binary = config.spec.source?.type === 'Binary' || config.spec.source?.binary !== undefined;
  if (!folder && !binary) return patiently(title, () => session.client.create<BuildConfig, Build>(buildConfigs, requestOf(at.name, options), { ...at, subresource: 'instantiate' }));
  const sent = folder ?? sources.folderOf(config) ?? (await askFolder(at.name));
  const build = await patiently(title, (signal) => sendFolder(session, at, sent, signal));
  await sources.note(at, sent);
  return build;
}

export async function sendFolder(session: Parts['session'], at: { namespace: string; name: string }, folder: string, signal: AbortSignal): Promise<Build> {
  const { startBinaryBuild } = await import('../../../client/apps/create-app.ts');
  const { archiveSource, listSource } = await import('../../../client/apps/source-archive.ts');
  const entries = await listSource(folder, sourceLimit());
  return startBinaryBuild(upload(session.client), at.namespace, at.name, archiveSource(folder, entries), signal);
}

async function askFolder(name: string): Promise<string> {
  const picked = await vscode.window.showOpenDialog({ canSelectFolders: true, canSelectFiles: false, openLabel: vscode.l10n.t('Build'), title: vscode.l10n.t('Folder to build "{0}" from', name) });
  if (!picked?.[0]) throw new Cancelled();
  return picked[0].fsPath;
}

/** Bytes of a folder that are sent to a build at the most. */
export function sourceLimit(): number {
  return vscode.workspace.getConfiguration('slipway').get<number>('source.limit', 256) * 1024 * 1024;
}
