/** Rules of build strategies, worded as OpenShift words them (openshift-apiserver pkg/build/apis/build/validation). */
import type { IEnvVar } from 'kubernetes-models/v1';
import type { BuildStrategy, BuildVolume, CustomBuildStrategy, DockerBuildStrategy, SourceBuildStrategy } from '../../api/kinds/build.ts';
import { duplicateValue, forbiddenField, invalidValue, notSupported, required, type FieldError } from '../../api/status.ts';
import { insideOf } from './build-source-rules.ts';
import { validateImageReference, validateSecretReference } from './image-reference-rules.ts';

const strategies = ['sourceStrategy', 'dockerStrategy', 'customStrategy', 'jenkinsPipelineStrategy'] as const;
const words = { sourceStrategy: 'Source', dockerStrategy: 'Docker', customStrategy: 'Custom', jenkinsPipelineStrategy: 'JenkinsPipeline' } as const;
const optimizations: readonly (string | undefined)[] = [undefined, 'None', 'SkipLayers', 'SkipLayersAndWarn'];
const volumeName = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const variableName = /^[-._a-zA-Z][-._a-zA-Z0-9]*$/;
const variableText = "a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or '.', and must not start with a digit (e.g. 'my.env-name',  or 'MY_ENV.NAME',  or 'MyEnvName1', regex used for validation is '[-._a-zA-Z][-._a-zA-Z0-9]*')";

export function defaultStrategy(strategy: BuildStrategy): void {
  const set = strategies.find((name) => strategy[name]);
  if (set) strategy.type = words[set];
  for (const from of [strategy.sourceStrategy?.from, strategy.dockerStrategy?.from, strategy.customStrategy?.from]) if (from && !from.kind) from.kind = 'ImageStreamTag';
  const docker = strategy.dockerStrategy;
  if (docker?.dockerfilePath && !leavesSource(docker.dockerfilePath)) docker.dockerfilePath = insideOf(docker.dockerfilePath);
}

export function validateStrategy(strategy: BuildStrategy): FieldError[] {
  const set = strategies.filter((name) => strategy[name]);
  if (set.length !== 1) return [invalidValue('spec.strategy', '', 'must provide a value for exactly one of sourceStrategy, customStrategy, dockerStrategy, or jenkinsPipelineStrategy')];
  const { sourceStrategy, dockerStrategy, customStrategy } = strategy;
  if (sourceStrategy) return validateSourceStrategy(sourceStrategy, 'spec.strategy.sourceStrategy');
  if (dockerStrategy) return validateDockerStrategy(dockerStrategy, 'spec.strategy.dockerStrategy');
  if (customStrategy) return validateCustomStrategy(customStrategy, 'spec.strategy.customStrategy');
  return [forbiddenField('spec.strategy.jenkinsPipelineStrategy', 'Jenkins pipelines are not served (OpenShift has deprecated them); build with the Source or Docker strategy, and let your pipeline start builds through a Generic webhook')];
}

function validateSourceStrategy(strategy: SourceBuildStrategy, field: string): FieldError[] {
  return [
    ...(strategy.from ? validateImageReference(strategy.from, `${field}.from`) : [required(`${field}.from`)]),
    ...validateSecretReference(strategy.pullSecret, `${field}.pullSecret`),
    ...validateEnv(strategy.env, `${field}.env`),
    ...validateVolumes(strategy.volumes, `${field}.volumes`),
  ];
}

function validateDockerStrategy(strategy: DockerBuildStrategy, field: string): FieldError[] {
  const errors = [...validateImageReference(strategy.from, `${field}.from`), ...validateSecretReference(strategy.pullSecret, `${field}.pullSecret`)];
  const { imageOptimizationPolicy: policy, dockerfilePath: path } = strategy;
  if (!optimizations.includes(policy)) errors.push(invalidValue(`${field}.imageOptimizationPolicy`, policy, "must be unset, 'None', 'SkipLayers', or 'SkipLayersAndWarn'"));
  if (path && leavesSource(path)) errors.push(invalidValue(`${field}.dockerfilePath`, path, 'dockerfilePath must be a relative path within your source location'));
  return [...errors, ...validateEnv(strategy.env, `${field}.env`), ...validateEnv(strategy.buildArgs, `${field}.buildArgs`), ...validateVolumes(strategy.volumes, `${field}.volumes`)];
}

function validateCustomStrategy(strategy: CustomBuildStrategy, field: string): FieldError[] {
  const errors = [
    ...(strategy.from ? validateImageReference(strategy.from, `${field}.from`) : [required(`${field}.from`)]),
    ...validateSecretReference(strategy.pullSecret, `${field}.pullSecret`),
    ...validateEnv(strategy.env, `${field}.env`),
  ];
  if (strategy.exposeDockerSocket) errors.push(forbiddenField(`${field}.exposeDockerSocket`, 'there is no Docker daemon whose socket a builder could be given; let the builder make its image by itself and push it (it gets OUTPUT_REGISTRY, OUTPUT_IMAGE and PUSH_DOCKERCFG_PATH), or use the Docker strategy'));
  for (const [index, { secretSource, mountPath }] of (strategy.secrets ?? []).entries()) {
    if (!secretSource?.name) errors.push(required(`${field}.secrets[${index}].secretSource.name`));
    if (!mountPath?.startsWith('/')) errors.push(invalidValue(`${field}.secrets[${index}].mountPath`, mountPath, 'must be an absolute path'));
  }
  return errors;
}

function leavesSource(path: string): boolean {
  return path.startsWith('/') || insideOf(path).split('/')[0] === '..';
}

function validateEnv(variables: readonly IEnvVar[] | undefined, field: string): FieldError[] {
  const errors: FieldError[] = [];
  for (const [index, { name, valueFrom }] of (variables ?? []).entries()) {
    if (!name) errors.push(required(`${field}[${index}].name`));
    else if (!variableName.test(name)) errors.push(invalidValue(`${field}[${index}].name`, name, variableText));
    if (valueFrom?.resourceFieldRef) errors.push(invalidValue(`${field}[${index}].valueFrom.ResourceFieldRef`, name, 'ResourceFieldRef is not valid for valueFrom in build environment variables'));
  }
  return errors;
}

function validateVolumes(volumes: readonly BuildVolume[] | undefined, field: string): FieldError[] {
  const errors: FieldError[] = [];
  const names = new Set<string>();
  const paths = new Set<string>();
  for (const [index, { name = '', source, mounts = [] }] of (volumes ?? []).entries()) {
    const at = `${field}[${index}]`;
    if (name === '') errors.push(required(`${at}.name`));
    else if (!volumeName.test(name)) errors.push(invalidValue(`${at}.name`, name, 'must be a lowercase RFC 1123 label'));
    else if (names.has(name)) errors.push(duplicateValue(`${at}.name`, name));
    names.add(name);
    errors.push(...validateVolumeSource(source, `${at}.source`));
    if (mounts.length === 0) errors.push(required(`${at}.mounts`));
    for (const [position, { destinationPath = '' }] of mounts.entries()) {
      const path = `${at}.mounts[${position}].destinationPath`;
      if (destinationPath === '') errors.push(required(path));
      else if (!destinationPath.startsWith('/') || /[:]/.test(destinationPath) || destinationPath.split('/').includes('..')) errors.push(invalidValue(path, destinationPath, "must be an absolute path without ':' and '..'"));
      else if (paths.has(destinationPath)) errors.push(duplicateValue(path, destinationPath));
      paths.add(destinationPath);
    }
  }
  return errors;
}

function validateVolumeSource(source: BuildVolume['source'] | undefined, field: string): FieldError[] {
  switch (source?.type) {
    case 'Secret':
      return source.secret?.secretName ? [] : [required(`${field}.secret.secretName`)];
    case 'ConfigMap':
      return source.configMap?.name ? [] : [required(`${field}.configMap.name`)];
    case 'CSI':
      return [forbiddenField(`${field}.csi`, 'there are no CSI drivers here; use a Secret or a ConfigMap')];
    default:
      return [source?.type === undefined ? required(`${field}.type`) : notSupported(`${field}.type`, source.type, ['Secret', 'ConfigMap'])];
  }
}
