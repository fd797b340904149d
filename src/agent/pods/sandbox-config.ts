/** The sandbox of a pod as its spec wants it: name, network, names of others. */
import type { Pod } from '../../api/kinds/core.ts';
import { RuntimeFailure, type PodSandboxConfig } from '../runtime/runtime.ts';

export interface ClusterDns {
  clusterDns: string;
  clusterDomain: string;
  nodeName: string;
}

/** Of the kernel. */
const longestHostname = 64;
/** What glibc reads of a resolv.conf (Kubernetes keeps the same bound). */
const mostSearches = 32;

export function sandboxConfig(pod: Pod, attempt: number, cluster: ClusterDns): PodSandboxConfig {
  const { metadata, spec } = pod;
  const hostNetwork = spec.hostNetwork === true;
  const name = hostNetwork ? cluster.nodeName : spec.hostname || metadata.name.slice(0, 63).replace(/[-.]+$/, '');
  const domain = spec.subdomain && !hostNetwork ? `${spec.subdomain}.${metadata.namespace}.svc.${cluster.clusterDomain}` : undefined;
  const hostname = domain !== undefined && spec.setHostnameAsFQDN ? `${name}.${domain}` : name;
  if (hostname.length > longestHostname) throw new RuntimeFailure('CreatePodSandboxError', `failed to construct FQDN from pod hostname and cluster domain, FQDN ${hostname} is too long (${longestHostname} characters is the max, ${hostname.length} characters requested)`);
  const ports = [...spec.containers, ...(spec.initContainers ?? [])].flatMap((container) => (container.ports ?? []).map(({ containerPort }) => containerPort));
  return {
    uid: metadata.uid ?? '',
    namespace: metadata.namespace ?? '',
    name: metadata.name,
    attempt,
    hostname,
    ...(domain !== undefined && { domain }),
    ...(spec.shareProcessNamespace && { sharedProcesses: true }),
    hostNetwork,
    dns: dnsOf(pod, cluster),
    hostAliases: (spec.hostAliases ?? []).map(({ ip, hostnames }) => ({ ip: ip ?? '', hostnames: hostnames ?? [] })),
    ports: [...new Set(ports)],
  };
}

/**
 * `Default` means the machine's own servers: the cluster's server asks exactly those for names that are not the cluster's, and is reachable from every pod,
 * unlike a resolver on the machine's loopback. So it differs from `ClusterFirst` in its search path only.
 */
function dnsOf({ metadata, spec }: Pod, { clusterDns, clusterDomain }: ClusterDns): PodSandboxConfig['dns'] {
  const policy = spec.dnsPolicy ?? 'ClusterFirst';
  const cluster = policy === 'ClusterFirstWithHostNet' || (policy === 'ClusterFirst' && !spec.hostNetwork);
  const servers = policy === 'None' ? [] : [clusterDns];
  const searches = cluster ? [`${metadata.namespace}.svc.${clusterDomain}`, `svc.${clusterDomain}`, clusterDomain] : [];
  const options = new Map<string, string | undefined>(cluster ? [['ndots', '5']] : []);
  for (const { name, value } of spec.dnsConfig?.options ?? []) if (name) options.set(name, value);
  return {
    servers: [...new Set([...servers, ...(spec.dnsConfig?.nameservers ?? [])])].slice(0, 3),
    searches: [...new Set([...searches, ...(spec.dnsConfig?.searches ?? [])])].slice(0, mostSearches),
    options: [...options].map(([name, value]) => (value === undefined || value === '' ? name : `${name}:${value}`)),
  };
}
