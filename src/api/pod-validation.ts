/** Rules of pod specs beyond the schema, worded as the real server words them (kubernetes pkg/apis/core/validation). */
import { validateHooks, validateId, validateProbes, validateResources, validateSecurity } from './container-validation.ts';
import { parseIpv4 } from './ipv4.ts';
import type { Container, PodSpec } from './kinds/core.ts';
import { isSidecar } from './pod.ts';
import { labelValueProblem, qualifiedNameProblem } from './selector.ts';
import { validateLabels } from './selector-rules.ts';
import { duplicateValue, forbiddenField, invalidValue, notSupported, required, type FieldError } from './status.ts';
import { validateMounts, validateVariables, validateVolumes } from './volume-validation.ts';

const label = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const labelText = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const subdomainText = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const ipv6 = /^(?=.*:)[0-9a-fA-F:.]+$/;
const portName = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;

/** `path` is where the spec lies: `spec`, or `spec.template.spec` of a workload. */
export function validatePodSpec(spec: PodSpec, path = 'spec'): FieldError[] {
  const errors: FieldError[] = [];
  const volumes = validateVolumes(spec, path, (name, field) => checkLabel(name, field, errors), errors);
  const names = new Set<string>();
  const template = path !== 'spec';
  if (!spec.containers?.length) errors.push(required(`${path}.containers`));
  const known = { volumes, names, template, graceSeconds: spec.terminationGracePeriodSeconds ?? 30, claims: (spec.resourceClaims ?? []).map(({ name }) => name) };
  for (const [index, container] of (spec.containers ?? []).entries()) validateContainer(container, `${path}.containers[${index}]`, { ...known, init: false }, errors);
  for (const [index, container] of (spec.initContainers ?? []).entries()) validateContainer(container, `${path}.initContainers[${index}]`, { ...known, init: true }, errors);
  if (spec.ephemeralContainers?.length) errors.push(forbiddenField(`${path}.ephemeralContainers`, template ? 'ephemeral containers not allowed in pod template' : 'cannot be set on create'));
  hostPorts(spec, path, errors);
  if (spec.activeDeadlineSeconds !== undefined && spec.activeDeadlineSeconds < 1) errors.push(invalidValue(`${path}.activeDeadlineSeconds`, spec.activeDeadlineSeconds, 'must be between 1 and 2147483647, inclusive'));
  if ((spec.terminationGracePeriodSeconds ?? 0) < 0) errors.push(invalidValue(`${path}.terminationGracePeriodSeconds`, spec.terminationGracePeriodSeconds, 'must be greater than or equal to 0'));
  for (const [name, text] of [['hostname', spec.hostname], ['subdomain', spec.subdomain]] as const) if (text) checkLabel(text, `${path}.${name}`, errors);
  validatePlacement(spec, path, errors);
  validateIdentity(spec, path, errors);
  if (spec.dnsPolicy === 'None' && !spec.dnsConfig?.nameservers?.length) errors.push(required(`${path}.dnsConfig.nameservers`, "must provide at least one DNS nameserver when `dnsPolicy` is None"));
  return errors;
}

function validatePlacement({ nodeSelector, tolerations = [], topologySpreadConstraints = [] }: PodSpec, path: string, errors: FieldError[]): void {
  errors.push(...validateLabels(nodeSelector, `${path}.nodeSelector`));
  for (const [index, toleration] of tolerations.entries()) {
    const at = `${path}.tolerations[${index}]`;
    const { key, operator = 'Equal', value = '', effect, tolerationSeconds } = toleration;
    const keyProblem = key ? qualifiedNameProblem(key) : undefined;
    if (keyProblem) errors.push(invalidValue(`${at}.key`, key, keyProblem));
    if (!key && operator !== 'Exists') errors.push(invalidValue(`${at}.operator`, operator, 'operator must be Exists when `key` is empty, which means "match all values and all keys"'));
    if (tolerationSeconds !== undefined && effect !== 'NoExecute') errors.push(invalidValue(`${at}.effect`, effect ?? '', "effect must be 'NoExecute' when `tolerationSeconds` is set"));
    const valueProblem = operator === 'Equal' ? labelValueProblem(value) : undefined;
    if (valueProblem) errors.push(invalidValue(`${at}.operator`, value, valueProblem));
    if (operator === 'Exists' && value !== '') errors.push(invalidValue(`${at}.operator`, toleration, "value must be empty when `operator` is 'Exists'"));
    if (!['Equal', 'Exists'].includes(operator)) errors.push(notSupported(`${at}.operator`, operator, ['Equal', 'Exists']));
  }
  for (const [index, { maxSkew }] of topologySpreadConstraints.entries()) {
    if (maxSkew <= 0) errors.push(invalidValue(`${path}.topologySpreadConstraints[${index}].maxSkew`, maxSkew, 'must be greater than zero'));
  }
}

/** Who the pod's processes are, what they are called and when they count as ready. */
function validateIdentity({ securityContext = {}, readinessGates = [], hostAliases = [] }: PodSpec, path: string, errors: FieldError[]): void {
  for (const name of ['runAsUser', 'runAsGroup', 'fsGroup'] as const) validateId(securityContext[name], `${path}.securityContext.${name}`, errors);
  for (const [index, id] of (securityContext.supplementalGroups ?? []).entries()) validateId(id, `${path}.securityContext.supplementalGroups[${index}]`, errors);
  for (const [index, { conditionType }] of readinessGates.entries()) {
    const problem = qualifiedNameProblem(conditionType);
    if (problem) errors.push(invalidValue(`${path}.readinessGates[${index}].conditionType`, conditionType, problem));
  }
  for (const [index, { ip = '', hostnames = [] }] of hostAliases.entries()) {
    const at = `${path}.hostAliases[${index}]`;
    if (parseIpv4(ip) === undefined && !ipv6.test(ip)) errors.push(invalidValue(`${at}.ip`, ip, 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'));
    for (const [place, name] of hostnames.entries()) if (name.length > 253 || !subdomain.test(name)) errors.push(invalidValue(`${at}.hostnames[${place}]`, name, subdomainText));
  }
}

interface Known {
  volumes: ReadonlyMap<string, unknown>;
  names: Set<string>;
  init: boolean;
  /** Not of a pod itself. */
  template: boolean;
  /** Of the pod. */
  graceSeconds: number;
  /** Names of the pod's resource claims. */
  claims: readonly string[];
}

function validateContainer(container: Container, at: string, { volumes, names, init, template, graceSeconds, claims }: Known, errors: FieldError[]): void {
  if (container.name) checkLabel(container.name, `${at}.name`, errors);
  if (names.has(container.name)) errors.push(duplicateValue(`${at}.name`, container.name));
  names.add(container.name);
  if (!container.image) errors.push(required(`${at}.image`));
  // In a template, a blank stands for the image that a trigger will bring (kubernetes' own exception, for OpenShift).
  else if (!template && container.image !== container.image.trim()) errors.push(invalidValue(`${at}.image`, container.image, 'must not have leading or trailing whitespace'));
  validatePorts(container, at, errors);
  validateVariables(container, at, errors);
  validateMounts(container, at, volumes, errors);
  const plainInit = init && !isSidecar(container);
  validateResources(container, at, claims, errors);
  validateSecurity(container, at, errors);
  validateProbes(container, at, plainInit, graceSeconds, errors);
  validateHooks(container, at, plainInit, graceSeconds, errors);
  for (const [index, { name }] of (container.volumeDevices ?? []).entries()) if (!volumes.has(name)) errors.push({ reason: 'FieldValueNotFound', field: `${at}.volumeDevices[${index}].name`, message: `Not found: ${JSON.stringify(name)}` });
  if (!container.restartPolicy) return;
  if (!init) errors.push(forbiddenField(`${at}.restartPolicy`, 'may not be set for non-init containers'));
  else if (container.restartPolicy !== 'Always') errors.push(notSupported(`${at}.restartPolicy`, container.restartPolicy, ['Always']));
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

/** What a debugging container can be is less than what others can. `existing` ones are as they were. */
export function validateEphemeralContainers({ containers, initContainers = [], ephemeralContainers = [] }: PodSpec, existing: ReadonlySet<string>): FieldError[] {
  const errors: FieldError[] = [];
  const others = new Set([...containers, ...initContainers].map(({ name }) => name));
  const names = new Set(others);
  for (const [index, container] of ephemeralContainers.entries()) {
    const at = `spec.ephemeralContainers[${index}]`;
    const { name, targetContainerName: target } = container;
    if (names.has(name)) errors.push(duplicateValue(`${at}.name`, name));
    names.add(name);
    if (existing.has(name)) continue;
    if (name) checkLabel(name, `${at}.name`, errors);
    else errors.push(required(`${at}.name`));
    if (!container.image) errors.push(required(`${at}.image`));
    if (target && !others.has(target)) errors.push({ reason: 'FieldValueNotFound', field: `${at}.targetContainerName`, message: `Not found: ${JSON.stringify(target)}` });
    for (const field of notEphemeral) if (container[field] !== undefined && !isEmpty(container[field])) errors.push(forbiddenField(`${at}.${field}`, 'cannot be set for an Ephemeral Container'));
    for (const [place, mount] of (container.volumeMounts ?? []).entries()) {
      for (const field of ['subPath', 'subPathExpr'] as const) if (mount[field]) errors.push(forbiddenField(`${at}.volumeMounts[${place}].${field}`, 'cannot be set for an Ephemeral Container'));
    }
  }
  return errors;
}

const notEphemeral = ['ports', 'livenessProbe', 'readinessProbe', 'startupProbe', 'lifecycle', 'resources', 'resizePolicy', 'restartPolicy'] as const;
const isEmpty = (value: unknown) => typeof value === 'object' && value !== null && Object.keys(value).length === 0;

function checkLabel(text: string, field: string, errors: FieldError[]): void {
  if (text.length > 63) errors.push(invalidValue(field, text, 'must be no more than 63 characters'));
  if (!label.test(text)) errors.push(invalidValue(field, text, labelText));
}
