/** Services: defaults, addresses, rules and columns as kube-apiserver has them. */
import { isIPv6 } from 'node:net';
import { services, type Service } from '../../api/kinds/core.ts';
import { formatSelector, labelValueProblem, qualifiedNameProblem, selectorOfMap } from '../../api/selector.ts';
import { duplicateValue, forbiddenField, invalidValue, notSupported, required, type FieldError } from '../../api/status.ts';
import { nodePortRange } from '../../api/well-known.ts';
import { ageColumn, nameColumn } from '../kernel/apiserver/columns.ts';
import { kind, type Kind } from '../kernel/apiserver/kind.ts';
import { needsHealthPort, noIpv6Text, type ServiceAddresses } from './addresses.ts';
import { isPort, targetPortProblem } from './port-name.ts';
import { parseIpv4, parseIpv4Network } from '../../api/ipv4.ts';

type Ports = NonNullable<Service['spec']['ports']>;

export function serviceKind(addresses: ServiceAddresses): Kind {
  return kind<Service>({
    type: 'stored',
    resource: services,
    nameRule: 'dns1035Label',
    generation: false,
    statusSubresource: true,
    defaults: serviceDefaults,
    async prepareCreate(service, context) {
      service.status = { loadBalancer: {} };
      await addresses.allocate(service, undefined, context.dryRun);
    },
    async prepareUpdate(service, old, context) {
      dropOfOtherTypes(service, old);
      keepAllocated(service, old);
      await addresses.allocate(service, old, context.dryRun);
    },
    validate: validateService,
    afterDelete: (service) => addresses.release(service),
    selectableFields: {
      'spec.clusterIP': (service) => service.spec.clusterIP ?? '',
      'spec.type': (service) => service.spec.type ?? '',
    },
    columns: [
      nameColumn,
      { name: 'Type', type: 'string', cell: ({ spec }) => spec.type ?? 'ClusterIP' },
      { name: 'Cluster-IP', type: 'string', cell: ({ spec }) => spec.clusterIP || '<none>' },
      { name: 'External-IP', type: 'string', cell: externalAddresses },
      { name: 'Port(s)', type: 'string', cell: ({ spec }) => formatPorts(spec.ports) },
      ageColumn,
      { name: 'Selector', type: 'string', priority: 1, cell: ({ spec }) => formatSelector(selectorOfMap(spec.selector)) || '<none>' },
    ],
  });
}

function serviceDefaults(service: Service): void {
  const spec = (service.spec ??= {});
  spec.type ??= 'ClusterIP';
  spec.sessionAffinity ??= 'None';
  if (spec.sessionAffinity === 'None') delete spec.sessionAffinityConfig;
  else spec.sessionAffinityConfig ??= { clientIP: { timeoutSeconds: 10_800 } };
  for (const port of spec.ports ?? []) {
    port.protocol ??= 'TCP';
    if (port.targetPort === undefined || port.targetPort === 0 || port.targetPort === '') port.targetPort = port.port;
  }
  if (spec.type !== 'ExternalName') spec.internalTrafficPolicy ??= 'Cluster';
  if (spec.type === 'NodePort' || spec.type === 'LoadBalancer') spec.externalTrafficPolicy ??= 'Cluster';
  if (spec.type === 'LoadBalancer') spec.allocateLoadBalancerNodePorts ??= true;
}

/** What belongs to the type that a service had goes with it, unless the client asks for something else there. */
function dropOfOtherTypes({ spec: now }: Service, { spec: before }: Service): void {
  const external = (spec: Service['spec']) => spec.type === 'NodePort' || spec.type === 'LoadBalancer';
  const drop = (field: keyof Service['spec']) => {
    if (JSON.stringify(now[field]) === JSON.stringify(before[field])) delete now[field];
  };
  if (before.type === 'ExternalName' && now.type !== 'ExternalName') drop('externalName');
  if (external(before) && !external(now)) drop('externalTrafficPolicy');
  if (before.type === 'LoadBalancer' && before.externalTrafficPolicy === 'Local' && (now.type !== 'LoadBalancer' || now.externalTrafficPolicy !== 'Local')) drop('healthCheckNodePort');
  if (before.type !== 'LoadBalancer' || now.type === 'LoadBalancer') return;
  for (const field of ['allocateLoadBalancerNodePorts', 'loadBalancerClass', 'loadBalancerSourceRanges'] as const) drop(field);
}

/** A client that writes back less than it read must not lose what the server had handed out. */
function keepAllocated(service: Service, old: Service): void {
  const { spec } = service;
  const needsAddress = (one: Service) => one.spec.type !== 'ExternalName';
  if (needsAddress(service) && needsAddress(old) && !spec.clusterIP && !spec.clusterIPs?.length && old.spec.clusterIP !== undefined) {
    spec.clusterIP = old.spec.clusterIP;
  }
  const needsPorts = (one: Service) => one.spec.type === 'NodePort' || one.spec.type === 'LoadBalancer';
  if (!needsPorts(service) || !needsPorts(old)) return;
  const taken = new Set((spec.ports ?? []).map(({ nodePort }) => nodePort));
  for (const port of spec.ports ?? []) {
    if (port.nodePort) continue;
    const same = old.spec.ports?.find((one) => one.port === port.port && one.protocol === port.protocol);
    if (same?.nodePort && !taken.has(same.nodePort)) port.nodePort = same.nodePort;
  }
}

function validateService(service: Service, old: Service | undefined): FieldError[] {
  const { spec } = service;
  const errors: FieldError[] = [];
  const headless = spec.clusterIP === 'None';
  errors.push(...validateChoices(service, old));
  if (!spec.ports?.length && !headless && spec.type !== 'ExternalName') errors.push(required('spec.ports'));
  errors.push(...validatePorts(spec.ports ?? [], headless));
  for (const [key, value] of Object.entries(spec.selector ?? {})) {
    const problem = qualifiedNameProblem(key) ?? labelValueProblem(value);
    if (problem) errors.push(invalidValue('spec.selector', qualifiedNameProblem(key) ? key : value, problem));
  }
  if (spec.type === 'ExternalName') {
    if (spec.clusterIP) errors.push(forbiddenField('spec.clusterIPs[0]', 'may not be set for ExternalName services'));
    const name = (spec.externalName ?? '').replace(/\.$/, '');
    if (!name) errors.push(required('spec.externalName'));
    else if (name.length > 253 || !/^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/.test(name)) {
      errors.push(invalidValue('spec.externalName', spec.externalName, "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character"));
    }
  } else if (spec.clusterIP && !headless && parseIpv4(spec.clusterIP) === undefined) {
    errors.push(invalidValue('spec.clusterIPs[0]', spec.clusterIP, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"));
  }
  if (headless && (spec.type === 'NodePort' || spec.type === 'LoadBalancer')) {
    errors.push(invalidValue('spec.clusterIPs[0]', 'None', `may not be set to 'None' for ${spec.type} services`));
  }
  for (const [at, address] of (spec.externalIPs ?? []).entries()) {
    const special = specialAddresses.find(([pattern]) => pattern.test(address));
    if (special) errors.push(invalidValue(`spec.externalIPs[${at}]`, address, special[1]));
    else if (isIPv6(address)) errors.push(invalidValue(`spec.externalIPs[${at}]`, address, noIpv6Text));
    else if (parseIpv4(address) === undefined) errors.push(invalidValue(`spec.externalIPs[${at}]`, address, 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'));
  }
  const { healthCheckNodePort: health } = spec;
  if (health && !needsHealthPort(service)) errors.push(invalidValue('spec.healthCheckNodePort', health, "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"));
  else if (health && (health < nodePortRange.first || health > nodePortRange.last)) errors.push(invalidValue('spec.healthCheckNodePort', health, `provided port is not in the valid range. The range of valid ports is ${nodePortRange.first}-${nodePortRange.last}`));
  if (old) errors.push(...validateChange(service, old));
  return errors;
}

/** Unlike upstream, loopback addresses are allowed: they lead from this machine to the service. */
const specialAddresses: readonly [RegExp, string][] = [
  [/^0\.0\.0\.0$/, 'may not be unspecified (0.0.0.0 or ::)'],
  [/^169\.254\./, 'may not be in the link-local range (169.254.0.0/16, fe80::/10)'],
  [/^224\.0\.0\./, 'may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)'],
];
/** Longest affinity: a day. */
const longestAffinity = 86_400;

function validateChoices({ spec }: Service, old: Service | undefined): FieldError[] {
  const errors: FieldError[] = [];
  const choose = (field: 'type' | 'sessionAffinity' | 'internalTrafficPolicy' | 'externalTrafficPolicy' | 'ipFamilyPolicy', values: string[]) => {
    if (spec[field] !== undefined && !values.includes(spec[field])) errors.push(notSupported(`spec.${field}`, spec[field], values));
  };
  choose('type', ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort']);
  choose('sessionAffinity', ['ClientIP', 'None']);
  choose('internalTrafficPolicy', ['Cluster', 'Local']);
  choose('ipFamilyPolicy', ['PreferDualStack', 'RequireDualStack', 'SingleStack']);
  const external = spec.type === 'NodePort' || spec.type === 'LoadBalancer' || (spec.externalIPs?.length ?? 0) > 0;
  if (external) choose('externalTrafficPolicy', ['Cluster', 'Local']);
  else if (spec.externalTrafficPolicy !== undefined) errors.push(invalidValue('spec.externalTrafficPolicy', spec.externalTrafficPolicy, 'may only be set for externally-accessible services'));
  const seconds = spec.sessionAffinityConfig?.clientIP?.timeoutSeconds;
  if (seconds !== undefined && (seconds <= 0 || seconds > longestAffinity)) errors.push(invalidValue('spec.sessionAffinityConfig.clientIP.timeoutSeconds', seconds, `must be greater than 0 and less than ${longestAffinity}`));
  if (spec.ipFamilyPolicy === 'RequireDualStack') errors.push(invalidValue('spec.ipFamilyPolicy', spec.ipFamilyPolicy, 'this cluster is not configured for dual-stack services'));
  for (const [at, family] of (spec.ipFamilies ?? []).entries()) {
    if (family === 'IPv6') errors.push(invalidValue(`spec.ipFamilies[${at}]`, family, 'not configured on this cluster'));
    else if (family !== 'IPv4') errors.push(notSupported(`spec.ipFamilies[${at}]`, family, ['IPv4', 'IPv6']));
  }
  for (const [at, { appProtocol }] of (spec.ports ?? []).entries()) {
    const problem = appProtocol === undefined ? undefined : qualifiedNameProblem(appProtocol);
    if (problem) errors.push(invalidValue(`spec.ports[${at}].appProtocol`, appProtocol, problem));
  }
  if (spec.type !== 'LoadBalancer') {
    if (spec.loadBalancerSourceRanges?.length) errors.push(forbiddenField('spec.LoadBalancerSourceRanges', "may only be used when `type` is 'LoadBalancer'"));
    if (spec.allocateLoadBalancerNodePorts !== undefined) errors.push(forbiddenField('spec.allocateLoadBalancerNodePorts', "may only be used when `type` is 'LoadBalancer'"));
    if (spec.loadBalancerClass !== undefined) errors.push(forbiddenField('spec.loadBalancerClass', "may only be used when `type` is 'LoadBalancer'"));
  } else {
    for (const [at, range] of (spec.loadBalancerSourceRanges ?? []).entries()) if (!parseIpv4Network(range.trim()) && !isIpv6Network(range.trim())) errors.push(invalidValue(`spec.loadBalancerSourceRanges[${at}]`, range, 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)'));
    if (old?.spec.type === 'LoadBalancer' && old.spec.loadBalancerClass !== spec.loadBalancerClass) errors.push(invalidValue('spec.loadBalancerClass', spec.loadBalancerClass, 'may not change once set'));
  }
  return errors;
}

/** Of the other family: allowed, and nobody's here. */
function isIpv6Network(text: string): boolean {
  const [address = '', bits = '', more] = text.split('/');
  return isIPv6(address) && more === undefined && /^\d{1,3}$/.test(bits) && Number(bits) <= 128;
}

function validatePorts(ports: Ports, headless: boolean): FieldError[] {
  const errors: FieldError[] = [];
  const names = new Set<string>();
  const numbers = new Set<string>();
  for (const [at, port] of ports.entries()) {
    const field = `spec.ports[${at}]`;
    if (!port.name) {
      if (ports.length > 1) errors.push(required(`${field}.name`));
    } else if (!isLabel(port.name)) errors.push(invalidValue(`${field}.name`, port.name, labelText));
    else if (names.has(port.name)) errors.push(duplicateValue(`${field}.name`, port.name));
    names.add(port.name ?? '');
    if (!isPort(port.port)) errors.push(invalidValue(`${field}.port`, port.port, 'must be between 1 and 65535, inclusive'));
    if (port.protocol && !['TCP', 'UDP', 'SCTP'].includes(port.protocol)) errors.push(notSupported(`${field}.protocol`, port.protocol, ['SCTP', 'TCP', 'UDP']));
    errors.push(...validateTarget(`${field}.targetPort`, port.targetPort));
    if (headless && port.targetPort !== undefined && port.targetPort !== port.port && typeof port.targetPort === 'number' && port.targetPort <= 0) {
      errors.push(invalidValue(`${field}.targetPort`, port.targetPort, 'must be equal to the value of \'port\' when clusterIP = None'));
    }
    if (port.nodePort && (port.nodePort < nodePortRange.first || port.nodePort > nodePortRange.last)) {
      errors.push(invalidValue(`${field}.nodePort`, port.nodePort, `provided port is not in the valid range. The range of valid ports is ${nodePortRange.first}-${nodePortRange.last}`));
    }
    const number = `${port.protocol}/${port.port}`;
    if (numbers.has(number)) errors.push(duplicateValue(field, { protocol: port.protocol, port: port.port }));
    numbers.add(number);
  }
  return errors;
}

const labelText = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const isLabel = (text: string) => text.length <= 63 && /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(text);

function validateTarget(field: string, target: number | string | undefined): FieldError[] {
  const problem = target === undefined ? undefined : targetPortProblem(target);
  return problem === undefined ? [] : [invalidValue(field, target, problem)];
}

function validateChange(service: Service, old: Service): FieldError[] {
  const [now, before] = [service.spec, old.spec];
  const bothHaveOne = now.type !== 'ExternalName' && before.type !== 'ExternalName' && before.clusterIP;
  if (needsHealthPort(service) && needsHealthPort(old) && now.healthCheckNodePort !== before.healthCheckNodePort) return [invalidValue('spec.healthCheckNodePort', now.healthCheckNodePort, 'field is immutable')];
  return bothHaveOne && now.clusterIP !== before.clusterIP ? [invalidValue('spec.clusterIPs[0]', now.clusterIPs ?? [now.clusterIP], 'may not change once set')] : [];
}

function externalAddresses({ spec, status }: Service): string {
  const own = spec.externalIPs ?? [];
  if (spec.type === 'ExternalName') return spec.externalName ?? '<none>';
  if (spec.type !== 'LoadBalancer') return own.join(',') || '<none>';
  const given = (status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }) => ip ?? hostname ?? '');
  return [...given, ...own].join(',') || '<pending>';
}

function formatPorts(ports: Ports | undefined): string {
  return (ports ?? []).map(({ port, nodePort, protocol }) => `${port}${nodePort ? `:${nodePort}` : ''}/${protocol}`).join(',') || '<none>';
}
