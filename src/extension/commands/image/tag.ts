import * as vscode from 'vscode';
import { imageStreamTags } from '../../../api/kinds/image.ts';
import { isStatusError } from '../../../api/status.ts';
import type { Session } from '../../connections/session.ts';
import { shortDigest, tagsOf } from '../../images/image-facts.ts';
import { Cancelled, confirm, patiently, type Command } from '../command.ts';
import { isNode } from '../target.ts';
import { parseTagName, tagOf, type TagName } from './tag-plan.ts';
import { wholeImageFor, type ChosenImage } from './target.ts';

const t = vscode.l10n.t;

/** Gives an image one more tag, of its stream or another. */
export const tagImageCommand: Command = {
  id: 'slipway.image.tag',
  async run({ session }, target, asked) {
    const chosen = await wholeImageFor(session, target, t('Choose an image'));
    const { stream, tag } = chosen;
    const text = typeof asked === 'string' ? asked : await vscode.window.showInputBox({
      title: t('Tag "{0}:{1}"', stream.metadata.name, tag), ignoreFocusOut: true, value: `${stream.metadata.name}:`, valueSelection: [stream.metadata.name.length + 1, stream.metadata.name.length + 1],
      prompt: t('New tag of image {0}, as stream:tag', shortDigest(chosen.digest)), validateInput: (one) => (one === '' || parseTagName(one) ? undefined : t('Of the form stream:tag, such as web:v1.')),
    });
    const to = text === undefined ? undefined : parseTagName(text);
    if (!to) throw new Cancelled();
    await patiently(t('Tagging {0}', `${to.stream}:${to.tag}`), () => setTag(session, chosen, to));
  },
};

/** Lets a tag lead to an image it had before; what follows the tag is deployed again with it. */
export const rollBackImageCommand: Command = {
  id: 'slipway.image.rollBack',
  async run({ session }, target) {
    const asked = await wholeImageFor(session, target, t('Choose an image'));
    const chosen = isNode(target) && target.contextValue === 'image.past' ? asked : { ...asked, digest: await choosePast(asked) };
    const name = `${chosen.stream.metadata.name}:${chosen.tag}`;
    await confirm(t('Roll "{0}" back to image {1}?', name, shortDigest(chosen.digest)), t('Roll Back'), t('What follows this tag is deployed again with that image. The next build sets the tag again.'));
    await patiently(t('Rolling back {0}', name), () => setTag(session, chosen, { stream: chosen.stream.metadata.name, tag: chosen.tag }));
  },
};

async function choosePast({ stream, tag }: ChosenImage): Promise<string> {
  const past = (tagsOf(stream).find((one) => one.tag === tag)?.items ?? []).slice(1);
  if (past.length === 0) throw new Error(t('Tag "{0}:{1}" had no other image before.', stream.metadata.name, tag));
  const items = past.map(({ image, created }) => ({ label: `$(history) ${shortDigest(image)}`, description: created, image }));
  const chosen = await vscode.window.showQuickPick(items, { title: t('Roll "{0}" back to', `${stream.metadata.name}:${tag}`) });
  if (!chosen) throw new Cancelled();
  return chosen.image;
}

/** As `oc tag`: a tag that is there is changed, another one made. */
async function setTag({ client }: Session, { namespace, stream, digest }: ChosenImage & { digest: string }, to: TagName): Promise<void> {
  const object = tagOf(namespace, to, { namespace, stream: stream.metadata.name, digest });
  try {
    await client.update(imageStreamTags, object, { namespace });
  } catch (error) {
    if (!isStatusError(error, 'NotFound', 'BadRequest')) throw error;
    await client.create(imageStreamTags, object, { namespace });
  }
}
