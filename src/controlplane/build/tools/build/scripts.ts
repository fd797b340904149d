/** Where each script of Source-to-Image comes from: the URL of the build config, else `.s2i/bin` of the source, else the image's label, which may name a URL too. */
import { withoutPassword } from '../../../../api/shown-url.ts';

export const scriptNames = ['assemble', 'run', 'save-artifacts', 'usage'] as const;
export type ScriptName = (typeof scriptNames)[number];

export type ScriptPlace = { from: 'url'; url: string } | { from: 'source' } | { from: 'image'; path: string };

export interface ScriptSearch {
  /** `spec.strategy.sourceStrategy.scripts`. */
  url: string | undefined;
  /** Scripts the URL gave; none if it is an `image://` one. */
  atUrl: ReadonlySet<string>;
  /** Names in `.s2i/bin`. */
  inSource: ReadonlySet<string>;
  /** The label's or environment's URL. */
  imageUrl: string | undefined;
  /** Scripts that one gave. */
  atImageUrl: ReadonlySet<string>;
  /** Whether the image has a file. */
  inImage(path: string): boolean;
}

export interface FoundScripts {
  scripts: Partial<Record<ScriptName, ScriptPlace>>;
  /** `assemble` and `run`, those that are missing. */
  missing: ScriptName[];
  /** Where was looked, for people. */
  looked: string[];
}

export function findScripts(search: ScriptSearch): FoundScripts {
  const { url, atUrl, inSource, imageUrl, atImageUrl } = search;
  const scripts: FoundScripts['scripts'] = {};
  for (const name of scriptNames) {
    const place = fromUrl(name, url, atUrl, search) ?? (inSource.has(name) ? { from: 'source' as const } : fromUrl(name, imageUrl, atImageUrl, search));
    if (place) scripts[name] = place;
  }
  const missing = (['assemble', 'run'] as const).filter((name) => !scripts[name]);
  return { scripts, missing: [...missing], looked: [...(url === undefined ? [] : [withoutPassword(url)]), '.s2i/bin of the source', imageUrl === undefined ? 'the builder image, which has no io.openshift.s2i.scripts-url label' : imageUrl] };
}

function fromUrl(name: ScriptName, url: string | undefined, atUrl: ReadonlySet<string>, search: ScriptSearch): ScriptPlace | undefined {
  if (url === undefined) return undefined;
  if (url.startsWith('image://')) return fromImage(name, url, search);
  return atUrl.has(name) ? { from: 'url', url: `${url.replace(/\/$/, '')}/${name}` } : undefined;
}

function fromImage(name: ScriptName, url: string | undefined, { inImage }: ScriptSearch): ScriptPlace | undefined {
  if (!url?.startsWith('image://')) return undefined;
  const path = `${url.slice('image://'.length).replace(/\/$/, '')}/${name}`;
  return inImage(path) ? { from: 'image', path } : undefined;
}

interface Names {
  /** Newest first; all but the first are warned of. */
  labels: readonly string[];
  variable: string;
}

const scriptsUrl: Names = { labels: ['io.openshift.s2i.scripts-url', 'io.s2i.scripts-url'], variable: 'STI_SCRIPTS_URL' };
const destination: Names = { labels: ['io.openshift.s2i.destination', 'io.s2i.destination'], variable: 'STI_LOCATION' };

/** What the image tells, by a label or, long ago, by a variable (source-to-image docs, builder_image.md). */
function told({ labels: names, variable }: Names, labels: Record<string, string>, env: Record<string, string>): { value: string; old?: string } | undefined {
  for (const [index, name] of names.entries()) {
    const value = labels[name];
    if (value !== undefined) return { value, ...(index > 0 && { old: `label ${name}` }) };
  }
  const value = env[variable];
  return value === undefined ? undefined : { value, old: `variable ${variable}` };
}

export function scriptsUrlOf(labels: Record<string, string>, env: Record<string, string>): string | undefined {
  return told(scriptsUrl, labels, env)?.value;
}

/** Folder that receives `src`, `scripts` and `artifacts`. */
export function destinationOf(labels: Record<string, string>, env: Record<string, string>): string {
  return (told(destination, labels, env)?.value ?? '/tmp').replace(/\/+$/, '') || '/tmp';
}

/** What an image says in words of old, for people. */
export function outdatedNames(labels: Record<string, string>, env: Record<string, string>): string[] {
  return [scriptsUrl, destination].flatMap((names) => {
    const old = told(names, labels, env)?.old;
    return old === undefined ? [] : [`the ${old} of the builder image is outdated, its image should have the label ${names.labels[0] ?? ''}`];
  });
}
