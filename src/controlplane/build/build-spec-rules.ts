/** Defaults and rules that builds and build configs share (openshift-apiserver pkg/build/apis/build/validation). */
import type { BuildSource, CommonBuildSpec } from '../../api/kinds/build.ts';
import type { ObjectReference } from '../../api/meta.ts';
import { forbiddenField, invalidValue, notSupported, required, type FieldError } from '../../api/status.ts';
import { InvalidReference, parseReference } from '../../oci/reference.ts';
import { strategyType } from './build-columns.ts';

export function defaultBuildSpec(spec: CommonBuildSpec): void {
  spec.source ??= {};
  spec.source.type ??= sourceType(spec.source);
  spec.strategy ??= {};
  const type = strategyType(spec.strategy);
  if (type) spec.strategy.type = type;
  spec.output ??= {};
  spec.resources ??= {};
  spec.postCommit ??= {};
  if (spec.nodeSelector === undefined) spec.nodeSelector = null;
  const from = spec.strategy.sourceStrategy?.from;
  if (from && !from.kind) from.kind = 'ImageStreamTag';
}

function sourceType(source: BuildSource): NonNullable<BuildSource['type']> {
  if (source.git) return 'Git';
  if (source.binary) return 'Binary';
  if (source.dockerfile !== undefined) return 'Dockerfile';
  return 'None';
}

export function validateBuildSpec(spec: CommonBuildSpec): FieldError[] {
  return [...validateSource(spec.source ?? {}), ...validateStrategy(spec), ...validateOutput(spec), ...validateHook(spec), ...validateDeadline(spec)];
}

function validateSource(source: BuildSource): FieldError[] {
  const errors: FieldError[] = [];
  const { git, binary, dockerfile, contextDir, type } = source;
  if (git && binary) errors.push(invalidValue('spec.source', '', 'may not set both git and binary'));
  if (dockerfile !== undefined && binary) errors.push(invalidValue('spec.source', '', 'may not set both dockerfile and binary'));
  if (type === 'Git' && !git) errors.push(required('spec.source.git'));
  if (type === 'Binary' && !binary) errors.push(required('spec.source.binary'));
  if (git) {
    if (!git.uri) errors.push(required('spec.source.git.uri'));
    else if (!isGitUri(git.uri)) errors.push(invalidValue('spec.source.git.uri', git.uri, 'uri is not a valid url'));
    // A word that starts with a dash would be taken for an option of git.
    if (git.ref?.startsWith('-')) errors.push(invalidValue('spec.source.git.ref', git.ref, 'may not start with "-"'));
    for (const name of ['httpProxy', 'httpsProxy'] as const) if (git[name] && !URL.canParse(git[name])) errors.push(invalidValue(`spec.source.git.${name}`, git[name], 'is not a valid url'));
  }
  if (binary?.asFile && (binary.asFile.includes('/') || binary.asFile === '.' || binary.asFile === '..')) errors.push(invalidValue('spec.source.binary.asFile', binary.asFile, 'file name may not contain slashes or be \'.\' or \'..\''));
  if (contextDir && (contextDir.startsWith('/') || contextDir.split('/').includes('..'))) errors.push(invalidValue('spec.source.contextDir', contextDir, "context dir must be a relative path and not contain '..'"));
  for (const [index, { secret }] of (source.secrets ?? []).entries()) if (!secret?.name) errors.push(required(`spec.source.secrets[${index}].secret.name`));
  for (const [index, { configMap }] of (source.configMaps ?? []).entries()) if (!configMap?.name) errors.push(required(`spec.source.configMaps[${index}].configMap.name`));
  return errors;
}

/** A URL, `user@host:path`, or a path. */
function isGitUri(uri: string): boolean {
  if (uri.startsWith('-') || /\s/.test(uri)) return false;
  return /^(?:https?|git|ssh|file):\/\/./.test(uri) || /^(?:[^@/\s]+@)?[\w.-]+:[^/\s].*/.test(uri) || uri.startsWith('/');
}

const refused: Partial<Record<string, string>> = {
  Docker: 'Docker builds need a container engine, which builds do not use yet; use the Source strategy with one of the builder images of project openshift',
  Custom: 'Custom builds are not served; use the Source strategy with one of the builder images of project openshift',
  JenkinsPipeline: 'Jenkins pipelines are not served; use the Source strategy, or run a pipeline tool of your own as an application',
};

function validateStrategy({ strategy }: CommonBuildSpec): FieldError[] {
  const set = (['sourceStrategy', 'dockerStrategy', 'customStrategy', 'jenkinsPipelineStrategy'] as const).filter((name) => strategy[name]);
  if (set.length === 0) return [required('spec.strategy', 'must provide a value for one of sourceStrategy, customStrategy, dockerStrategy, or jenkinsPipelineStrategy')];
  if (set.length > 1) return [invalidValue('spec.strategy', '', 'must provide a value for exactly one of sourceStrategy, customStrategy, dockerStrategy, or jenkinsPipelineStrategy')];
  const type = strategyType(strategy);
  const why = type && refused[type];
  if (why) return [forbiddenField(`spec.strategy.${set[0]}`, why)];
  if (type !== 'Source' || !strategy.sourceStrategy) return [notSupported('spec.strategy.type', strategy.type, ['Source'])];
  return validateReference('spec.strategy.sourceStrategy.from', strategy.sourceStrategy.from, ['ImageStreamTag', 'ImageStreamImage', 'DockerImage']);
}

function validateReference(field: string, reference: ObjectReference | undefined, kinds: readonly string[]): FieldError[] {
  if (!reference) return [required(field)];
  const { kind = '', name = '' } = reference;
  if (name === '') return [required(`${field}.name`)];
  if (!kinds.includes(kind)) return [invalidValue(`${field}.kind`, kind, `the kind must be ${kinds.map((one) => `'${one}'`).join(', ')}`)];
  if (kind === 'ImageStreamTag' && !/^[^:@\s]+:[^:@\s]+$/.test(name)) return [invalidValue(`${field}.name`, name, 'ImageStreamTag object references must be in the form <name>:<tag>')];
  if (kind === 'ImageStreamImage' && !/^[^:@\s]+@[^@\s]+$/.test(name)) return [invalidValue(`${field}.name`, name, 'ImageStreamImage object references must be in the form <name>@<id>')];
  if (kind !== 'DockerImage') return [];
  try {
    parseReference(name);
    return [];
  } catch (error) {
    if (error instanceof InvalidReference) return [invalidValue(`${field}.name`, name, error.message)];
    throw error;
  }
}

function validateOutput({ output }: CommonBuildSpec): FieldError[] {
  const errors = output?.to ? validateReference('spec.output.to', output.to, ['ImageStreamTag', 'DockerImage']) : [];
  const names = new Set<string>();
  for (const [index, { name }] of (output?.imageLabels ?? []).entries()) {
    const field = `spec.output.imageLabels[${index}].name`;
    if (!name) errors.push(required(field));
    else if (names.has(name)) errors.push(invalidValue(field, name, 'duplicate name'));
    names.add(name);
  }
  return errors;
}

function validateHook({ postCommit = {} }: CommonBuildSpec): FieldError[] {
  return postCommit.script && postCommit.command?.length ? [invalidValue('spec.postCommit', '', 'cannot use command and script together')] : [];
}

function validateDeadline({ completionDeadlineSeconds: seconds }: CommonBuildSpec): FieldError[] {
  return seconds !== undefined && seconds !== null && seconds <= 0 ? [invalidValue('spec.completionDeadlineSeconds', seconds, 'completionDeadlineSeconds must be a positive integer greater than 0')] : [];
}
