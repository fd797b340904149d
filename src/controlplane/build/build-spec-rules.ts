/** Defaults and rules that builds and build configs share (openshift-apiserver pkg/build/apis/build/validation). */
import { strategyType, type CommonBuildSpec } from '../../api/kinds/build.ts';
import { labelValueProblem, qualifiedNameProblem } from '../../api/selector.ts';
import { invalidValue, required, type FieldError } from '../../api/status.ts';
import { defaultSource, validateSource } from './build-source-rules.ts';
import { defaultStrategy, validateStrategy } from './build-strategy-rules.ts';
import { validateOutputReference, validateSecretReference } from './image-reference-rules.ts';

const labelName = /^[-._a-zA-Z0-9]+$/;
const labelText = "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";

export function defaultBuildSpec(spec: CommonBuildSpec): void {
  spec.source ??= {};
  defaultSource(spec.source);
  spec.strategy ??= {};
  defaultStrategy(spec.strategy);
  spec.output ??= {};
  spec.resources ??= {};
  spec.postCommit ??= {};
  if (spec.nodeSelector === undefined) spec.nodeSelector = null;
}

export function validateBuildSpec(spec: CommonBuildSpec): FieldError[] {
  const { source = {}, strategy } = spec;
  const type = strategyType(strategy);
  const errors: FieldError[] = [];
  if (type === 'Docker' && !source.git && !source.binary && source.dockerfile === undefined && !source.images) {
    errors.push(invalidValue('spec.source', '', 'must provide a value for at least one source input(git, binary, dockerfile, images).'));
  }
  return [
    ...errors,
    ...validateSource(source, type === 'JenkinsPipeline' ? undefined : type),
    ...validateDeadline(spec),
    ...validateOutput(spec),
    ...validateStrategy(strategy),
    ...validateHook(spec),
    ...validateNodeSelector(spec),
  ];
}

function validateOutput({ output }: CommonBuildSpec): FieldError[] {
  const errors = [...(output?.to ? validateOutputReference(output.to, 'spec.output.to') : []), ...validateSecretReference(output?.pushSecret, 'spec.output.pushSecret')];
  const names = new Set<string>();
  for (const [index, { name }] of (output?.imageLabels ?? []).entries()) {
    const field = `spec.output.imageLabels[${index}].name`;
    if (!name) errors.push(required(field));
    else if (!labelName.test(name)) errors.push(invalidValue(field, name, labelText));
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

function validateNodeSelector({ nodeSelector }: CommonBuildSpec): FieldError[] {
  const wrong = Object.entries(nodeSelector ?? {}).filter(([key, value]) => qualifiedNameProblem(key) !== undefined || labelValueProblem(value) !== undefined);
  return wrong.map(([key, value]) => invalidValue(`spec.nodeSelector[${key}]`, value, 'must be a valid node selector'));
}
