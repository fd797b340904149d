/** Images as a node keeps them. */
import type { ImageConfig } from '../../oci/manifest.ts';
import { imageMarks } from '../../api/kinds/image.ts';
import type { ImageInfo } from '../runtime/runtime.ts';

export interface ImageRecord extends ImageInfo {
  /** Folders of the layers, topmost first, names in the layer folder. */
  layers: string[];
  /** Toolchain folders outside `/usr`; undefined for images with a base of their own. */
  hostPaths?: string[];
  /** Besides these, the folders of every toolchain found on this machine: a build hands them on to the root it makes. */
  allToolchains?: boolean;
  /** Files of this machine shown at another path, for built-in images. */
  extraBinds?: { source: string; path: string; directory: boolean }[];
}

export function imageRunConfig(image: ImageConfig): ImageInfo['config'] {
  const { User, Env, Entrypoint, Cmd, WorkingDir, ExposedPorts, Labels, StopSignal } = image.config ?? {};
  return {
    ...(User && { user: User }), env: Env ?? [], entrypoint: Entrypoint ?? [], cmd: Cmd ?? [], ...(WorkingDir && { workingDir: WorkingDir }),
    exposedPorts: Object.keys(ExposedPorts ?? {}), labels: Labels ?? {}, ...(StopSignal && { stopSignal: StopSignal }),
  };
}

/** What the label asks to see of this machine; undefined if the image does not stand on it. */
export function hostPathsOf(labels: Record<string, string>): string[] | undefined {
  if (labels[imageMarks.base] !== 'host') return undefined;
  try {
    const list: unknown = JSON.parse(labels[imageMarks.hostPaths] ?? '[]');
    return Array.isArray(list) ? list.filter((path): path is string => typeof path === 'string') : [];
  } catch {
    return [];
  }
}
