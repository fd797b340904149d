/** Image streams, their tags, what each tag had, and the layers of that. */
import * as vscode from 'vscode';
import { imageStreams, type ImageStream } from '../../api/kinds/image.ts';
import { keyOf } from '../../api/meta.ts';
import type { Session } from '../connections/session.ts';
import { layersOf, tagsOf } from '../images/image-facts.ts';
import type { ImageReader } from '../images/image-reader.ts';
import { problemNode } from './notes.ts';
import type { TreeNode } from './node.ts';
import { presentHistory, presentImageStream, presentLayer, presentTag } from './presenters/image.ts';

const t = vscode.l10n.t;

export interface ImageNode extends TreeNode {
  object: ImageStream;
  tag: string;
  /** Absent for a tag without an image. */
  digest?: string;
}

export function isImageNode(node: TreeNode): node is ImageNode {
  return 'tag' in node;
}

export function imageStreamNode(session: Session, stream: ImageStream): TreeNode {
  return { id: `${session.cluster}/imagestreams/${keyOf(stream)}`, resource: imageStreams, object: stream, ...presentImageStream(stream, t) };
}

export async function imageChildren(node: TreeNode, stream: ImageStream, reader: ImageReader): Promise<TreeNode[]> {
  const of = { resource: imageStreams, object: stream };
  if (!isImageNode(node)) {
    return tagsOf(stream).map((tag): ImageNode => ({ id: `${node.id}:${tag.tag}`, ...of, tag: tag.tag, ...(tag.items?.[0] && { digest: tag.items[0].image }), ...presentTag(stream, tag, t) }));
  }
  if (node.contextValue.startsWith('imagetag')) {
    const events = tagsOf(stream).find(({ tag }) => tag === node.tag)?.items ?? [];
    // A tag may have had an image twice.
    return events.map((event, index): ImageNode => ({ id: `${node.id}/${event.image}/${event.created}/${event.generation}`, ...of, tag: node.tag, digest: event.image, ...presentHistory(event, index, t) }));
  }
  try {
    const image = await reader.read({ namespace: stream.metadata.namespace ?? '', stream: stream.metadata.name, digest: node.digest ?? '' });
    return layersOf(image).map((layer, index) => ({ id: `${node.id}/${index}`, namespace: stream.metadata.namespace ?? '', ...presentLayer(layer, index, t) }));
  } catch (error) {
    return [problemNode(node.id, error as Error)];
  }
}
