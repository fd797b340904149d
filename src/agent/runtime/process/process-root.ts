/**
 * A container without a root of its own. Its image is laid out in a folder, and paths are led there by rule (oci/relocate.ts): words of the command and values of
 * variables that begin with a folder which only images bring (`/opt/app-root`, `/opt/s2i`) mean that folder. Everything else means this machine.
 * Volumes are links at their mount path inside the folder; `SLIPWAY_MOUNTS` names the folder for programs that know of it.
 */
import { mkdirSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { relocateEnv, relocatePath } from '../../../oci/relocate.ts';
import type { Mount } from '../runtime.ts';
import { systemPath } from '../system-path.ts';

export interface ProcessEnvironment {
  root: string;
  image: ReadonlyMap<string, string>;
  portMap: Readonly<Record<number, number>>;
  host: string;
  temporary: string;
  /** `NAME=value` by which stray processes are found. */
  marker: string;
}

/** Complete environment of the application. */
export function processEnvironment({ root, image, portMap, host, temporary, marker }: ProcessEnvironment): Record<string, string> {
  const moved = relocateEnv(Object.fromEntries(image), root);
  const [markerName = '', markerValue = ''] = marker.split(/=(.*)/s);
  const first = Object.values(portMap)[0];
  const windows = process.platform === 'win32' ? Object.fromEntries(['SystemRoot', 'SystemDrive', 'ComSpec', 'PATHEXT', 'windir', 'APPDATA', 'LOCALAPPDATA', 'USERPROFILE', 'ProgramFiles'].flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]!]]))) : {};
  const path = process.platform === 'win32' ? (process.env['Path'] ?? process.env['PATH'] ?? '') : `${moved['PATH'] ?? ''}:${systemPath()}`;
  return {
    ...windows,
    TMPDIR: temporary, TEMP: temporary, TMP: temporary,
    ...moved,
    PATH: path,
    // A home that is not the image's own would be this user's.
    HOME: moved['HOME']?.startsWith(root) ? moved['HOME'] : root,
    HOST: host,
    ...(first !== undefined && { PORT: String(first) }),
    ...Object.fromEntries(Object.entries(portMap).map(([port, assigned]) => [`SLIPWAY_PORT_${port}`, String(assigned)])),
    SLIPWAY_MOUNTS: root,
    [markerName]: markerValue,
  };
}

export function relocateCommand(command: readonly string[], root: string, fixed: Readonly<Record<string, string>>): string[] {
  return command.map((word) => fixed[word] ?? relocatePath(word, root));
}

/** Where the image says, if that lies in the folder, else the folder. */
export function processFolder(workingDir: string, root: string): string {
  const moved = relocatePath(workingDir, root);
  return moved !== workingDir && statSync(moved, { throwIfNoEntry: false })?.isDirectory() ? moved : root;
}

/** Outer mounts first. A mount inside another volume cannot be shown without writing into that volume, so it gets no link. */
export function linkMounts(mounts: readonly Mount[], root: string): void {
  const made: string[] = [];
  for (const { hostPath, containerPath } of [...mounts].sort((one, other) => one.containerPath.length - other.containerPath.length)) {
    if (made.some((path) => containerPath.startsWith(`${path}/`))) continue;
    const link = join(root, containerPath);
    mkdirSync(dirname(link), { recursive: true });
    rmSync(link, { recursive: true, force: true });
    const directory = statSync(hostPath).isDirectory();
    symlinkSync(hostPath, link, directory ? 'junction' : 'file');
    made.push(containerPath.replace(/\/+$/, ''));
  }
}
