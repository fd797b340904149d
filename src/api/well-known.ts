/** Addresses and names that several parts of a platform agree on. */

export const clusterDomain = 'cluster.local';

export const podNetwork = '10.128.0.0/14';
export const serviceNetwork = '172.30.0.0/16';
/** Ports of every node that services of type NodePort may take. */
export const nodePortRange = { first: 30_000, last: 32_767 } as const;

/** Cluster addresses that never change; all lie below the part of the network from which services get theirs. */
export const systemAddresses = {
  api: '172.30.0.1',
  registry: '172.30.0.5',
  router: '172.30.0.6',
  dns: '172.30.0.10',
  /** The proxy to the outside, where pods have no way of their own. */
  egress: '172.30.0.11',
  /** What `host.slipway.internal` stands for inside a container engine. */
  host: '172.30.0.12',
} as const;

/** Services of project `default` that lead to the platform itself. */
export const systemServices = {
  api: { name: 'kubernetes', address: systemAddresses.api, port: 443 },
  registry: { name: 'docker-registry', address: systemAddresses.registry, port: 5_000 },
  router: { name: 'router', address: systemAddresses.router, ports: { http: 80, https: 443 } },
} as const;
export const systemProject = 'default';

/** Hosts of routes are `<route>-<project>.<suffix>`. */
export const routeSuffix = 'apps.localhost';

/** Reference of the built-in image with the programs of builder and deployer pods. */
export const toolsImage = 'slipway/tools';

/** On a service (and its Endpoints) whose pods were scaled away until somebody connects: when, and what to scale back (OpenShift's unidling API). */
export const idledAtAnnotation = 'idling.alpha.openshift.io/idled-at';
export const unidleTargetsAnnotation = 'idling.alpha.openshift.io/unidle-targets';
/** On what was scaled away: its replicas before. */
export const previousScaleAnnotation = 'idling.alpha.openshift.io/previous-scale';
/** Reason of the event by which a proxy tells that somebody waits for pods of an idle service. */
export const needPodsReason = 'NeedPods';

/** On an EndpointSlice: the service whose endpoints it holds. */
export const serviceNameLabel = 'kubernetes.io/service-name';
