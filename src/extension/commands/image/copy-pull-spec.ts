import * as vscode from 'vscode';
import { isImageNode } from '../../explorer/image-nodes.ts';
import { eventOf } from '../../images/image-facts.ts';
import type { Command } from '../command.ts';
import { isNode } from '../target.ts';
import { imageFor } from './target.ts';

/** Of a tag the reference by tag, of an image the one by digest. */
export const copyPullSpecCommand: Command = {
  id: 'slipway.image.copyPullSpec',
  async run({ session }, target) {
    const { stream, tag, digest } = await imageFor(session, target, vscode.l10n.t('Choose an image'));
    const byDigest = isNode(target) && isImageNode(target) && target.contextValue.startsWith('image.') && digest ? eventOf(stream, digest)?.dockerImageReference : undefined;
    const repository = stream.status?.publicDockerImageRepository ?? stream.status?.dockerImageRepository;
    const text = byDigest ?? (repository ? `${repository}:${tag}` : digest && eventOf(stream, digest)?.dockerImageReference);
    if (!text) throw new Error(vscode.l10n.t('Tag "{0}:{1}" has no image yet.', stream.metadata.name, tag));
    await vscode.env.clipboard.writeText(text);
    return text;
  },
};
