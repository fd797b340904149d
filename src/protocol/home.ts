/** Where things lie: the data folder of one platform and its run folder for sockets. Paths are joined by the caller's `path`. */

/** Names inside the data folder (default `~/.slipway`, mode 0700). */
export const homeLayout = {
  kubeconfig: 'kubeconfig',
  /** The running control plane's `RunInfo`. */
  runInfo: 'run.json',
  lock: 'lock',
  versions: 'versions',
  pki: 'pki',
  store: 'store',
  registry: 'registry',
  volumes: 'volumes',
  nodes: 'nodes',
  logs: 'log',
  cache: 'cache',
} as const;

/** Names inside the run folder: short and hashed, since a socket path over 107 bytes is cut silently. */
export const runLayout = { api: 'api.sock', registry: 'registry.sock', egress: 'egress.sock', control: 'control.sock' } as const;
