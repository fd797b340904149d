/** What the build controller and the build program agree on: variables and mount paths of a build pod. Paths are OpenShift's where it has them. */

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
} as const;

export const buildPaths = {
  serviceAccount: '/var/run/secrets/kubernetes.io/serviceaccount',
  sourceSecret: '/var/run/secrets/openshift.io/source',
  pushSecret: '/var/run/secrets/openshift.io/push',
  pullSecret: '/var/run/secrets/openshift.io/pull',
  secrets: '/var/run/secrets/openshift.io/build',
  configMaps: '/var/run/configs/openshift.io/build',
} as const;

/** Image of build pods and the container in them. */
export const toolsImage = 'slipway/tools';
export const buildContainer = 'sti-build';
