/** What a stage is, instruction by instruction, and what all stages of a build share. */
import type { HistoryEntry, Platform, RunConfig } from '../../../../../oci/manifest.ts';
import type { BuildSettings } from '../settings.ts';
import type { BaseImage, BaseImages } from './base-image.ts';
import type { CacheMounts } from './cache-mounts.ts';
import { envOf } from './image-config.ts';
import type { LayerStore, StoredLayer } from './layer-store.ts';
import type { RunRoots } from './run-root.ts';
import type { Plan, Stage } from './stages.ts';
import { Tree } from './tree.ts';
import type { Users } from './users.ts';
import type { WordRules } from './words.ts';

export interface StageState {
  stage: Stage;
  platform: Platform;
  /** Topmost first, the base's included. */
  layers: StoredLayer[];
  /** Those that instructions made, lowest first. */
  made: StoredLayer[];
  /** Of the files: two stages of one key have the same. */
  key: string;
  config: RunConfig;
  history: HistoryEntry[];
  author: string | undefined;
  /** The image at the bottom of it; none: from scratch. */
  base: BaseImage | undefined;
  /** `ARG`s of this stage that have a value. */
  args: Map<string, string>;
  /** `CMD` was set in this stage. */
  commandIsOwn: boolean;
}

export interface BuildParts {
  settings: BuildSettings;
  store: LayerStore;
  images: BaseImages;
  roots: RunRoots;
  caches: CacheMounts;
  /** Undefined: commands have one user only. */
  users: Users | undefined;
  plan: Plan;
  escape: string;
  /** The build's own copy of the context, without what `.dockerignore` names. */
  context: Tree;
  /** Paths that are left out; for messages. */
  ignored: number;
  buildArgs: ReadonlyMap<string, string>;
  /** Values of `ARG`s that need not be given: platforms. */
  predefined: ReadonlyMap<string, string>;
  /** How a build reaches the outside; never kept. */
  proxies: ReadonlyMap<string, string>;
  /** An empty folder, since an overlay needs one below. */
  empty: string;
  /** Of copied files: seconds, or as they are on disk. */
  mtime: number | undefined;
  /** Stages that are done. */
  done: Map<number, StageState>;
  /** The image that takes the place of a name in the Dockerfile, and the folder of its pull secret. */
  imageFor(name: string): { name: string; secret: string | undefined };
  say(text: string): void;
  now(): Date;
  signal: AbortSignal;
}

/** Folders of all its layers, topmost first. */
export function foldersOf({ layers }: Pick<StageState, 'layers'>): string[] {
  return layers.map(({ folder }) => folder);
}

/** As commands see it: with the mount points that its base needs. */
export function rootFolders(state: StageState, parts: BuildParts): string[] {
  const { skeleton } = state.base?.host ?? {};
  return [...foldersOf(state), ...(skeleton === undefined ? [] : [skeleton]), parts.empty];
}

export function treeOf(state: StageState, parts: BuildParts): Tree {
  return new Tree([...foldersOf(state), parts.empty]);
}

/** `ENV` wins over `ARG`. */
export function rulesOf(state: StageState, { escape }: BuildParts): WordRules {
  const env = envOf(state.config);
  return { escape, lookup: (name) => env.get(name) ?? state.args.get(name) };
}

/** What was said of the author stays with the image. */
export function addHistory(state: StageState, createdBy: string, layer?: StoredLayer): void {
  const epoch = '1970-01-01T00:00:00Z';
  state.history.push({ created: layer?.created ?? epoch, created_by: createdBy, ...(state.author !== undefined && { author: state.author }), ...((!layer || layer.empty) && { empty_layer: true }) });
}

export function addLayer(state: StageState, layer: StoredLayer, createdBy: string): void {
  addHistory(state, createdBy, layer);
  if (layer.empty) return;
  state.layers.unshift(layer);
  state.made.push(layer);
  state.key = layer.key;
}
