/** A store of layers in a folder of its own, for builds that are only folders. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LayerStore, type StoredLayer } from '../../../../../src/controlplane/build/tools/build/dockerfile/layer-store.ts';

export function layerStoreFixture() {
  const folder = mkdtempSync(join(tmpdir(), 'layer-store-'));
  let builds = 0;
  return {
    open(reads = true): Promise<LayerStore> {
      const scratch = join(folder, `build-${++builds}`);
      mkdirSync(scratch);
      return LayerStore.open(join(folder, 'cache'), scratch, reads);
    },
    async make(store: LayerStore, key: string, text: string): Promise<StoredLayer> {
      const made = await store.fresh();
      writeFileSync(join(made, 'file'), text);
      return store.keep(key, made, { owners: {}, bytes: text.length });
    },
    layers: () => readdirSync(join(folder, 'cache/dockerfile/layers')).filter((name) => !name.includes('.')).sort(),
    dispose: () => rmSync(folder, { recursive: true }),
  };
}
