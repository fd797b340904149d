/** Writing one tag of a stream, whatever it is called: ImageStreamTag and ImageTag are two views of the same. */
import { imageStreams, type ImageStream, type TagReference } from '../../api/kinds/image.ts';
import { splitTagName } from '../../api/image-tags.ts';
import { badRequest, conflict, isStatusError, notFound } from '../../api/status.ts';
import type { Resource } from '../../api/resource.ts';
import type { Client } from '../../client/client.ts';
import { changeStream, onceMade } from './stream-writes.ts';

type View = Pick<Resource, 'group' | 'plural' | 'kind'>;

export function splitName(view: View, name: string): { stream: string; tag: string } {
  const parts = splitTagName(name);
  if (!parts) throw badRequest(`${view.kind}s must be retrieved with <name>:<tag>`);
  return parts;
}

export async function streamOf(client: Client, view: View, namespace: string | undefined, name: string): Promise<ImageStream> {
  return client.get(imageStreams, { namespace, name: splitName(view, name).stream }).catch((error: unknown) => {
    throw isStatusError(error, 'NotFound') ? notFound(view, name) : error;
  });
}

/** Puts a tag into the stream, which is made if it is missing. `make`: the tag, `null` to take it out of the spec, `undefined` to leave the spec as it is. */
export async function putTag(client: Client, at: { namespace: string | undefined; stream: string; tag: string }, make: (existing: ImageStream) => TagReference | null | undefined): Promise<ImageStream> {
  const put = (stream: ImageStream): ImageStream => {
    const reference = make(stream);
    if (reference === undefined) return stream;
    const others = (stream.spec.tags ?? []).filter((one) => one.name !== at.tag);
    return { ...stream, spec: { ...stream.spec, tags: reference ? [...others, reference] : others } };
  };
  const { namespace, stream: name } = at;
  try {
    return await changeStream(client, { namespace, name }, put);
  } catch (error) {
    if (!isStatusError(error, 'NotFound')) throw error;
  }
  const empty: ImageStream = { apiVersion: 'image.openshift.io/v1', kind: 'ImageStream', metadata: { name, ...(namespace && { namespace }) }, spec: {} };
  try {
    return await client.create(imageStreams, put(empty), { namespace });
  } catch (error) {
    if (!isStatusError(error, 'AlreadyExists')) throw error;
    return onceMade(() => changeStream(client, { namespace, name }, put));
  }
}

/** A client that names the version it saw wants to change that one and no other. */
export function checkVersion(view: View, name: string, version: string | undefined, stream: ImageStream): void {
  if (!version) return;
  const current = stream.metadata.resourceVersion;
  if (!current) throw notFound(view, name);
  if (current !== version) throw conflict(view, name, `another caller has updated the resource version to ${current}`);
}

/** Removes a tag and its history; the image stays. */
export async function deleteTag(client: Client, view: View, namespace: string | undefined, name: string): Promise<void> {
  const { stream, tag } = splitName(view, name);
  let found = false;
  // Status last: as long as the spec names a source, history would come back.
  for (const subresource of [undefined, 'status'] as const) {
    await changeStream(client, { namespace, name: stream, ...(subresource && { subresource }) }, (current) => {
      const part = subresource ? current.status : current.spec;
      const all = (subresource ? current.status?.tags : current.spec.tags) ?? [];
      const kept = (all as readonly { tag?: string; name?: string }[]).filter((one) => (one.tag ?? one.name) !== tag);
      if (!part || kept.length === all.length) return undefined;
      found = true;
      (part as { tags?: unknown }).tags = kept;
      return current;
    }).catch((error: unknown) => {
      throw isStatusError(error, 'NotFound') ? notFound(view, name) : error;
    });
  }
  if (!found) throw notFound(view, name);
}
