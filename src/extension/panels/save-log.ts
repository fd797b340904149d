/** Saves whole logs to a file, streamed: they may be larger than what a panel keeps. */
import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import * as vscode from 'vscode';
import type { Connection } from '../../client/connection.ts';
import type { Session } from '../connections/session.ts';

export interface SavedSource {
  namespace: string;
  pod: string;
  container: string;
  previous: boolean;
}

export async function saveLog(title: string, { connection }: Session, sources: readonly SavedSource[]): Promise<void> {
  if (!connection || sources.length === 0) return;
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
  const name = `${title.replace(/[^\w.-]+/g, '-').slice(0, 80)}.log`;
  const target = await vscode.window.showSaveDialog({ ...(folder && { defaultUri: vscode.Uri.joinPath(folder, name) }), filters: { Log: ['log', 'txt'] } });
  if (!target) return;
  const stop = new AbortController();
  const file = path.basename(target.fsPath);
  await vscode.window.withProgress({ location: vscode.ProgressLocation.Notification, title: vscode.l10n.t('Saving "{0}"', file), cancellable: true }, async (_progress, token) => {
    token.onCancellationRequested(() => stop.abort());
    try {
      await pipeline(Readable.from(linesOf(connection, sources, stop.signal)), createWriteStream(target.fsPath), { signal: stop.signal });
    } catch (error) {
      // Half a log that looks like a whole one is worse than none.
      await rm(target.fsPath, { force: true });
      if (!stop.signal.aborted) void vscode.window.showErrorMessage(vscode.l10n.t('"{0}" could not be saved: {1}', file, (error as Error).message));
    }
  });
}

async function* linesOf(connection: Connection, sources: readonly SavedSource[], signal: AbortSignal): AsyncGenerator<string> {
  for (const { previous, ...source } of sources) {
    if (sources.length > 1) yield `==> ${source.pod} ${source.container} <==\n`;
    for await (const line of connection.logs(source, { previous, signal })) yield `${line.time} ${line.text}\n`;
  }
}
