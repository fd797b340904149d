/** What an image tells about itself: pure. */
import type { Image, ImageStream, NamedTagEventList, TagEvent } from '../../api/kinds/image.ts';

export interface Layer {
  digest: string;
  /** Bytes as they travel. */
  size: number;
  /** `RUN npm ci`, from the image's history; absent where the cluster does not tell it. */
  command?: string;
  created?: string;
}

export interface HistoryEntry {
  command: string;
  created?: string;
  /** Changed no file. */
  empty: boolean;
}

/** What the configuration document says of how the image was made, if the cluster hands it out. */
export function historyOf({ dockerImageConfig }: Image): HistoryEntry[] {
  try {
    const { history = [] } = JSON.parse(dockerImageConfig ?? '{}') as { history?: { created?: string; created_by?: string; comment?: string; empty_layer?: boolean }[] };
    return history.map(({ created, created_by, comment, empty_layer }) => ({ command: commandText(created_by || comment || ''), ...(created && { created }), empty: empty_layer ?? false }));
  } catch {
    return [];
  }
}

/** From the base up. */
export function layersOf(image: Image): Layer[] {
  const told = historyOf(image).filter(({ empty }) => !empty);
  const layers = image.dockerImageLayers ?? [];
  // A history that does not count the same layers is about something else.
  const fits = told.length === layers.length;
  return layers.map(({ name, size }, index) => ({ digest: name, size, ...(fits && told[index]?.command && { command: told[index].command }), ...(fits && told[index]?.created && { created: told[index].created }) }));
}

/** As a Dockerfile would say it, whichever tool wrote the history. */
export function commandText(told: string): string {
  const text = told.replace(/\s+# buildkit$/, '').trim();
  const noOperation = /^\/bin\/sh -c #\(nop\)\s+(.*)$/s.exec(text);
  if (noOperation) return noOperation[1] ?? '';
  const run = /^(?:RUN )?(?:\|\d+ .*? )?\/bin\/sh -c (.*)$/s.exec(text);
  return (run ? `RUN ${run[1] ?? ''}` : text).replace(/\s+/g, ' ').trim();
}

/** Bytes in decimal units, as registries count them. */
export function sizeText(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB'];
  const power = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), units.length - 1);
  const value = bytes / 1000 ** power;
  return `${power === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[power] ?? ''}`;
}

export function totalSize(image: Image): number {
  return image.dockerImageMetadata?.Size || (image.dockerImageLayers ?? []).reduce((sum, { size }) => sum + size, 0);
}

/** `sha256:1a2b3c4d` */
export function shortDigest(digest: string): string {
  return digest.replace(/^(\w+:)?([0-9a-f]{12})[0-9a-f]*$/, '$2');
}

/** What a build leaves in an image of ours and of OpenShift's. */
export interface Origin {
  commit?: string;
  message?: string;
  author?: string;
  ref?: string;
  source?: string;
  build?: string;
}

export function originOf({ dockerImageMetadata }: Image): Origin {
  const { Labels = {}, Env = [] } = dockerImageMetadata?.Config ?? {};
  const variable = (name: string) => Env.find((one) => one.startsWith(`${name}=`))?.slice(name.length + 1);
  const found = {
    commit: Labels['io.openshift.build.commit.id'] ?? variable('OPENSHIFT_BUILD_COMMIT'), message: Labels['io.openshift.build.commit.message'], author: Labels['io.openshift.build.commit.author'],
    ref: Labels['io.openshift.build.commit.ref'], source: Labels['io.openshift.build.source-location'] ?? variable('OPENSHIFT_BUILD_SOURCE'), build: Labels['io.openshift.build.name'] ?? variable('OPENSHIFT_BUILD_NAME'),
  };
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value)) as Origin;
}

export function tagsOf(stream: ImageStream): NamedTagEventList[] {
  const told = stream.status?.tags ?? [];
  // A tag that was asked for and never had an image is a tag all the same.
  const wanted = (stream.spec.tags ?? []).filter(({ name }) => !told.some(({ tag }) => tag === name)).map(({ name }): NamedTagEventList => ({ tag: name, items: [] }));
  return [...told, ...wanted].sort((a, b) => a.tag.localeCompare(b.tag, undefined, { numeric: true }));
}

export function eventOf(stream: ImageStream, digest: string): TagEvent | undefined {
  return stream.status?.tags?.flatMap(({ items }) => items ?? []).find(({ image }) => image === digest);
}

/** Tags that lead to the image now. */
export function currentTags(stream: ImageStream, digest: string): string[] {
  return tagsOf(stream).filter(({ items }) => items?.[0]?.image === digest).map(({ tag }) => tag);
}
