import { existsSync } from 'node:fs';
import path from 'node:path';
import * as vscode from 'vscode';
import type { Build, BuildConfig } from '../../../api/kinds/build.ts';
import type { Session } from '../../connections/session.ts';
import { Cancelled } from '../command.ts';
import { configOf } from './config-of.ts';

/** Where the extension notes which folder an app was made from. */
export const folderAnnotation = 'slipway.dev/source-folder';

/** The folder a binary build config was made from, if it is still there; else the user names it. */
export async function sourceFolderOf(config: BuildConfig): Promise<string> {
  const noted = notedFolder(config);
  if (noted) return noted;
  const picked = await vscode.window.showOpenDialog({ canSelectFolders: true, canSelectFiles: false, openLabel: vscode.l10n.t('Build'), title: vscode.l10n.t('Folder to build "{0}" from', config.metadata.name) });
  if (!picked?.[0]) throw new Cancelled();
  return picked[0].fsPath;
}

/** The files that a build was made from, as far as they lie on this machine. */
export async function sourceFiles(session: Session, build: Build): Promise<{ has(file: string): boolean; open(file: string): Promise<unknown> }> {
  const folder = notedFolder(await configOf(session, build).catch(() => undefined));
  return {
    has: (file) => folder !== undefined && existsSync(path.join(folder, file)),
    open: async (file) => folder !== undefined && vscode.window.showTextDocument(vscode.Uri.file(path.join(folder, file))),
  };
}

function notedFolder(config: BuildConfig | undefined): string | undefined {
  const noted = config?.metadata.annotations?.[folderAnnotation];
  return noted && existsSync(noted) ? noted : undefined;
}
