/** Tags images into image streams, as `oc tag` does. */
import { latestEvent, splitTagName } from '../../api/image-tags.ts';
import { imageStreams, imageStreamTags, type ImageStreamTag, type TagReference } from '../../api/kinds/image.ts';
import type { ObjectReference } from '../../api/meta.ts';
import { isStatusError } from '../../api/status.ts';
import type { Client } from '../client.ts';
import { formatImageName, readImageName, shortName, type ImageName } from './image-name.ts';

export interface TagOptions {
  /** `web:v1`, `project/web@sha256:…`, `quay.io/acme/web:v1`. */
  source: string;
  /** What the source is, where its name does not tell. */
  sourceKind?: 'ImageStreamTag' | 'ImageStreamImage' | 'DockerImage' | undefined;
  /** `[project/]stream:tag`. */
  destinations: readonly string[];
  /** Project of names that have none. */
  namespace: string;
  /** The destination follows the source from now on; both are of one stream. */
  alias?: boolean;
  /** Only the name is taken over, nothing is imported. */
  reference?: boolean;
  scheduled?: boolean;
  insecure?: boolean;
  /** Pulls go through the platform's registry. */
  local?: boolean;
  importMode?: 'Legacy' | 'PreserveOriginal' | undefined;
}

/** What was asked for makes no sense; nothing was written. */
export class TagRefused extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'TagRefused';
  }
}

interface Destination {
  namespace: string;
  stream: string;
  tag: string;
}

/** Answers with one line for each destination. */
export async function tagImage(client: Client, options: TagOptions): Promise<string[]> {
  const source = await findSource(client, options);
  const destinations = options.destinations.map((text) => destinationOf(text, options.namespace));
  check(options, source, destinations);
  const lines: string[] = [];
  for (const destination of destinations) {
    await put(client, destination, tagFor(options, source, destination));
    lines.push(textFor(options, source, destination));
  }
  return lines;
}

/** Takes tags away, with their history. */
export async function untag(client: Client, tags: readonly string[], namespace: string): Promise<string[]> {
  const all = tags.map((text) => destinationOf(text, namespace));
  for (const { namespace: at, stream, tag } of all) await client.delete(imageStreamTags, { namespace: at, name: `${stream}:${tag}` });
  return all.map(({ namespace: at, stream, tag }) => `Deleted tag ${at}/${stream}:${tag}.`);
}

interface Source {
  kind: 'ImageStreamTag' | 'ImageStreamImage' | 'DockerImage';
  name: ImageName;
}

async function findSource(client: Client, { source, sourceKind, namespace, alias }: TagOptions): Promise<Source> {
  const name = readImageName(source);
  const kind = sourceKind ?? (name.registry ? 'DockerImage' : name.digest ? 'ImageStreamImage' : name.tag ? 'ImageStreamTag' : 'DockerImage');
  if (kind === 'DockerImage') return { kind, name };
  if (name.registry) throw new TagRefused(`"${source}" names a registry, so it is no part of an image stream.`);
  if (kind === 'ImageStreamTag' && !name.tag) throw new TagRefused(`"${source}" names no tag; write <stream>:<tag>.`);
  if (kind === 'ImageStreamImage' && !name.digest) throw new TagRefused(`"${source}" names no image; write <stream>@<digest>.`);
  // An alias follows; everything else keeps the image that the tag stands for now.
  if (kind === 'ImageStreamImage' || alias) return { kind, name };
  const stream = await client.get(imageStreams, { namespace: name.namespace || namespace, name: name.name });
  const event = latestEvent(stream, name.tag);
  if (!event) throw new TagRefused(`"${source}" is not currently pointing to an image, cannot use it as the source of a tag.`);
  if (!event.image) return { kind: 'DockerImage', name: readImageName(event.dockerImageReference) };
  return { kind: 'ImageStreamImage', name: { ...name, tag: '', digest: event.image } };
}

function destinationOf(text: string, namespace: string): Destination {
  const [first = '', second, ...more] = text.split('/');
  const parts = splitTagName(second ?? first);
  if (!parts || more.length > 0 || (second !== undefined && !first)) throw new TagRefused(`"${text}" must be of the form <stream>:<tag> or <project>/<stream>:<tag>.`);
  return { namespace: second === undefined ? namespace : first, ...parts };
}

function check({ alias, scheduled, insecure, namespace }: TagOptions, { kind, name }: Source, destinations: readonly Destination[]): void {
  if (destinations.length === 0) throw new TagRefused('Name at least one destination: <stream>:<tag>.');
  if (kind !== 'DockerImage' && (scheduled || insecure)) throw new TagRefused('Only images of other registries can be imported by a schedule or insecurely.');
  if (!alias) return;
  if (kind !== 'ImageStreamTag') throw new TagRefused('Only a tag of an image stream can be followed by an alias.');
  if (destinations.some((one) => one.namespace !== (name.namespace || namespace) || one.stream !== name.name)) throw new TagRefused('An alias cannot be set across image streams.');
}

function tagFor({ reference, scheduled, insecure, local, importMode, namespace }: TagOptions, source: Source, destination: Destination): TagReference {
  return {
    name: destination.tag,
    from: fromFor(source, namespace, destination),
    ...(reference && { reference }),
    // Zero asks for the image to be looked up, even if nothing else changes.
    ...(source.kind === 'DockerImage' && { generation: 0 }),
    importPolicy: { ...(insecure && { insecure }), ...(scheduled && { scheduled }), ...(importMode && { importMode }) },
    referencePolicy: { type: local ? 'Local' : 'Source' },
  };
}

function fromFor({ kind, name }: Source, namespace: string, destination: Destination): ObjectReference {
  if (kind === 'DockerImage') return { kind, name: formatImageName(name) };
  const project = name.namespace || (destination.namespace === namespace ? '' : namespace);
  return { kind, name: shortName(name), ...(project && { namespace: project }) };
}

async function put(client: Client, { namespace, stream, tag }: Destination, reference: TagReference): Promise<void> {
  const name = `${stream}:${tag}`;
  const object = { apiVersion: 'image.openshift.io/v1', kind: 'ImageStreamTag', metadata: { name, namespace }, tag: reference, image: { apiVersion: 'image.openshift.io/v1', kind: 'Image', metadata: { name: '' } } } as ImageStreamTag;
  try {
    await client.update(imageStreamTags, object, { namespace, name });
  } catch (error) {
    if (!isStatusError(error, 'NotFound', 'MethodNotAllowed')) throw error;
    await client.create(imageStreamTags, object, { namespace });
  }
}

function textFor({ alias, scheduled, namespace }: TagOptions, { name }: Source, to: Destination): string {
  const tag = `${to.namespace === namespace ? '' : `${to.namespace}/`}${to.stream}:${to.tag}`;
  const source = formatImageName(name);
  if (alias) return `Tag ${tag} set up to track ${source}.`;
  return scheduled ? `Tag ${tag} set to import ${source} periodically.` : `Tag ${tag} set to ${source}.`;
}
