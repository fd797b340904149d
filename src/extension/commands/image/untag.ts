import * as vscode from 'vscode';
import { imageStreamTags } from '../../../api/kinds/image.ts';
import { confirm, patiently, type Command } from '../command.ts';
import { imageFor } from './target.ts';

export const untagImageCommand: Command = {
  id: 'slipway.image.untag',
  async run({ session }, target) {
    const { stream, namespace, tag } = await imageFor(session, target, vscode.l10n.t('Choose a tag'));
    const name = `${stream.metadata.name}:${tag}`;
    await confirm(vscode.l10n.t('Remove tag "{0}"?', name), vscode.l10n.t('Remove'), vscode.l10n.t('Its history goes with it. Pods that run keep their image.'));
    await patiently(vscode.l10n.t('Removing tag {0}', name), () => session.client.delete(imageStreamTags, { namespace, name }));
  },
};
