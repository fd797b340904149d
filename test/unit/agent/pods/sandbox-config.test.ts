/** Names and name servers of pods (Kubernetes docs, "DNS for Services and Pods", "Adding entries to Pod /etc/hosts"). */
import { describe, expect, test } from 'vitest';
import { sandboxConfig } from '../../../../src/agent/pods/sandbox-config.ts';
import { hostsFile, resolvFile } from '../../../../src/agent/runtime/sandbox/pod-files.ts';
import type { PodSpec } from '../../../../src/api/kinds/core.ts';
import { pod } from '../../../support/agent/pod-documents.ts';

const cluster = { clusterDns: '172.30.0.10', clusterDomain: 'cluster.local', nodeName: 'node-1' };
const config = (spec: Partial<PodSpec>, name = 'web-1') => sandboxConfig(pod({ containers: [{ name: 'web', image: 'a' }], ...spec }, { name }), 0, cluster);

describe('the names of a pod', () => {
  const full = 'web.front.demo.svc.cluster.local';
  const cases: [name: string, spec: Partial<PodSpec>, hostname: string, line: string][] = [
    ['its own', {}, 'web-1', '10.1.2.3\tweb-1'],
    ['of its spec', { hostname: 'web' }, 'web', '10.1.2.3\tweb'],
    ['below a service', { hostname: 'web', subdomain: 'front' }, 'web', `10.1.2.3\t${full}\tweb`],
    ['the full one as its host name', { hostname: 'web', subdomain: 'front', setHostnameAsFQDN: true }, full, `10.1.2.3\t${full}\tweb`],
    ['without a service there is no full one', { setHostnameAsFQDN: true }, 'web-1', '10.1.2.3\tweb-1'],
    ['of its node', { hostNetwork: true, hostname: 'web', subdomain: 'front' }, 'node-1', '10.1.2.3\tnode-1'],
  ];
  test.each(cases)('%s', (_name, spec, hostname, line) => {
    const made = config(spec);
    expect(made.hostname).toBe(hostname);
    expect(hostsFile(made, '10.1.2.3').split('\n')).toContain(line);
  });

  test('are cut to what a host name can hold, and refused where they must not be cut', () => {
    const long = `${'a'.repeat(62)}-${'b'.repeat(20)}`;
    expect(config({}, long).hostname).toBe('a'.repeat(62));
    expect(() => config({ subdomain: 'front', setHostnameAsFQDN: true }, long)).toThrow(/FQDN a+\.front\.demo\.svc\.cluster\.local is too long \(64 characters is the max, \d+ characters requested\)/);
  });

  test('of others are added', () => {
    const text = hostsFile(config({ hostAliases: [{ ip: '10.9.9.9', hostnames: ['db', 'db.example'] }] }), '10.1.2.3');
    expect(text).toContain('\n# Entries added by HostAliases.\n10.9.9.9\tdb\tdb.example\n');
  });
});

describe('resolv.conf', () => {
  const search = 'search demo.svc.cluster.local svc.cluster.local cluster.local';
  const cases: [name: string, spec: Partial<PodSpec>, lines: string[]][] = [
    ['ClusterFirst', {}, [search, 'nameserver 172.30.0.10', 'options ndots:5']],
    ['ClusterFirst on the network of the node is Default', { hostNetwork: true }, ['nameserver 172.30.0.10']],
    ['ClusterFirstWithHostNet', { hostNetwork: true, dnsPolicy: 'ClusterFirstWithHostNet' }, [search, 'nameserver 172.30.0.10', 'options ndots:5']],
    ['Default', { dnsPolicy: 'Default' }, ['nameserver 172.30.0.10']],
    ['None', { dnsPolicy: 'None', dnsConfig: { nameservers: ['10.0.0.1'], searches: ['example.com'], options: [{ name: 'ndots', value: '2' }, { name: 'edns0' }] } }, ['search example.com', 'nameserver 10.0.0.1', 'options ndots:2 edns0']],
    ['ClusterFirst with more', { dnsConfig: { nameservers: ['10.0.0.1', '172.30.0.10'], searches: ['example.com', 'cluster.local'], options: [{ name: 'ndots', value: '2' }] } }, [`${search} example.com`, 'nameserver 172.30.0.10', 'nameserver 10.0.0.1', 'options ndots:2']],
  ];
  test.each(cases)('%s', (_name, spec, lines) => {
    expect(resolvFile(config(spec).dns)).toBe(`${lines.join('\n')}\n`);
  });
});

test('processes are shared when the pod says so', () => {
  expect(config({}).sharedProcesses).toBeUndefined();
  expect(config({ shareProcessNamespace: true }).sharedProcesses).toBe(true);
});
