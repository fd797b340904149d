import { expect, test } from 'vitest';
import type { NetworkPolicy } from '../../../../../src/api/kinds/network-policy.ts';
import { permits, planPolicies, type PolicyPod } from '../../../../../src/agent/network/policy/policy-plan.ts';
import { policyRules } from '../../../../../src/agent/network/policy/policy-rules.ts';
import { systemPeers } from '../../../../../src/agent/network/policy/system-peers.ts';

type Spec = Partial<NonNullable<NetworkPolicy['spec']>>;
const policy = (spec: Spec, namespace = 'demo'): NetworkPolicy => ({ apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: { name: 'p', namespace }, spec: { podSelector: {}, policyTypes: ['Ingress'], ...spec } });
const pod = (namespace: string, app: string, ip: string, port = 8080): PolicyPod => ({ namespace, labels: { app }, ip, ports: [{ name: 'http', port, protocol: 'TCP' }] });

const web = pod('demo', 'web', '10.128.0.2');
const db = pod('demo', 'db', '10.128.0.3', 5432);
const cache = pod('demo', 'cache', '10.128.0.4', 9090);
const other = pod('other', 'web', '10.128.2.5');
const world = (...policies: NetworkPolicy[]) => ({
  policies, pods: [web, db, cache, other], system: systemPeers('172.30.0.10'),
  namespaces: new Map<string, Record<string, string>>([['demo', { 'kubernetes.io/metadata.name': 'demo' }], ['other', { 'kubernetes.io/metadata.name': 'other', team: 'b' }], ['default', {}]]),
});
const outside = '203.0.113.7';
const dns = '172.30.0.10';
const router = '100.64.0.1';
/** `from → to:port`, of those that are tried, which are refused. */
function refused(policies: NetworkPolicy[], tries: [string, string, number, ('TCP' | 'UDP')?][]): string[] {
  const isolations = planPolicies(world(...policies));
  return tries.filter(([from, ip, port, protocol = 'TCP']) => !permits(isolations, from, { ip, port }, protocol)).map(([from, ip, port, protocol]) => `${from} → ${ip}:${port}${protocol === 'UDP' ? '/udp' : ''}`);
}
const selector = (app: string) => ({ matchLabels: { app } });

test.each<[string, NetworkPolicy[], Parameters<typeof refused>[1], string[]]>([
  ['without a policy everybody may', [], [[other.ip, web.ip, 80], [web.ip, outside, 443]], []],
  ['nobody into isolated pods, but itself', [policy({})], [[other.ip, web.ip, 80], [db.ip, web.ip, 80], [web.ip, web.ip, 80], [web.ip, other.ip, 80]], [`${other.ip} → ${web.ip}:80`, `${db.ip} → ${web.ip}:80`]],
  ['only the pods that are selected are isolated', [policy({ podSelector: selector('db') })], [[other.ip, web.ip, 80], [web.ip, db.ip, 5432]], [`${web.ip} → ${db.ip}:5432`]],
  ['an empty rule lets all in', [policy({ ingress: [{}] })], [[other.ip, web.ip, 80], [outside, web.ip, 80]], []],
  ['pods of the same project', [policy({ ingress: [{ from: [{ podSelector: {} }] }] })], [[db.ip, web.ip, 80], [other.ip, web.ip, 80]], [`${other.ip} → ${web.ip}:80`]],
  ['pods of a project by its labels', [policy({ ingress: [{ from: [{ namespaceSelector: { matchLabels: { team: 'b' } } }] }] })], [[db.ip, web.ip, 80], [other.ip, web.ip, 80]], [`${db.ip} → ${web.ip}:80`]],
  ['both selectors together', [policy({ ingress: [{ from: [{ namespaceSelector: {}, podSelector: selector('db') }] }] })], [[db.ip, web.ip, 80], [other.ip, web.ip, 80]], [`${other.ip} → ${web.ip}:80`]],
  ['several policies add up', [policy({ ingress: [{ from: [{ podSelector: selector('db') }] }] }), policy({ ingress: [{ from: [{ namespaceSelector: { matchLabels: { team: 'b' } } }] }] })], [[db.ip, web.ip, 80], [other.ip, web.ip, 80], [cache.ip, web.ip, 80]], [`${cache.ip} → ${web.ip}:80`]],
  ['ports by number, range, name and protocol', [policy({ podSelector: selector('web'), ingress: [{ ports: [{ protocol: 'TCP', port: 90, endPort: 95 }, { protocol: 'TCP', port: 'http' }, { protocol: 'UDP', port: 53 }] }] })],
    [[db.ip, web.ip, 89], [db.ip, web.ip, 90], [db.ip, web.ip, 95], [db.ip, web.ip, 8080], [db.ip, web.ip, 53], [db.ip, web.ip, 53, 'UDP']], [`${db.ip} → ${web.ip}:89`, `${db.ip} → ${web.ip}:53`]],
  ['blocks of addresses without some', [policy({ ingress: [{ from: [{ ipBlock: { cidr: '203.0.113.0/24', except: ['203.0.113.8/29'] } }] }] })], [[outside, web.ip, 80], ['203.0.113.9', web.ip, 80], [db.ip, web.ip, 80]], [`203.0.113.9 → ${web.ip}:80`, `${db.ip} → ${web.ip}:80`]],
  ['out: none, not even names', [policy({ policyTypes: ['Egress'] })], [[web.ip, db.ip, 5432], [web.ip, dns, 53, 'UDP'], [web.ip, outside, 443], [other.ip, web.ip, 80]], [`${web.ip} → ${db.ip}:5432`, `${web.ip} → ${dns}:53/udp`, `${web.ip} → ${outside}:443`]],
  ['out: names as manifests of real clusters ask for them', [policy({ policyTypes: ['Egress'], egress: [{ to: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'openshift-dns' } } }], ports: [{ protocol: 'UDP', port: 5353 }] }] })], [[web.ip, dns, 53, 'UDP'], [web.ip, dns, 53], [web.ip, outside, 53, 'UDP']], [`${web.ip} → ${dns}:53`, `${web.ip} → ${outside}:53/udp`]],
  ['out: names of every name server', [policy({ policyTypes: ['Egress'], egress: [{ to: [{ namespaceSelector: {}, podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } } }], ports: [{ protocol: 'UDP', port: 53 }] }] })], [[web.ip, dns, 53, 'UDP'], [web.ip, dns, 5353, 'UDP']], [`${web.ip} → ${dns}:5353/udp`]],
  ['out: named ports are each peer\'s own', [policy({ policyTypes: ['Egress'], egress: [{ to: [{ podSelector: {} }], ports: [{ protocol: 'TCP', port: 'http' }] }] })], [[web.ip, db.ip, 5432], [web.ip, cache.ip, 9090], [web.ip, db.ip, 9090], [web.ip, other.ip, 8080]], [`${web.ip} → ${db.ip}:9090`, `${web.ip} → ${other.ip}:8080`]],
  ['out: the outside only', [policy({ policyTypes: ['Egress'], egress: [{ to: [{ ipBlock: { cidr: '0.0.0.0/0', except: ['10.128.0.0/14'] } }] }] })], [[web.ip, outside, 443], [web.ip, db.ip, 5432]], [`${web.ip} → ${db.ip}:5432`]],
  ['a connection needs both ends', [policy({ policyTypes: ['Egress'], podSelector: selector('web'), egress: [{}] }), policy({ podSelector: selector('db') })], [[web.ip, db.ip, 5432]], [`${web.ip} → ${db.ip}:5432`]],
  ['the router, by the labels that OpenShift documents', [policy({ ingress: [{ from: [{ namespaceSelector: { matchLabels: { 'policy-group.network.openshift.io/ingress': '' } } }] }] })], [[router, web.ip, 8080], [db.ip, web.ip, 8080]], [`${db.ip} → ${web.ip}:8080`]],
  ['the router, by its namespace here', [policy({ ingress: [{ from: [{ namespaceSelector: { matchLabels: { 'network.openshift.io/policy-group': 'ingress' } } }] }] })], [[router, web.ip, 8080]], []],
])('%s', (_, policies, tries, expected) => {
  expect(refused(policies, tries)).toEqual(expected);
});

test('rules of the kernel: a chain for what several pods have in common, refusing at its end', () => {
  const isolations = planPolicies(world(policy({
    ingress: [{ from: [{ podSelector: selector('db') }, { ipBlock: { cidr: '203.0.113.0/24', except: ['203.0.113.8/29', '203.0.113.8/30'] } }], ports: [{ protocol: 'TCP', port: 80 }, { protocol: 'TCP', port: 81, endPort: 90 }, { protocol: 'UDP', port: 53 }] }, { from: [{ podSelector: selector('nobody') }] }],
  })));
  const { chains, sets } = policyRules(isolations, { nodes: 'n', own: ['o'], serviceCidr: 's', served: ['d'], local: (ip) => ip.startsWith('10.128.0.') });
  const named = [...chains].filter(([name]) => name.startsWith('r-'));
  expect(named.map(([, lines]) => lines.map((line) => line.replace(/@p-[0-9a-f]+/, '@p')))).toEqual([[
    'ip saddr @p tcp dport { 80-90 } return', 'ip saddr @p udp dport { 53 } return',
    'ip saddr 203.0.113.0/24 ip saddr != { 203.0.113.8/29 } tcp dport { 80-90 } return', 'ip saddr 203.0.113.0/24 ip saddr != { 203.0.113.8/29 } udp dport { 53 } return', 'jump refuse',
  ]]);
  expect([...(sets.get('ingress')?.elements ?? [])].map(([ip, verdict]) => [ip, verdict === `jump ${named[0]?.[0]}`])).toEqual([[web.ip, true], [db.ip, true], [cache.ip, true]]);
  expect(sets.get('egress')?.elements.size).toBe(0);
});
