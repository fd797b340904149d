import * as vscode from 'vscode';
import type { BuildConfig } from '../../../api/kinds/build.ts';
import { Cancelled } from '../command.ts';

/** Where the extension notes which folder an app was made from. */
export const folderAnnotation = 'slipway.dev/source-folder';

/** The folder a binary build config was made from, if it is open or there; else the user names it. */
export async function sourceFolderOf(config: BuildConfig): Promise<string> {
  const noted = config.metadata.annotations?.[folderAnnotation];
  if (noted && (await exists(noted))) return noted;
  const picked = await vscode.window.showOpenDialog({ canSelectFolders: true, canSelectFiles: false, openLabel: vscode.l10n.t('Build'), title: vscode.l10n.t('Folder to build "{0}" from', config.metadata.name) });
  if (!picked?.[0]) throw new Cancelled();
  return picked[0].fsPath;
}

async function exists(folder: string): Promise<boolean> {
  try {
    return (await vscode.workspace.fs.stat(vscode.Uri.file(folder))).type === vscode.FileType.Directory;
  } catch {
    return false;
  }
}
