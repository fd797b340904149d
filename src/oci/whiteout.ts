/** Marks that hide files of lower layers: `.wh.` entries in archives (image-spec layer.md, "Whiteouts"), 0:0 devices in overlays. */
import { execFile } from 'node:child_process';
import type { Stats } from 'node:fs';
import { promisify } from 'node:util';
import { LayerError } from './layer-error.ts';

export const whiteoutPrefix = '.wh.';
/** Hides everything the lower layers have in its directory. */
export const opaqueMarker = '.wh..wh..opq';
/** AUFS bookkeeping (`.wh..wh.plnk`, …), never content. */
export const reservedPrefix = '.wh..wh.';

/** overlayfs' own mark: a character device 0:0. */
export function isOverlayWhiteout(stat: Stats): boolean {
  return stat.isCharacterDevice() && stat.rdev === 0;
}

const run = promisify(execFile);
const pathsACall = 200;

/**
 * Makes overlay whiteouts. Node has no mknod; the program of that name may make 0:0 devices without privileges (Linux 5.8 and later),
 * in user namespaces and outside. Nothing may exist at the paths.
 */
export async function makeOverlayWhiteouts(paths: readonly string[]): Promise<void> {
  for (let at = 0; at < paths.length; at += pathsACall) {
    const some = paths.slice(at, at + pathsACall);
    try {
      await run('sh', ['-c', 'for path do mknod -- "$path" c 0 0 || exit 1; done', 'mknod', ...some]);
    } catch (cause) {
      const { stderr = '' } = cause as { stderr?: string };
      throw new LayerError('WhiteoutRefused', `cannot mark deleted files (mknod of a 0:0 device): ${stderr.trim() || String(cause)}; Linux 5.8 or later is needed`, { cause });
    }
  }
}
