/** What the tags of an image stream stand for, to everything that runs or builds from them. */
import type { ImageStream, TagEvent } from './kinds/image.ts';

/** `web:v1` → `web`, `v1`; undefined for anything else (library-go imageutil). */
export function splitTagName(name: string): { stream: string; tag: string } | undefined {
  const [stream, tag, ...more] = name.split(':');
  return stream && tag && more.length === 0 && !name.includes('@') ? { stream, tag } : undefined;
}

export function latestEvent(stream: ImageStream, tag: string): TagEvent | undefined {
  return stream.status?.tags?.find((one) => one.tag === tag)?.items?.[0];
}

/** Pull specification of an entry in the tag's history: where the image came from, or by the tag's reference policy `Local` through the platform's registry. */
export function pullSpecOf(stream: ImageStream, tag: string, event: TagEvent): string {
  const local = stream.status?.dockerImageRepository;
  const policy = stream.spec.tags?.find(({ name }) => name === tag)?.referencePolicy?.type;
  return policy === 'Local' && local && event.image ? `${local}@${event.image}` : event.dockerImageReference;
}

/** Pull specification of what the tag stands for now; undefined if it never had an image. */
export function latestPullSpec(stream: ImageStream, tag: string): string | undefined {
  const event = latestEvent(stream, tag);
  return event && pullSpecOf(stream, tag, event);
}
