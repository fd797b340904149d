/** Rules of volumes, mounts and what variables refer to, worded as the real server words them (kubernetes pkg/apis/core/validation). */
import { parseFieldPath } from './field-path.ts';
import type { Container, PodSpec } from './kinds/core.ts';
import { quantityOf } from './quantity.ts';
import { duplicateValue, forbiddenField, invalidValue, notSupported, required, type FieldError } from './status.ts';

type Volume = NonNullable<PodSpec['volumes']>[number];
type FieldRef = { fieldPath: string };
type ResourceRef = { containerName?: string; resource: string; divisor?: string | number };

const hostPathTypes = ['', 'BlockDevice', 'CharDevice', 'Directory', 'DirectoryOrCreate', 'File', 'FileOrCreate', 'Socket'];
const shortestToken = 600;
const longestToken = 2 ** 32;

/** `checkName` tells what is wrong with a name. */
export function validateVolumes(spec: PodSpec, path: string, checkName: (name: string, field: string) => void, errors: FieldError[]): Map<string, Volume> {
  const volumes = new Map<string, Volume>();
  for (const [index, volume] of (spec.volumes ?? []).entries()) {
    const at = `${path}.volumes[${index}]`;
    if (volume.name) checkName(volume.name, `${at}.name`);
    if (volumes.has(volume.name)) errors.push(duplicateValue(`${at}.name`, volume.name));
    volumes.set(volume.name, volume);
    const sources = Object.keys(volume).filter((key) => key !== 'name');
    if (sources.length === 0) errors.push(required(at, 'must specify a volume type'));
    for (const extra of sources.slice(1)) errors.push(forbiddenField(`${at}.${extra}`, 'may not specify more than 1 volume type'));
    validateSource(volume, at, errors);
  }
  return volumes;
}

function validateSource(volume: Volume, at: string, errors: FieldError[]): void {
  const { hostPath, secret, configMap, downwardAPI, projected, emptyDir } = volume;
  if (hostPath?.path.split('/').includes('..')) errors.push(invalidValue(`${at}.hostPath.path`, hostPath.path, "must not contain '..'"));
  if (hostPath?.type && !hostPathTypes.includes(hostPath.type)) errors.push(notSupported(`${at}.hostPath.type`, hostPath.type, hostPathTypes));
  if (secret && !secret.secretName) errors.push(required(`${at}.secret.secretName`));
  if (configMap && !configMap.name) errors.push(required(`${at}.configMap.name`));
  if (emptyDir?.sizeLimit !== undefined && quantityOf(emptyDir.sizeLimit) < 0) errors.push(forbiddenField(`${at}.emptyDir.sizeLimit`, 'SizeLimit field must be a valid resource quantity'));
  for (const [name, source] of [['configMap', configMap], ['secret', secret]] as const) if (source) validateItems(source, `${at}.${name}`, errors);
  if (downwardAPI) validateDownward(downwardAPI, `${at}.downwardAPI`, errors);
  if (!projected) return;
  checkMode(projected.defaultMode, `${at}.projected.defaultMode`, errors);
  for (const [index, source] of (projected.sources ?? []).entries()) {
    const field = `${at}.projected.sources[${index}]`;
    if (Object.keys(source).length > 1) errors.push(forbiddenField(`${field}.${Object.keys(source)[1]}`, 'may not specify more than 1 volume type per source'));
    if (source.configMap) validateItems(source.configMap, `${field}.configMap`, errors);
    if (source.secret) validateItems(source.secret, `${field}.secret`, errors);
    if (source.downwardAPI) validateDownward(source.downwardAPI, `${field}.downwardAPI`, errors);
    const token = source.serviceAccountToken;
    if (!token) continue;
    if (!token.path) errors.push(required(`${field}.serviceAccountToken.path`));
    else checkPath(token.path, `${field}.serviceAccountToken.path`, errors);
    const { expirationSeconds: life } = token;
    if (life !== undefined && life < shortestToken) errors.push(invalidValue(`${field}.serviceAccountToken.expirationSeconds`, life, 'may not specify a duration less than 10 minutes'));
    if (life !== undefined && life > longestToken) errors.push(invalidValue(`${field}.serviceAccountToken.expirationSeconds`, life, 'may not specify a duration larger than 2^32 seconds'));
  }
}

function validateItems({ items, ...source }: { items?: readonly { key: string; path: string; mode?: number }[]; defaultMode?: number }, at: string, errors: FieldError[]): void {
  checkMode(source.defaultMode, `${at}.defaultMode`, errors);
  for (const [index, { key, path, mode }] of (items ?? []).entries()) {
    if (!key) errors.push(required(`${at}.items[${index}].key`));
    if (!path) errors.push(required(`${at}.items[${index}].path`));
    else checkPath(path, `${at}.items[${index}].path`, errors);
    checkMode(mode, `${at}.items[${index}].mode`, errors);
  }
}

function validateDownward({ items, ...source }: { items?: readonly { path: string; mode?: number; fieldRef?: FieldRef; resourceFieldRef?: ResourceRef }[]; defaultMode?: number }, at: string, errors: FieldError[]): void {
  checkMode(source.defaultMode, `${at}.defaultMode`, errors);
  for (const [index, { path, mode, fieldRef, resourceFieldRef }] of (items ?? []).entries()) {
    const field = `${at}.items[${index}]`;
    if (!path) errors.push(required(`${field}.path`));
    else checkPath(path, `${field}.path`, errors);
    checkMode(mode, `${field}.mode`, errors);
    if (fieldRef && resourceFieldRef) errors.push(invalidValue(field, 'resource', 'fieldRef and resourceFieldRef can not be specified simultaneously'));
    else if (fieldRef) checkField(fieldRef, `${field}.fieldRef`, 'volume', errors);
    else if (resourceFieldRef) {
      if (!resourceFieldRef.containerName) errors.push(required(`${field}.resourceFieldRef.containerName`));
      checkResource(resourceFieldRef, `${field}.resourceFieldRef`, errors);
    } else errors.push(required(`${field}.fieldRef`, 'one of fieldRef and resourceFieldRef is required'));
  }
}

export function validateMounts(container: Container, at: string, volumes: ReadonlyMap<string, unknown>, errors: FieldError[]): void {
  const paths = new Set<string>();
  const privileged = container.securityContext?.privileged === true;
  for (const [index, mount] of (container.volumeMounts ?? []).entries()) {
    const field = `${at}.volumeMounts[${index}]`;
    if (mount.name && !volumes.has(mount.name)) errors.push({ reason: 'FieldValueNotFound', field: `${field}.name`, message: `Not found: ${JSON.stringify(mount.name)}` });
    if (!mount.mountPath) errors.push(required(`${field}.mountPath`));
    if (paths.has(mount.mountPath)) errors.push(invalidValue(`${field}.mountPath`, mount.mountPath, 'must be unique'));
    paths.add(mount.mountPath);
    for (const [name, sub] of [['subPath', mount.subPath], ['subPathExpr', mount.subPathExpr]] as const) if (sub) checkPath(sub, `${field}.${name}`, errors);
    if (mount.subPath && mount.subPathExpr) errors.push(invalidValue(`${field}.subPathExpr`, mount.subPathExpr, 'subPathExpr and subPath are mutually exclusive'));
    const { mountPropagation: passed, recursiveReadOnly: recursive } = mount;
    const ways = ['Bidirectional', 'HostToContainer', 'None'];
    if (passed !== undefined && !ways.includes(passed)) errors.push(notSupported(`${field}.mountPropagation`, passed, ways));
    if (passed === 'Bidirectional' && !privileged) errors.push(forbiddenField(`${field}.mountPropagation`, 'Bidirectional mount propagation is available only to privileged containers'));
    if (recursive === undefined || recursive === 'Disabled') continue;
    const degrees = ['Disabled', 'Enabled', 'IfPossible'];
    if (!degrees.includes(recursive)) errors.push(notSupported(`${field}.recursiveReadOnly`, recursive, degrees));
    else if (!mount.readOnly) errors.push(forbiddenField(`${field}.recursiveReadOnly`, 'may only be specified when readOnly is true'));
    else if (passed !== undefined && passed !== 'None') errors.push(forbiddenField(`${field}.recursiveReadOnly`, 'may only be specified when mountPropagation is None or not specified'));
  }
}

export function validateVariables(container: Container, at: string, errors: FieldError[]): void {
  const name = /^[ -<>-~]+$/;
  const text = "a valid environment variable name must consist only of printable ASCII characters other than '='";
  for (const [index, { prefix, configMapRef, secretRef }] of (container.envFrom ?? []).entries()) {
    const field = `${at}.envFrom[${index}]`;
    if (prefix && !name.test(prefix)) errors.push(invalidValue(`${field}.prefix`, prefix, text));
    if (configMapRef && secretRef) errors.push(invalidValue(field, '', 'may not have more than one field specified at a time'));
    else if (!configMapRef && !secretRef) errors.push(invalidValue(field, '', 'must specify one of: `configMapRef` or `secretRef`'));
    for (const [kind, reference] of [['configMapRef', configMapRef], ['secretRef', secretRef]] as const) if (reference && !reference.name) errors.push(required(`${field}.${kind}.name`));
  }
  for (const [index, variable] of (container.env ?? []).entries()) {
    const field = `${at}.env[${index}]`;
    if (variable.name && !name.test(variable.name)) errors.push(invalidValue(`${field}.name`, variable.name, text));
    const from = variable.valueFrom;
    if (!from) continue;
    const sources = [from.fieldRef, from.resourceFieldRef, from.configMapKeyRef, from.secretKeyRef].filter(Boolean).length;
    if (variable.value) errors.push(invalidValue(`${field}.valueFrom`, '', 'may not be specified when `value` is not empty'));
    if (sources === 0) errors.push(invalidValue(`${field}.valueFrom`, '', 'must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`'));
    if (sources > 1) errors.push(invalidValue(`${field}.valueFrom`, '', 'may not have more than one field specified at a time'));
    if (from.fieldRef) checkField(from.fieldRef, `${field}.valueFrom.fieldRef`, 'variable', errors);
    if (from.resourceFieldRef) checkResource(from.resourceFieldRef, `${field}.valueFrom.resourceFieldRef`, errors);
  }
}

const plainFields = ['metadata.name', 'metadata.namespace', 'metadata.uid'];
/** What each of the two may show (Kubernetes docs, "Downward API"). */
const fields = {
  variable: [...plainFields, 'spec.nodeName', 'spec.serviceAccountName', 'status.hostIP', 'status.hostIPs', 'status.podIP', 'status.podIPs'].sort(),
  volume: [...plainFields, 'metadata.annotations', 'metadata.labels'].sort(),
};

function checkField({ fieldPath }: FieldRef, at: string, use: keyof typeof fields, errors: FieldError[]): void {
  if (!fieldPath) errors.push(required(`${at}.fieldPath`));
  else if (parseFieldPath(fieldPath) === undefined && !fields[use].includes(fieldPath)) errors.push(notSupported(`${at}.fieldPath`, fieldPath, fields[use]));
}

const resources = ['limits.cpu', 'limits.ephemeral-storage', 'limits.memory', 'requests.cpu', 'requests.ephemeral-storage', 'requests.memory'];

function checkResource({ resource, divisor }: ResourceRef, at: string, errors: FieldError[]): void {
  if (!resource) errors.push(required(`${at}.resource`));
  else if (!resources.includes(resource) && !/^(limits|requests)\.hugepages-/.test(resource)) errors.push(notSupported(`${at}.resource`, resource, resources));
  const cpu = resource?.endsWith('.cpu') ?? false;
  const by = divisor === undefined ? 0 : quantityOf(divisor);
  if (by === 0 || divisors[cpu ? 'cpu' : 'bytes'].some((step) => quantityOf(step) === by)) return;
  const supported = cpu ? '1m and 1' : divisors.bytes.join(', ');
  errors.push(invalidValue(`${at}.divisor`, String(divisor), `only divisor's values ${supported} are supported with the ${cpu ? 'cpu' : (resource.split('.')[1] ?? resource)} resource`));
}

const divisors = { cpu: ['1m', '1'], bytes: ['1', '1k', '1M', '1G', '1T', '1P', '1E', '1Ki', '1Mi', '1Gi', '1Ti', '1Pi', '1Ei'] };

function checkMode(mode: number | undefined, field: string, errors: FieldError[]): void {
  if (mode !== undefined && (mode < 0 || mode > 0o777)) errors.push(invalidValue(field, mode, 'must be a number between 0 and 0777 (octal), both inclusive'));
}

function checkPath(path: string, field: string, errors: FieldError[]): void {
  if (path.startsWith('/')) errors.push(invalidValue(field, path, 'must be a relative path'));
  else if (path.split('/').includes('..')) errors.push(invalidValue(field, path, "must not contain '..'"));
  else if (path.startsWith('..')) errors.push(invalidValue(field, path, "must not start with '..'"));
}
