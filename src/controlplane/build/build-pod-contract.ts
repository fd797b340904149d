/** What the build controller and the build program agree on: variables and mount paths of a build pod. Paths are OpenShift's where it has them. */
import { strategyType, type BuildStrategy } from '../../api/kinds/build.ts';

export const buildVariables = {
  /** The Build object as JSON, its builder resolved to a digest. */
  build: 'BUILD',
  /** Folder to work in; default `/build`. */
  folder: 'SLIPWAY_BUILD_FOLDER',
  /** Folder that builds of this node share, on the same mount as the other: what they keep for later ones. Absent: nothing is kept. */
  cache: 'SLIPWAY_BUILD_CACHE',
  /** `true`: run without namespaces. */
  plain: 'SLIPWAY_BUILD_PLAIN',
  /** `host:port` at which the internal registry is dialled, where its own name does not resolve. */
  registryAddress: 'SLIPWAY_REGISTRY_ADDRESS',
  /** Prefix of all mount paths, where the runtime cannot mount. */
  mounts: 'SLIPWAY_MOUNTS',
  serviceAccount: 'SLIPWAY_SERVICE_ACCOUNT',
  terminationLog: 'SLIPWAY_TERMINATION_LOG',
  /** Ranges of uids that assemble may run as: `1-`, `1-10,1001`. Absent or empty: any. */
  allowedUids: 'ALLOWED_UIDS',
} as const;

/** Variable of the pod that holds what the strategy's or the build arguments' variable number `index` refers to; it is not there if that is missing. */
export function referenceVariable(list: 'env' | 'buildArgs', index: number): string {
  return `SLIPWAY_${list === 'env' ? 'ENV' : 'ARG'}_${index}`;
}

export const buildPaths = {
  serviceAccount: '/var/run/secrets/kubernetes.io/serviceaccount',
  sourceSecret: '/var/run/secrets/openshift.io/source',
  pushSecret: '/var/run/secrets/openshift.io/push',
  pullSecret: '/var/run/secrets/openshift.io/pull',
  /** One folder for each of `spec.source.images`, by its place in the list. */
  sourceImages: '/var/run/secrets/openshift.io/source-image',
  secrets: '/var/run/secrets/openshift.io/build',
  configMaps: '/var/run/configs/openshift.io/build',
  /** One folder a volume of the strategy. */
  volumes: '/var/run/openshift.io/volumes',
} as const;

/** Image of build pods, but for those of the Custom strategy. */
export const toolsImage = 'slipway/tools';

/** Name of a build pod's container. */
export function buildContainer(strategy: BuildStrategy): string {
  const type = strategyType(strategy);
  return type === 'Docker' ? 'docker-build' : type === 'Custom' ? 'custom-build' : 'sti-build';
}
