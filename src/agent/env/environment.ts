/** A container's environment, pure: what it refers to is handed in. */
import type { ConfigMap, Container, Pod, Secret } from '../../api/kinds/core.ts';
import { expand } from './expand.ts';
import { fieldOf, resourceOf, type PodFacts } from './field-ref.ts';

export interface EnvironmentSources {
  configMap(name: string): ConfigMap | undefined;
  secret(name: string): Secret | undefined;
  /** Lowest precedence: services, the way to the outside. */
  base: Readonly<Record<string, string>>;
  facts: PodFacts;
}

/** Something the environment needs is missing: CreateContainerConfigError. */
export class ConfigError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ConfigError';
  }
}

/** Names of the config maps and secrets a container's environment refers to. */
export function environmentReferences(container: Container): { configMaps: string[]; secrets: string[] } {
  const configMaps = new Set<string>();
  const secrets = new Set<string>();
  for (const { configMapRef, secretRef } of container.envFrom ?? []) {
    if (configMapRef?.name) configMaps.add(configMapRef.name);
    if (secretRef?.name) secrets.add(secretRef.name);
  }
  for (const { valueFrom } of container.env ?? []) {
    if (valueFrom?.configMapKeyRef?.name) configMaps.add(valueFrom.configMapKeyRef.name);
    if (valueFrom?.secretKeyRef?.name) secrets.add(valueFrom.secretKeyRef.name);
  }
  return { configMaps: [...configMaps], secrets: [...secrets] };
}

export function containerEnvironment(pod: Pod, container: Container, sources: EnvironmentSources): { name: string; value: string }[] {
  const env = new Map<string, string>();
  for (const { prefix = '', configMapRef, secretRef } of container.envFrom ?? []) {
    const data = configMapRef ? textOf(sources.configMap(configMapRef.name ?? '')) : decoded(sources.secret(secretRef?.name ?? ''));
    if (!data) {
      if (configMapRef?.optional || secretRef?.optional) continue;
      throw new ConfigError(configMapRef ? `configmap "${configMapRef.name}" not found` : `secret "${secretRef?.name}" not found`);
    }
    for (const [key, value] of Object.entries(data)) env.set(prefix + key, value);
  }
  for (const { name, value, valueFrom } of container.env ?? []) {
    if (!valueFrom) {
      env.set(name, expand(value ?? '', (other) => env.get(other) ?? sources.base[other]));
      continue;
    }
    const found = referred(pod, container, valueFrom, sources);
    if (found !== undefined) env.set(name, found);
  }
  for (const [name, value] of Object.entries(sources.base)) if (!env.has(name)) env.set(name, value);
  return [...env].map(([name, value]) => ({ name, value }));
}

type ValueFrom = NonNullable<NonNullable<Container['env']>[number]['valueFrom']>;

function referred(pod: Pod, container: Container, from: ValueFrom, sources: EnvironmentSources): string | undefined {
  if (from.fieldRef) {
    const text = fieldOf(pod, from.fieldRef.fieldPath, sources.facts);
    if (text === undefined) throw new ConfigError(`unsupported fieldPath: ${from.fieldRef.fieldPath}`);
    return text;
  }
  if (from.resourceFieldRef) {
    const { containerName, resource, divisor } = from.resourceFieldRef;
    const of = containerName ? [...pod.spec.containers, ...(pod.spec.initContainers ?? [])].find(({ name }) => name === containerName) : container;
    const text = of && resourceOf(of, resource, divisor, sources.facts);
    if (text === undefined) throw new ConfigError(of ? `unsupported container resource : ${resource}` : `container ${containerName} not found`);
    return text;
  }
  const reference = from.configMapKeyRef ?? from.secretKeyRef;
  if (!reference) return undefined;
  const kind = from.configMapKeyRef ? 'configmap' : 'secret';
  const data = from.configMapKeyRef ? textOf(sources.configMap(reference.name ?? '')) : decoded(sources.secret(reference.name ?? ''));
  if (!data) {
    if (reference.optional) return undefined;
    throw new ConfigError(`${kind} "${reference.name}" not found`);
  }
  const value = data[reference.key];
  if (value === undefined && !reference.optional) {
    throw new ConfigError(`couldn't find key ${reference.key} in ${kind === 'secret' ? 'Secret' : 'ConfigMap'} ${pod.metadata.namespace}/${reference.name}`);
  }
  return value;
}

function textOf(map: ConfigMap | undefined): Record<string, string> | undefined {
  return map && { ...map.data };
}

function decoded(secret: Secret | undefined): Record<string, string> | undefined {
  return secret && Object.fromEntries(Object.entries(secret.data ?? {}).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]));
}
