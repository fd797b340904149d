/** Volumes without mounts: links in the container's work folder, and variables that tell where they lie. */
import { copyFileSync, cpSync, mkdirSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { RuntimeFailure, type Mount } from '../runtime.ts';
import { isOwn } from './relocation.ts';
import { volumeVariable } from './process-environment.ts';

export interface VolumePlan {
  /** `path` as the container names it. */
  links: { path: string; target: string; copied?: boolean }[];
  variables: Record<string, string>;
}

/**
 * A volume inside the application's own folders is where the application looks for it. Elsewhere only those are given that a program can be told about by a
 * variable; a persistent volume is refused, since an application that does not find it would write its data into a folder that is thrown away. Pure.
 */
export function planVolumes(mounts: readonly Mount[]): VolumePlan {
  const plan: VolumePlan = { links: [], variables: {} };
  for (const { hostPath, containerPath, volume, movable, fixed } of mounts) {
    const path = posix.normalize(containerPath).replace(/(?<=.)\/$/, '');
    const outer = mounts.find((one) => one.containerPath !== containerPath && path.startsWith(`${one.containerPath.replace(/\/$/, '')}/`));
    if (outer) throw refused(`${path} lies inside the volume at ${outer.containerPath}`);
    if (path === '/') throw refused('a volume cannot be the root');
    if (volume !== undefined && !movable && !isOwn(path)) {
      throw refused(`volume "${volume}" cannot be mounted at ${path}: a plain process sees this machine's own ${path}. Mount it below /opt/app-root, or annotate the pod with slipway.dev/volumes=variables and read ${volumeVariable(volume)}, or run with the sandbox or an engine`);
    }
    plan.links.push({ path, target: hostPath, ...(fixed && { copied: true }) });
    if (volume !== undefined) plan.variables[volumeVariable(volume)] ??= hostPath;
  }
  return plan;
}

function refused(why: string): RuntimeFailure {
  return new RuntimeFailure('VolumeNotMounted', why);
}

/** What the image has at a link's place is hidden for good, as by a mount. */
export function linkVolumes(plan: VolumePlan, root: string): void {
  for (const { path, target, copied } of plan.links) {
    const at = join(root, path);
    rmSync(at, { recursive: true, force: true });
    mkdirSync(dirname(at), { recursive: true });
    if (copied) {
      // What the link would lead to is replaced under it.
      cpSync(target, at, { recursive: true, dereference: true });
      continue;
    }
    const directory = statSync(target).isDirectory();
    try {
      symlinkSync(target, at, directory ? 'junction' : 'file');
    } catch (error) {
      // Windows lets ordinary users link folders only.
      if (directory || process.platform !== 'win32') throw error;
      copyFileSync(target, at);
    }
  }
}
