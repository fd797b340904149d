/** Where each script of Source-to-Image comes from: the URL of the build config, else `.s2i/bin` of the source, else the image's label. */
import { withoutPassword } from '../../../../api/shown-url.ts';

export const scriptNames = ['assemble', 'run', 'save-artifacts', 'usage'] as const;
export type ScriptName = (typeof scriptNames)[number];

export type ScriptPlace = { from: 'url'; url: string } | { from: 'source' } | { from: 'image'; path: string };

export interface ScriptSearch {
  /** `spec.strategy.sourceStrategy.scripts`. */
  url: string | undefined;
  /** Scripts the URL gave; `undefined` if it is an `image://` one. */
  atUrl: ReadonlySet<string>;
  /** Names in `.s2i/bin`. */
  inSource: ReadonlySet<string>;
  /** The label's or environment's URL. */
  imageUrl: string | undefined;
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
  const { url, atUrl, inSource, imageUrl } = search;
  const scripts: FoundScripts['scripts'] = {};
  for (const name of scriptNames) {
    const place = fromUrl(name, url, atUrl, search) ?? (inSource.has(name) ? { from: 'source' as const } : fromImage(name, imageUrl, search));
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

/** Labels and variables of an image that tell where its scripts are, newest name first (source-to-image docs, builder_image.md). */
export function scriptsUrlOf(labels: Record<string, string>, env: Record<string, string>): string | undefined {
  return labels['io.openshift.s2i.scripts-url'] ?? labels['io.s2i.scripts-url'] ?? env.STI_SCRIPTS_URL;
}

/** Folder that receives `src`, `scripts` and `artifacts`. */
export function destinationOf(labels: Record<string, string>, env: Record<string, string>): string {
  const named = labels['io.openshift.s2i.destination'] ?? labels['io.s2i.destination'] ?? env.STI_LOCATION ?? '/tmp';
  return named.replace(/\/+$/, '') || '/tmp';
}
