/** Saves whole logs to a file, streamed: they may be larger than what a panel keeps. */
import { createWriteStream } from 'node:fs';
import { once } from 'node:events';
import path from 'node:path';
import * as vscode from 'vscode';
import type { Session } from '../connections/session.ts';

export interface SavedSource {
  namespace: string;
  pod: string;
  container: string;
}

export async function saveLog(title: string, session: Session, sources: readonly SavedSource[]): Promise<void> {
  const { connection } = session;
  if (!connection || sources.length === 0) return;
  const folder = vscode.workspace.workspaceFolders?.[0]?.uri;
  const name = `${title.replace(/[^\w.-]+/g, '-').slice(0, 80)}.log`;
  const target = await vscode.window.showSaveDialog({ ...(folder && { defaultUri: vscode.Uri.joinPath(folder, name) }), filters: { Log: ['log', 'txt'] } });
  if (!target) return;
  await vscode.window.withProgress({ location: vscode.ProgressLocation.Notification, title: path.basename(target.fsPath), cancellable: true }, async (_progress, token) => {
    const stop = new AbortController();
    token.onCancellationRequested(() => stop.abort());
    const file = createWriteStream(target.fsPath);
    try {
      for (const source of sources) {
        if (sources.length > 1) file.write(`==> ${source.pod} ${source.container} <==\n`);
        for await (const line of connection.logs(source, { signal: stop.signal })) {
          if (!file.write(`${line.time} ${line.text}\n`)) await once(file, 'drain');
        }
      }
    } finally {
      file.end();
      await once(file, 'close');
    }
  });
}
