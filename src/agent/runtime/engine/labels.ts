/** The marks by which everything of a platform is found again on an engine, and by which nothing else is ever touched. */
import { createHash } from 'node:crypto';

export const engineLabels = {
  /** Hash of the platform's home. */
  home: 'slipway.dev/home',
  node: 'slipway.dev/node',
  /** `node`, `pod` (owner of a pod's network), `container`, `helper`. */
  role: 'slipway.dev/role',
  /** JSON of `PodSandboxConfig`, on the owner of a pod's network. */
  pod: 'slipway.dev/pod',
  /** Of the owner of the pod's network. */
  sandbox: 'slipway.dev/sandbox',
  /** JSON of `ContainerMark`. */
  container: 'slipway.dev/container',
} as const;

export type EngineRole = 'node' | 'pod' | 'container' | 'helper';

/** What a container is to us, beyond what the engine knows of it. */
export interface ContainerMark {
  name: string;
  attempt: number;
  imageId: string;
  logPath: string;
  stopSignal: string;
  tty: boolean;
  stdin: boolean;
  memoryLimit: number;
  /** Its folder in the volume of builds. */
  build?: string;
}

/** Short enough for names of networks and images. */
export function homeMark(home: string): string {
  return createHash('sha256').update(home).digest('hex').slice(0, 12);
}

/** For `filters` of the engine's lists and events. */
export function ownFilter(home: string, node: string | undefined, more: Record<string, string[]> = {}, role?: EngineRole): string {
  return JSON.stringify({ label: [`${engineLabels.home}=${home}`, ...(node === undefined ? [] : [`${engineLabels.node}=${node}`]), ...(role === undefined ? [] : [`${engineLabels.role}=${role}`])], ...more });
}

/** One a home: its nodes' pods reach one another. */
export const networkName = (home: string) => `slipway-${home}`;
/** Folders of builds, and what they keep for later ones: overlays can be made there, unlike on a container's own file system. */
export const buildVolume = (home: string, node: string) => `slipway-${home}-${node}-builds`;
export const imageRepository = (home: string) => `localhost/slipway-${home}`;
