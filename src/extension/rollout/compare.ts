/** Opens revisions of a workload in the editor. */
import * as vscode from 'vscode';
import type { RolloutTarget } from '../../client/rollout/target.ts';
import { revisionUri } from '../documents/revision-uri.ts';

export async function compareRevisions(cluster: string, target: RolloutTarget, one: number, other: number): Promise<void> {
  const [older, newer] = [Math.min(one, other), Math.max(one, other)];
  const uri = (revision: number) => vscode.Uri.from(revisionUri(cluster, target, revision));
  await vscode.commands.executeCommand('vscode.diff', uri(older), uri(newer), vscode.l10n.t('{0}: revision {1} ↔ {2}', target.name, older, newer), { preview: true });
}

export async function showRevision(cluster: string, target: RolloutTarget, revision: number): Promise<void> {
  await vscode.window.showTextDocument(await vscode.workspace.openTextDocument(vscode.Uri.from(revisionUri(cluster, target, revision))), { preview: true });
}
