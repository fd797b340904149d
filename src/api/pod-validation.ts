/** Rules of pod specs beyond the schema, worded as the real server words them (kubernetes pkg/apis/core/validation). */
import type { Container, PodSpec } from './kinds/core.ts';
import { isSidecar } from './pod.ts';
import { quantityOf } from './quantity.ts';
import { duplicateValue, forbiddenField, invalidValue, required, type FieldError } from './status.ts';
import { validateMounts, validateVariables, validateVolumes } from './volume-validation.ts';

const label = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const labelText = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const portName = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;

/** `path` is where the spec lies: `spec`, or `spec.template.spec` of a workload. */
export function validatePodSpec(spec: PodSpec, path = 'spec'): FieldError[] {
  const errors: FieldError[] = [];
  const volumes = validateVolumes(spec, path, (name, field) => checkLabel(name, field, errors), errors);
  const names = new Set<string>();
  const template = path !== 'spec';
  if (!spec.containers?.length) errors.push(required(`${path}.containers`));
  for (const [index, container] of (spec.containers ?? []).entries()) validateContainer(container, `${path}.containers[${index}]`, { volumes, names, init: false, template }, errors);
  for (const [index, container] of (spec.initContainers ?? []).entries()) validateContainer(container, `${path}.initContainers[${index}]`, { volumes, names, init: true, template }, errors);
  hostPorts(spec, path, errors);
  if (spec.activeDeadlineSeconds !== undefined && spec.activeDeadlineSeconds < 1) errors.push(invalidValue(`${path}.activeDeadlineSeconds`, spec.activeDeadlineSeconds, 'must be between 1 and 2147483647, inclusive'));
  if ((spec.terminationGracePeriodSeconds ?? 0) < 0) errors.push(invalidValue(`${path}.terminationGracePeriodSeconds`, spec.terminationGracePeriodSeconds, 'must be greater than or equal to 0'));
  for (const [name, text] of [['hostname', spec.hostname], ['subdomain', spec.subdomain]] as const) if (text) checkLabel(text, `${path}.${name}`, errors);
  if (spec.dnsPolicy === 'None' && !spec.dnsConfig?.nameservers?.length) errors.push(required(`${path}.dnsConfig.nameservers`, "must provide at least one DNS nameserver when `dnsPolicy` is None"));
  return errors;
}

interface Known {
  volumes: ReadonlyMap<string, unknown>;
  names: Set<string>;
  init: boolean;
  /** Not of a pod itself. */
  template: boolean;
}

function validateContainer(container: Container, at: string, { volumes, names, init, template }: Known, errors: FieldError[]): void {
  if (container.name) checkLabel(container.name, `${at}.name`, errors);
  if (names.has(container.name)) errors.push(duplicateValue(`${at}.name`, container.name));
  names.add(container.name);
  if (!container.image) errors.push(required(`${at}.image`));
  // In a template, a blank stands for the image that a trigger will bring (kubernetes' own exception, for OpenShift).
  else if (!template && container.image !== container.image.trim()) errors.push(invalidValue(`${at}.image`, container.image, 'must not have leading or trailing whitespace'));
  validatePorts(container, at, errors);
  validateVariables(container, at, errors);
  validateMounts(container, at, volumes, errors);
  validateResources(container, at, errors);
  validateProbes(container, at, init && !isSidecar(container), errors);
  if (!init && container.restartPolicy) errors.push(forbiddenField(`${at}.restartPolicy`, 'may not be set for non-init containers'));
  const hooks = [['postStart', container.lifecycle?.postStart], ['preStop', container.lifecycle?.preStop]] as const;
  for (const [name, hook] of hooks) if (hook && !hook.exec && !hook.httpGet && !hook.tcpSocket && !hook.sleep) errors.push(required(`${at}.lifecycle.${name}`, 'must specify a handler type'));
}

function validatePorts(container: Container, at: string, errors: FieldError[]): void {
  const names = new Set<string>();
  for (const [index, port] of (container.ports ?? []).entries()) {
    const field = `${at}.ports[${index}]`;
    if (port.name) {
      if (port.name.length > 15) errors.push(invalidValue(`${field}.name`, port.name, 'must be no more than 15 characters'));
      else if (!portName.test(port.name)) errors.push(invalidValue(`${field}.name`, port.name, 'must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)'));
      else if (!/[a-z]/.test(port.name)) errors.push(invalidValue(`${field}.name`, port.name, 'must contain at least one letter (a-z)'));
      if (names.has(port.name)) errors.push(duplicateValue(`${field}.name`, port.name));
      names.add(port.name);
    }
    if (!port.containerPort) errors.push(required(`${field}.containerPort`));
    else if (port.containerPort < 1 || port.containerPort > 65535) errors.push(invalidValue(`${field}.containerPort`, port.containerPort, 'must be between 1 and 65535, inclusive'));
    if (port.hostPort !== undefined && port.hostPort !== 0 && (port.hostPort < 1 || port.hostPort > 65535)) errors.push(invalidValue(`${field}.hostPort`, port.hostPort, 'must be between 1 and 65535, inclusive'));
  }
}

function hostPorts(spec: PodSpec, path: string, errors: FieldError[]): void {
  const taken = new Set<string>();
  for (const [index, container] of (spec.containers ?? []).entries()) {
    for (const [position, port] of (container.ports ?? []).entries()) {
      if (!port.hostPort) continue;
      const field = `${path}.containers[${index}].ports[${position}]`;
      if (spec.hostNetwork && port.hostPort !== port.containerPort) errors.push(invalidValue(`${field}.containerPort`, port.containerPort, 'must match `hostPort` when `hostNetwork` is true'));
      const key = `${port.protocol ?? 'TCP'}/${port.hostIP ?? ''}/${port.hostPort}`;
      if (taken.has(key)) errors.push(duplicateValue(`${field}.hostPort`, key));
      taken.add(key);
    }
  }
}

function validateResources(container: Container, at: string, errors: FieldError[]): void {
  const { limits = {}, requests = {} } = container.resources ?? {};
  for (const [kind, amounts] of [['limits', limits], ['requests', requests]] as const) {
    for (const [name, amount] of Object.entries(amounts)) if (quantityOf(amount) < 0) errors.push(invalidValue(`${at}.resources.${kind}[${name}]`, String(amount), 'must be greater than or equal to 0'));
  }
  for (const [name, amount] of Object.entries(requests)) {
    const limit = limits[name];
    if (limit !== undefined && quantityOf(amount) > quantityOf(limit)) errors.push(invalidValue(`${at}.resources.requests`, String(amount), `must be less than or equal to ${name} limit of ${limit}`));
  }
}

function validateProbes(container: Container, at: string, plainInit: boolean, errors: FieldError[]): void {
  const probes = [['livenessProbe', container.livenessProbe], ['readinessProbe', container.readinessProbe], ['startupProbe', container.startupProbe]] as const;
  if (plainInit && container.lifecycle) errors.push(forbiddenField(`${at}.lifecycle`, 'may not be set for init containers without restartPolicy=Always'));
  for (const [name, probe] of probes) {
    if (!probe) continue;
    const field = `${at}.${name}`;
    if (plainInit) errors.push(forbiddenField(field, 'may not be set for init containers without restartPolicy=Always'));
    const handlers = [probe.exec, probe.httpGet, probe.tcpSocket, probe.grpc].filter(Boolean).length;
    if (handlers === 0) errors.push(required(field, 'must specify a handler type'));
    if (handlers > 1) errors.push(forbiddenField(field, 'may not specify more than 1 handler type'));
    for (const key of ['initialDelaySeconds', 'timeoutSeconds', 'periodSeconds', 'successThreshold', 'failureThreshold'] as const) {
      if ((probe[key] ?? 0) < 0) errors.push(invalidValue(`${field}.${key}`, probe[key], 'must be greater than or equal to 0'));
    }
    if (name !== 'readinessProbe' && probe.successThreshold !== undefined && probe.successThreshold > 1) errors.push(invalidValue(`${field}.successThreshold`, probe.successThreshold, 'must be 1'));
    const port = probe.httpGet?.port ?? probe.tcpSocket?.port;
    if (typeof port === 'number' && (port < 1 || port > 65535)) errors.push(invalidValue(`${field}.${probe.httpGet ? 'httpGet' : 'tcpSocket'}.port`, port, 'must be between 1 and 65535, inclusive'));
  }
}

function checkLabel(text: string, field: string, errors: FieldError[]): void {
  if (text.length > 63) errors.push(invalidValue(field, text, 'must be no more than 63 characters'));
  if (!label.test(text)) errors.push(invalidValue(field, text, labelText));
}
