/** The variables of a container that is a plain process. Pure. */
import { join } from 'node:path';
import { containerEnvironment } from '../command.ts';
import type { ContainerConfig, ImageInfo } from '../runtime.ts';
import type { Relocation } from './relocation.ts';

/** Marks every process of a container, whatever its parents; the value is the container's id. */
export const markerVariable = 'SLIPWAY_CONTAINER';

export interface EnvironmentInput {
  id: string;
  image: ImageInfo['config'];
  config: Pick<ContainerConfig, 'env' | 'tty'>;
  hostname: string;
  /** The container's own ports, in the order of its spec. */
  ports: readonly number[];
  /** Container port to port of this machine; undefined for a pod of the host's network. */
  portMap: Readonly<Record<number, number>> | undefined;
  relocation: Relocation;
  /** This machine's search path, behind the container's. */
  systemPath: string;
  /** Of the driver: volumes, and what programs that know it are told. They win over everything. */
  own: Readonly<Record<string, string>>;
}

export function processEnvironment({ id, image, config, hostname, ports, portMap, relocation, systemPath, own }: EnvironmentInput): Record<string, string> {
  const { root } = relocation;
  const temporary = join(root, 'tmp');
  const given = new Map(config.env.map(({ name, value }) => [name, value]));
  const merged = containerEnvironment(image.env, config.env, { hostname, home: root, tty: config.tty });
  const moved = Object.fromEntries([...merged].map(([name, value]) => [name, relocation.value(value)]));
  // A home of the image's that is not in its files would be this machine's.
  const home = given.has('HOME') || moved['HOME']?.startsWith(root) ? moved['HOME'] : root;
  return {
    TMPDIR: temporary, TEMP: temporary, TMP: temporary,
    ...moved,
    ...(home !== undefined && { HOME: home }),
    PATH: searchPath(moved['PATH'] ?? '', systemPath),
    ...portVariables(given, merged.get('PORT'), ports, portMap),
    APP_ROOT: join(root, '/opt/app-root'),
    ...own,
    [markerVariable]: id,
  };
}

function searchPath(own: string, system: string): string {
  return process.platform === 'win32' ? [...own.split(';').filter((folder) => !folder.startsWith('/')), system].filter(Boolean).join(';') : [...new Set([...own.split(':'), ...system.split(':')])].filter(Boolean).join(':');
}

/** `SLIPWAY_VOLUME_<NAME>`, which tells where the volume of that name lies. */
export function volumeVariable(name: string): string {
  return `SLIPWAY_VOLUME_${name.toUpperCase().replace(/[^A-Z0-9]/g, '_')}`;
}

/**
 * `PORT` in the pod that names a container port means the port this machine gave it; any other number is the user's own decision. Without one the image's
 * counts if the container declares it, else the first declared. `HOST` is the loopback: nothing lies between an application and the network around this machine.
 */
function portVariables(given: ReadonlyMap<string, string>, inImage: string | undefined, ports: readonly number[], portMap: EnvironmentInput['portMap']): Record<string, string> {
  if (!portMap) return {};
  const each = Object.entries(portMap).map(([port, assigned]) => [`SLIPWAY_PORT_${port}`, String(assigned)] as const);
  const wish = given.get('PORT');
  const meant = wish ?? (ports.includes(Number(inImage)) ? inImage : ports[0]);
  const port = meant === undefined ? undefined : portMap[Number(meant)];
  const host = given.get('HOST');
  return { ...Object.fromEntries(each), ...(port !== undefined && { PORT: String(port) }), ...((host === undefined || everyAddress.has(host)) && { HOST: '127.0.0.1' }) };
}

const everyAddress = new Set(['', '0.0.0.0', '::', '*']);
