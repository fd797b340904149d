/** Files that the kubelet generates for a pod; pure. */
import type { PodSandboxConfig } from '../runtime.ts';

export function hostsFile(config: Pick<PodSandboxConfig, 'hostname' | 'domain' | 'hostAliases'>, ip: string): string {
  const { hostname, domain } = config;
  const name = domain !== undefined && hostname.endsWith(`.${domain}`) ? hostname.slice(0, -domain.length - 1) : hostname;
  return [
    '# Kubernetes-managed hosts file.',
    '127.0.0.1\tlocalhost',
    '::1\tlocalhost ip6-localhost ip6-loopback',
    'fe00::0\tip6-localnet',
    'fe00::0\tip6-mcastprefix',
    'fe00::1\tip6-allnodes',
    'fe00::2\tip6-allrouters',
    domain === undefined ? `${ip}\t${hostname}` : `${ip}\t${name}.${domain}\t${name}`,
    ...(config.hostAliases.length > 0 ? ['', '# Entries added by HostAliases.', ...config.hostAliases.map(({ ip: address, hostnames }) => `${address}\t${hostnames.join('\t')}`)] : []),
    '',
  ].join('\n');
}

export function resolvFile(dns: PodSandboxConfig['dns']): string {
  return [
    ...(dns.searches.length > 0 ? [`search ${dns.searches.join(' ')}`] : []),
    ...dns.servers.map((server) => `nameserver ${server}`),
    ...(dns.options.length > 0 ? [`options ${dns.options.join(' ')}`] : []),
    '',
  ].join('\n');
}
