import * as vscode from 'vscode';
import { describeUri, yamlUri } from '../../documents/object-uri.ts';
import { allChoices } from '../choices.ts';
import type { Command } from '../command.ts';
import { anyFound, named } from '../target.ts';

/** YAML whose half-typed lines are never saved by themselves: a save changes the cluster. See `configurationDefaults` in the manifest. */
const objectLanguage = 'slipway-object';

/** Opens the object as a YAML document; saving applies it. */
export const yamlCommand: Command = {
  id: 'slipway.object.yaml',
  async run({ session }, target) {
    const { of, object } = await anyFound(session, target, allChoices(session));
    const opened = await vscode.workspace.openTextDocument(vscode.Uri.from(yamlUri(session.cluster, of, named(object))));
    const document = await vscode.languages.setTextDocumentLanguage(opened, objectLanguage);
    const editor = await vscode.window.showTextDocument(document, { preview: true });
    await foldStatus(editor);
  },
};

/** Nobody edits the status: it is there, folded away. */
async function foldStatus(editor: vscode.TextEditor): Promise<void> {
  const line = editor.document.getText().split('\n').findIndex((text) => text.startsWith('status:'));
  if (line >= 0) await vscode.commands.executeCommand('editor.fold', { selectionLines: [line] });
}

/** Opens a read-only description with the object's events, as it is now. */
export const describeCommand: Command = {
  id: 'slipway.object.describe',
  async run({ session, descriptions }, target) {
    const { of, object } = await anyFound(session, target, allChoices(session));
    const uri = vscode.Uri.from(describeUri(session.cluster, of, named(object)));
    descriptions.refresh(uri);
    await vscode.window.showTextDocument(await vscode.workspace.openTextDocument(uri), { preview: true });
  },
};

export const copyNameCommand: Command = {
  id: 'slipway.object.copyName',
  async run({ session }, target) {
    await vscode.env.clipboard.writeText((await anyFound(session, target, allChoices(session))).object.metadata.name);
  },
};
