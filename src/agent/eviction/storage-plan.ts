/** Whether a pod holds to what it may write on this machine, pure (kubelet local storage eviction, with its words). */
import type { Pod } from '../../api/kinds/core.ts';
import { bytesText, quantityOf } from '../../api/quantity.ts';

export interface StorageUsage {
  /** Bytes by name: writable layer and logs. */
  containers: ReadonlyMap<string, number>;
  /** Bytes of emptyDirs by volume name. */
  emptyDirs: ReadonlyMap<string, number>;
}

const resource = 'ephemeral-storage';

/** Some limit of it has to be watched. A volume in memory watches itself where it is a file system of its own. */
export function hasStorageLimits({ spec }: Pod): boolean {
  return spec.containers.some(({ resources }) => resources?.limits?.[resource] !== undefined) || (spec.volumes ?? []).some(({ emptyDir }) => quantityOf(emptyDir?.sizeLimit) > 0);
}

/** The text of the eviction, undefined while all limits are kept. */
export function exceededStorage({ spec }: Pod, { containers, emptyDirs }: StorageUsage): string | undefined {
  let onDisk = [...containers.values()].reduce((sum, bytes) => sum + bytes, 0);
  for (const { name, emptyDir } of spec.volumes ?? []) {
    const used = emptyDirs.get(name);
    if (!emptyDir || used === undefined) continue;
    const limit = quantityOf(emptyDir.sizeLimit);
    if (limit > 0 && used > limit) return `Usage of EmptyDir volume "${name}" exceeds the limit "${emptyDir.sizeLimit}". `;
    if (emptyDir.medium !== 'Memory') onDisk += used;
  }
  const limits = spec.containers.flatMap(({ resources }) => (resources?.limits?.[resource] === undefined ? [] : [quantityOf(resources.limits[resource])]));
  const total = limits.reduce((sum, limit) => sum + limit, 0);
  if (limits.length > 0 && onDisk > total) return `Pod ephemeral local storage usage exceeds the total limit of containers ${bytesText(total)}. `;
  for (const { name, resources } of spec.containers) {
    const limit = resources?.limits?.[resource];
    if (limit !== undefined && (containers.get(name) ?? 0) > quantityOf(limit)) return `Container ${name} exceeded its local ephemeral storage limit "${limit}". `;
  }
  return undefined;
}
