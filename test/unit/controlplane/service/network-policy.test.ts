import { expect, test } from 'vitest';
import type { NetworkPolicy } from '../../../../src/api/kinds/network-policy.ts';
import type { StoredKind } from '../../../../src/controlplane/kernel/apiserver/kind.ts';
import { networkPolicyKind } from '../../../../src/controlplane/service/network-policy.ts';

const kind = networkPolicyKind as unknown as StoredKind<NetworkPolicy>;
const policy = (spec: unknown): NetworkPolicy => {
  const object = { apiVersion: 'networking.k8s.io/v1', kind: 'NetworkPolicy', metadata: { name: 'p', namespace: 'demo' }, spec } as NetworkPolicy;
  kind.defaults?.(object);
  return object;
};

test('a policy gets what it leaves out', () => {
  expect(policy({ podSelector: {}, ingress: [{ ports: [{ port: 80 }] }] }).spec).toEqual({ podSelector: {}, ingress: [{ ports: [{ port: 80, protocol: 'TCP' }] }], policyTypes: ['Ingress'] });
  expect(policy({ podSelector: {}, egress: [{}] }).spec?.policyTypes).toEqual(['Ingress', 'Egress']);
  expect(policy({ podSelector: {}, policyTypes: ['Egress'] }).spec?.policyTypes).toEqual(['Egress']);
});

const from = (peer: object) => ({ podSelector: {}, ingress: [{ from: [peer] }] });
const port = (one: object) => ({ podSelector: {}, egress: [{ ports: [one] }] });
test.each<[object, string]>([
  [{ podSelector: { matchLabels: { 'a b': 'c' } } }, 'spec.podSelector.matchLabels: Invalid value: "a b"'],
  [{ podSelector: { matchExpressions: [{ key: 'a', operator: 'In' }] } }, "spec.podSelector.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'"],
  [{ podSelector: {}, policyTypes: ['Both'] }, 'spec.policyTypes[0]: Unsupported value: "Both": supported values: "Egress", "Ingress"'],
  [{ podSelector: {}, policyTypes: ['Ingress', 'Egress', 'Egress'] }, 'may not specify more than two policyTypes'],
  [from({}), 'spec.ingress[0].from[0]: Required value: must specify a peer'],
  [from({ ipBlock: { cidr: '10.0.0.0/8' }, podSelector: {} }), 'spec.ingress[0].from[0]: Forbidden: may not specify both ipBlock and another peer'],
  [from({ ipBlock: { cidr: '10.0.0.0' } }), 'spec.ingress[0].from[0].ipBlock.cidr: Invalid value: "10.0.0.0": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)'],
  [from({ ipBlock: { cidr: '10.0.0.0/8', except: ['11.0.0.0/16'] } }), 'spec.ingress[0].from[0].ipBlock.except[0]: Invalid value: "11.0.0.0/16": must be a strict subset of `cidr`'],
  [from({ ipBlock: { cidr: '10.0.0.0/8', except: ['10.0.0.0/8'] } }), 'must be a strict subset of `cidr`'],
  [port({ port: 0 }), 'spec.egress[0].ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive'],
  [port({ port: 'much-too-long-a-name' }), 'must be no more than 15 characters'],
  [port({ protocol: 'ICMP' }), 'spec.egress[0].ports[0].protocol: Unsupported value: "ICMP": supported values: "SCTP", "TCP", "UDP"'],
  [port({ endPort: 90 }), 'endPort: Forbidden: may not be specified when `port` is not specified'],
  [port({ port: 'http', endPort: 90 }), 'endPort: Forbidden: may not be specified when `port` is non-numeric'],
  [port({ port: 91, endPort: 90 }), 'endPort: Invalid value: 90: must be greater than or equal to `port`'],
])('%j is refused', (spec, text) => {
  expect((kind.validate?.(policy(spec), undefined, undefined as never) ?? []).map((one) => `${one.field}: ${one.message}`).join('\n')).toContain(text);
});

test('one for everything is accepted', () => {
  const whole = policy({
    podSelector: {}, policyTypes: ['Ingress', 'Egress'], ingress: [{ from: [{ ipBlock: { cidr: '10.0.0.0/8', except: ['10.1.0.0/16'] } }, { ipBlock: { cidr: 'fd00::/8' } }, { namespaceSelector: {}, podSelector: { matchExpressions: [{ key: 'a', operator: 'Exists' }] } }], ports: [{ port: 'http' }, { port: 80, endPort: 90, protocol: 'UDP' }] }], egress: [{}],
  });
  expect(kind.validate?.(whole, undefined, undefined as never)).toEqual([]);
  expect(kind.columns?.map(({ name, cell }) => [name, cell(whole, undefined as never)]).slice(0, 2)).toEqual([['Name', 'p'], ['Pod-Selector', '<none>']]);
});
