/** The tag or image a command is about: a node of the Images view, an API argument, or one chosen from a list. */
import * as vscode from 'vscode';
import { imageStreams, type ImageStream } from '../../../api/kinds/image.ts';
import type { Session } from '../../connections/session.ts';
import { isImageNode } from '../../explorer/image-nodes.ts';
import { shortDigest, tagsOf } from '../../images/image-facts.ts';
import { Cancelled } from '../command.ts';
import { isNode } from '../target.ts';

export interface ChosenImage {
  stream: ImageStream;
  namespace: string;
  tag: string;
  /** Absent for a tag without an image. */
  digest: string | undefined;
}

/** Callers of a command's API name a tag so. */
interface TagArgument {
  namespace?: string;
  stream: string;
  tag: string;
}

export async function imageFor(session: Session, target: unknown, title: string): Promise<ChosenImage> {
  if (isNode(target) && isImageNode(target)) return { stream: target.object, namespace: target.object.metadata.namespace ?? session.project, tag: target.tag, digest: target.digest };
  if (isNode(target) && target.resource === imageStreams) return choose(session, [target.object as ImageStream], title);
  if (isArgument(target)) {
    const namespace = target.namespace ?? session.project;
    const stream = await session.client.get(imageStreams, { namespace, name: target.stream });
    return { stream, namespace, tag: target.tag, digest: tagsOf(stream).find(({ tag }) => tag === target.tag)?.items?.[0]?.image };
  }
  return choose(session, (await session.client.list(imageStreams, { namespace: session.project })).items, title);
}

/** As `imageFor`, for what only an image can be used for. */
export async function wholeImageFor(session: Session, target: unknown, title: string): Promise<ChosenImage & { digest: string }> {
  const { digest, ...chosen } = await imageFor(session, target, title);
  if (!digest) throw new Error(vscode.l10n.t('Tag "{0}:{1}" has no image yet.', chosen.stream.metadata.name, chosen.tag));
  return { ...chosen, digest };
}

async function choose(session: Session, streams: readonly ImageStream[], title: string): Promise<ChosenImage> {
  const items = streams.flatMap((stream) => tagsOf(stream).map(({ tag, items: events }) => ({
    label: `$(tag) ${stream.metadata.name}:${tag}`, ...(events?.[0] && { description: shortDigest(events[0].image) }),
    chosen: { stream, namespace: stream.metadata.namespace ?? session.project, tag, digest: events?.[0]?.image },
  })));
  if (items.length === 0) throw new Error(vscode.l10n.t('There is no image in project "{0}".', session.project));
  const picked = await vscode.window.showQuickPick(items, { title, matchOnDescription: true });
  if (!picked) throw new Cancelled();
  return picked.chosen;
}

function isArgument(target: unknown): target is TagArgument {
  return typeof target === 'object' && target !== null && 'stream' in target && 'tag' in target && typeof target.tag === 'string';
}
