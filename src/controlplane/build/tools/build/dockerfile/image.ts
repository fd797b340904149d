/** The image of the last stage: configuration, manifest, and what has to be pushed. */
import { digestOf } from '../../../../../oci/digest.ts';
import type { Blob, BuiltImage } from '../../../../../oci/image-builder.ts';
import { writeLayer, type LayerEntry, type WrittenLayer } from '../../../../../oci/layer-writer.ts';
import type { Descriptor, HistoryEntry, ImageConfig, ImageManifest, RunConfig } from '../../../../../oci/manifest.ts';
import { lookupMerged, mergedNames } from '../../../../../oci/scoped-folder.ts';
import { mediaTypes, toOciLayerType } from '../../../../../oci/media-types.ts';
import { join } from 'node:path';
import { layerEntries, type LayerStore } from './layer-store.ts';
import { foldersOf, type StageState } from './stage-state.ts';

export interface MadeImage {
  image: BuiltImage;
  /** Lowest first; what the base brings lies in its registry. */
  layers: WrittenLayer[];
}

/** Packs what instructions made. Layers that were packed before, by this or an earlier build, are not packed again. */
export async function packLayers(state: StageState, store: LayerStore, signal: AbortSignal): Promise<WrittenLayer[]> {
  const all = foldersOf(state);
  const packed: WrittenLayer[] = [];
  for (const [index, layer] of state.made.entries()) packed.push(await store.pack(layer, all.slice(state.made.length - index), signal));
  return packed;
}

/** All that instructions made as one layer: what an earlier one made and a later one deleted is not in it. */
export async function packTogether(state: StageState, directory: string, signal: AbortSignal): Promise<WrittenLayer[]> {
  if (state.made.length === 0) return [];
  const all = foldersOf(state);
  const base = all.slice(state.made.length);
  const merged = new Map<string, LayerEntry>();
  /** Deleted and made anew: nothing of the base's may show through. */
  const renewed: string[] = [];
  for (const [index, layer] of state.made.entries()) {
    for (const entry of await layerEntries(layer, all.slice(state.made.length - index))) {
      if (entry.type !== 'directory') for (const one of [...merged.keys()]) if (one.startsWith(`${entry.name}/`)) merged.delete(one);
      if (entry.type === 'directory' && merged.get(entry.name)?.type === 'whiteout') renewed.push(entry.name);
      merged.set(entry.name, entry);
    }
  }
  for (const folder of renewed) {
    if (merged.get(folder)?.type !== 'directory') continue;
    for (const leaf of await mergedNames(base, folder)) {
      const name = `${folder}/${leaf}`;
      const there = merged.get(name);
      if (!there) merged.set(name, { type: 'whiteout', name });
      else if (there.type === 'directory') renewed.push(name);
    }
  }
  const entries: LayerEntry[] = [];
  for (const entry of merged.values()) {
    if (entry.type === 'whiteout' && !lookupMerged(base, entry.name)) continue;
    // The file that it was a second name of came with an earlier layer, and went.
    if (entry.type === 'link' && merged.get(entry.target)?.type !== 'file') throw new Error(`/${entry.name} is a hard link to /${entry.target}, which a later instruction replaced: the layers cannot be joined. Leave out imageOptimizationPolicy`);
    entries.push(entry);
  }
  return [await writeLayer(entries, { directory: join(directory, 'blobs'), signal })];
}

export function makeImage(state: StageState, layers: readonly WrittenLayer[], together: boolean): MadeImage {
  const inherited = state.base?.image;
  const baseLayers: Descriptor[] = (inherited?.manifest.layers ?? []).map((layer) => ({ ...layer, mediaType: toOciLayerType(layer.mediaType) }));
  const history = together ? squashed(state, layers.length) : state.history;
  const created = history.map((one) => one.created ?? '').concat(inherited?.config.created ?? '').sort().at(-1) || '1970-01-01T00:00:00Z';
  const config: ImageConfig = {
    created,
    ...(state.author !== undefined && { author: state.author }),
    ...state.platform,
    config: tidy(state.config),
    rootfs: { type: 'layers', diff_ids: [...(inherited?.config.rootfs.diff_ids ?? []), ...layers.map(({ diffId }) => diffId)] },
    history,
  };
  const all = [...baseLayers, ...layers.map(({ mediaType, digest, size }) => ({ mediaType, digest, size }))];
  const configBlob = blob(mediaTypes.config, config);
  const manifest: ImageManifest = { schemaVersion: 2, mediaType: mediaTypes.manifest, config: { mediaType: configBlob.mediaType, digest: configBlob.digest, size: configBlob.size }, layers: all };
  return { image: { config: configBlob, manifest: blob(mediaTypes.manifest, manifest), layers: all, document: { config, manifest } }, layers: [...layers] };
}

/** One entry for the one layer; the others become settings. */
function squashed(state: StageState, layers: number): HistoryEntry[] {
  const had = (state.base?.image.config.history ?? []).length;
  const own = state.history.slice(had);
  const last = own.findLastIndex((one) => !one.empty_layer);
  return [...state.history.slice(0, had), ...own.map((one, index) => (index === last && layers > 0 ? one : { ...one, empty_layer: true }))];
}

function blob(mediaType: string, document: unknown): Blob {
  const bytes = Buffer.from(JSON.stringify(document));
  return { mediaType, digest: digestOf(bytes), size: bytes.length, bytes };
}

/** As images on the wire have it: nothing empty, maps in order. */
function tidy(config: RunConfig): RunConfig {
  const ordered = (value: unknown): unknown =>
    typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))) : value;
  const empty = (value: unknown) => value === undefined || value === null || value === '' || (typeof value === 'object' && Object.keys(value).length === 0);
  return Object.fromEntries(Object.entries(config).filter(([, value]) => !empty(value)).map(([name, value]) => [name, name === 'Healthcheck' ? value : ordered(value)])) as RunConfig;
}
