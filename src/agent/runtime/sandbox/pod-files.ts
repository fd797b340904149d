/** Files that the kubelet generates for a pod; pure. */
import type { PodSandboxConfig } from '../runtime.ts';

export function hostsFile(config: Pick<PodSandboxConfig, 'hostname' | 'hostAliases'>, ip: string): string {
  return [
    '# Kubernetes-managed hosts file.',
    '127.0.0.1\tlocalhost',
    '::1\tlocalhost ip6-localhost ip6-loopback',
    'fe00::0\tip6-localnet',
    'fe00::0\tip6-mcastprefix',
    'fe00::1\tip6-allnodes',
    'fe00::2\tip6-allrouters',
    `${ip}\t${config.hostname}`,
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
