/** Services: defaults, addresses, rules and columns as kube-apiserver has them. */
import { services, type Service } from '../../api/kinds/core.ts';
import { formatSelector, labelValueProblem, qualifiedNameProblem, selectorOfMap } from '../../api/selector.ts';
import { duplicateValue, forbiddenField, invalidValue, notSupported, required, type FieldError } from '../../api/status.ts';
import { nodePortRange } from '../../api/well-known.ts';
import { ageColumn, nameColumn } from '../kernel/apiserver/columns.ts';
import { kind, type Kind } from '../kernel/apiserver/kind.ts';
import type { ServiceAddresses } from './addresses.ts';
import { isPort, targetPortProblem } from './port-name.ts';
import { parseIpv4 } from '../../api/ipv4.ts';

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
    if (parseIpv4(address) === undefined) errors.push(invalidValue(`spec.externalIPs[${at}]`, address, 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'));
  }
  if (old) errors.push(...validateChange(service, old));
  return errors;
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
