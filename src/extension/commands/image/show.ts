import * as vscode from 'vscode';
import { imageUri } from '../../documents/image-uri.ts';
import type { Command } from '../command.ts';
import { wholeImageFor } from './target.ts';

/** Opens what an image is: layers, labels, commit, who uses it. */
export const showImageCommand: Command = {
  id: 'slipway.image.show',
  async run({ session, images }, target) {
    const { stream, namespace, digest } = await wholeImageFor(session, target, vscode.l10n.t('Choose an image'));
    const uri = vscode.Uri.from(imageUri({ cluster: session.cluster, namespace, stream: stream.metadata.name, digest }));
    images.refresh(uri);
    await vscode.window.showTextDocument(await vscode.workspace.openTextDocument(uri), { preview: true });
  },
};
