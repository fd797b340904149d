/** Network policies: defaults, rules and columns as kube-apiserver has them. Nodes enforce them (agent/network/policy). */
import { networkPolicies, type NetworkPolicy, type PolicyPeer, type PolicyPort } from '../../api/kinds/network-policy.ts';
import { parseIpv4Network } from '../../api/ipv4.ts';
import type { LabelSelector } from '../../api/meta.ts';
import { formatSelector, labelValueProblem, qualifiedNameProblem, selectorOf } from '../../api/selector.ts';
import { forbiddenField, invalidValue, notSupported, required, type FieldError } from '../../api/status.ts';
import { ageColumn, nameColumn } from '../kernel/apiserver/columns.ts';
import { kind, type Kind } from '../kernel/apiserver/kind.ts';
import { targetPortProblem } from './port-name.ts';

type Selector = NonNullable<PolicyPeer['podSelector']>;

export const networkPolicyKind: Kind = kind<NetworkPolicy>({
  type: 'stored',
  resource: networkPolicies,
  statusSubresource: false,
  defaults,
  validate: ({ spec }) => [...selectorProblems(spec?.podSelector, 'spec.podSelector'), ...ruleProblems(spec?.ingress, 'ingress', 'from'), ...ruleProblems(spec?.egress, 'egress', 'to'), ...typeProblems(spec?.policyTypes)],
  columns: [
    nameColumn,
    { name: 'Pod-Selector', type: 'string', cell: ({ spec }) => formatSelector(selectorOf(spec?.podSelector as LabelSelector | undefined) ?? []) || '<none>' },
    ageColumn,
  ],
});

function defaults(policy: NetworkPolicy): void {
  const spec = (policy.spec ??= { podSelector: {} });
  spec.podSelector ??= {};
  for (const { ports } of [...(spec.ingress ?? []), ...(spec.egress ?? [])]) for (const port of ports ?? []) port.protocol ??= 'TCP';
  if (!spec.policyTypes?.length) spec.policyTypes = spec.egress?.length ? ['Ingress', 'Egress'] : ['Ingress'];
}

function typeProblems(types: readonly string[] = []): FieldError[] {
  if (types.length > 2) return [invalidValue('spec.policyTypes', types, 'may not specify more than two policyTypes')];
  return types.flatMap((type, at) => (type === 'Ingress' || type === 'Egress' ? [] : [notSupported(`spec.policyTypes[${at}]`, type, ['Egress', 'Ingress'])]));
}

function ruleProblems(rules: readonly { ports?: PolicyPort[]; from?: PolicyPeer[]; to?: PolicyPeer[] }[] | undefined, direction: 'ingress' | 'egress', peers: 'from' | 'to'): FieldError[] {
  return (rules ?? []).flatMap((rule, at) => {
    const field = `spec.${direction}[${at}]`;
    return [
      ...(rule.ports ?? []).flatMap((port, index) => portProblems(port, `${field}.ports[${index}]`)),
      ...(rule[peers] ?? []).flatMap((peer, index) => peerProblems(peer, `${field}.${peers}[${index}]`)),
    ];
  });
}

function portProblems({ protocol, port, endPort }: PolicyPort, field: string): FieldError[] {
  const errors: FieldError[] = [];
  if (protocol !== undefined && !['TCP', 'UDP', 'SCTP'].includes(protocol)) errors.push(notSupported(`${field}.protocol`, protocol, ['SCTP', 'TCP', 'UDP']));
  const problem = port === undefined ? undefined : targetPortProblem(port);
  if (problem) errors.push(invalidValue(`${field}.port`, port, problem));
  if (endPort === undefined) return errors;
  if (port === undefined) errors.push(forbiddenField(`${field}.endPort`, 'may not be specified when `port` is not specified'));
  else if (typeof port === 'string') errors.push(forbiddenField(`${field}.endPort`, 'may not be specified when `port` is non-numeric'));
  else if (endPort < port) errors.push(invalidValue(`${field}.endPort`, endPort, 'must be greater than or equal to `port`'));
  else if (endPort > 65_535) errors.push(invalidValue(`${field}.endPort`, endPort, 'must be between 1 and 65535, inclusive'));
  return errors;
}

function peerProblems({ podSelector, namespaceSelector, ipBlock }: PolicyPeer, field: string): FieldError[] {
  const errors = [...selectorProblems(podSelector, `${field}.podSelector`), ...selectorProblems(namespaceSelector, `${field}.namespaceSelector`)];
  if (!podSelector && !namespaceSelector && !ipBlock) errors.push(required(field, 'must specify a peer'));
  if (!ipBlock) return errors;
  if (podSelector || namespaceSelector) errors.push(forbiddenField(field, 'may not specify both ipBlock and another peer'));
  const block = `${field}.ipBlock`;
  const network = parseIpv4Network(ipBlock.cidr);
  if (!ipBlock.cidr) errors.push(required(`${block}.cidr`));
  // Addresses of the other family are kept, and meet nothing here.
  else if (!network && !ipBlock.cidr.includes(':')) errors.push(invalidValue(`${block}.cidr`, ipBlock.cidr, cidrText));
  for (const [at, text] of (ipBlock.except ?? []).entries()) {
    const inner = parseIpv4Network(text);
    if (!inner && !text.includes(':')) errors.push(invalidValue(`${block}.except[${at}]`, text, cidrText));
    else if (network && inner && !(inner.first >= network.first && inner.last <= network.last && inner.last - inner.first < network.last - network.first))
      errors.push(invalidValue(`${block}.except[${at}]`, text, 'must be a strict subset of `cidr`'));
  }
  return errors;
}

const cidrText = 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)';

function selectorProblems(selector: Selector | undefined, field: string): FieldError[] {
  const errors: FieldError[] = [];
  for (const [key, value] of Object.entries(selector?.matchLabels ?? {})) {
    const problem = qualifiedNameProblem(key) ?? labelValueProblem(value);
    if (problem) errors.push(invalidValue(`${field}.matchLabels`, qualifiedNameProblem(key) ? key : value, problem));
  }
  for (const [at, { key, operator, values }] of (selector?.matchExpressions ?? []).entries()) {
    const where = `${field}.matchExpressions[${at}]`;
    const listed = operator === 'In' || operator === 'NotIn';
    if (!listed && operator !== 'Exists' && operator !== 'DoesNotExist') errors.push(invalidValue(`${where}.operator`, operator, 'not a valid selector operator'));
    else if (listed && !values?.length) errors.push(required(`${where}.values`, "must be specified when `operator` is 'In' or 'NotIn'"));
    else if (!listed && values?.length) errors.push(forbiddenField(`${where}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
    const problem = qualifiedNameProblem(key);
    if (problem) errors.push(invalidValue(`${where}.key`, key, problem));
  }
  return errors;
}
