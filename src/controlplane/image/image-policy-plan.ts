/**
 * Image names that may mean an image stream of the same project, as OpenShift's image policy reads them: a single word (`web`, `web:v1`) if the stream
 * asks for it (`spec.lookupPolicy.local`), any name if the object does (annotation `resolve-names: '*'`). Pure.
 */
import { latestEvent, pullSpecOf } from '../../api/image-tags.ts';
import { isObject } from '../../api/json.ts';
import { imageAnnotations, type ImageStream } from '../../api/kinds/image.ts';
import type { KubeObject, ObjectReference } from '../../api/meta.ts';
import { templateAt, templatePathOf } from '../../api/pod-templates.ts';
import type { Resource } from '../../api/resource.ts';
import { formatReference, isInternal, parseReference, withDigest } from '../../oci/reference.ts';

/** A place in the object that names an image. */
export interface ImageSlot {
  readonly image: string;
  /** Writes into the object. */
  set(image: string): void;
}

export interface LocalName {
  stream: string;
  tag: string;
  /** The object wants it whatever the stream says. */
  forced: boolean;
}

const isPod = ({ group, plural }: Resource) => group === '' && plural === 'pods';
const isBuild = ({ group, plural }: Resource) => group === 'build.openshift.io' && plural === 'builds';
/** Their templates cannot be changed. */
const isFixed = (of: Resource) => isBuild(of) || (of.group === 'batch' && of.plural === 'jobs');

/** Kinds whose image names are looked up. */
export function isCovered(of: Resource): boolean {
  return isPod(of) || isBuild(of) || templatePathOf(of) !== undefined;
}

/** What is new in `object` and names an image. */
export function slotsOf(of: Resource, object: KubeObject, old: KubeObject | undefined): ImageSlot[] {
  if (old && isFixed(of)) return [];
  if (isBuild(of)) return buildSlots(object);
  const known = old && isForced(of, old) === isForced(of, object) ? imagesByContainer(of, old) : new Map<string, string>();
  return containersOf(of, object).flatMap((container) => {
    const { image, name } = container;
    return image && known.get(name) !== image ? [{ image, set: (next: string) => void (container.image = next) }] : [];
  });
}

interface Container {
  name: string;
  image?: string;
}

function containersOf(of: Resource, object: KubeObject): Container[] {
  const holder = isPod(of) ? (object as KubeObject & { spec?: unknown }) : templateAt(object, templatePathOf(of) ?? []);
  const spec = isObject(holder?.spec) ? (holder.spec as { containers?: Container[]; initContainers?: Container[] }) : {};
  return [...(spec.initContainers ?? []), ...(spec.containers ?? [])];
}

function imagesByContainer(of: Resource, object: KubeObject): Map<string, string> {
  return new Map(containersOf(of, object).map(({ name, image }) => [name, image ?? '']));
}

function buildSlots(object: KubeObject): ImageSlot[] {
  const { spec } = object as KubeObject & { spec?: { strategy?: Record<string, unknown>; source?: { images?: { from?: ObjectReference }[] } } };
  const strategies = Object.values(spec?.strategy ?? {}).filter(isObject).map(({ from }) => from as ObjectReference | undefined);
  return [...strategies, ...(spec?.source?.images ?? []).map(({ from }) => from)].flatMap((from) =>
    from?.kind === 'DockerImage' && from.name ? [{ image: from.name, set: (next: string) => void (from.name = next) }] : [],
  );
}

/** True if the object, or its pod template, asks for every name to be looked up. */
export function isForced(of: Resource, object: KubeObject): boolean {
  const path = templatePathOf(of);
  const all = [object.metadata.annotations, path && templateAt(object, path)?.metadata?.annotations];
  return all.some((annotations) => annotations?.[imageAnnotations.resolveNames] === '*');
}

/** The stream and tag that an image name may mean; undefined if it can mean none of this project. */
export function localName(image: string, forced: boolean): LocalName | undefined {
  if (image.includes('@') || (!forced && image.includes('/'))) return undefined;
  try {
    const reference = parseReference(image);
    const { path, tag = 'latest' } = reference;
    const stream = path.slice(path.lastIndexOf('/') + 1);
    return isInternal(reference) || path.split('/').length > 2 ? undefined : { stream, tag, forced };
  } catch {
    return undefined;
  }
}

/** What the name stands for; undefined if the stream does not lend itself to it. A tag that is still missing is waited for in this stream, not fetched from elsewhere. */
export function resolveName({ tag, forced }: LocalName, stream: ImageStream): string | undefined {
  if (!forced && !stream.spec.lookupPolicy?.local) return undefined;
  const event = latestEvent(stream, tag);
  if (!event) return stream.status?.dockerImageRepository ? `${stream.status.dockerImageRepository}:${tag}` : undefined;
  const spec = pullSpecOf(stream, tag, event);
  try {
    return event.image ? formatReference(withDigest(parseReference(spec), event.image)) : spec;
  } catch {
    return undefined;
  }
}
