/** Rules of a build's inputs, worded as OpenShift words them (openshift-apiserver pkg/build/apis/build/validation). */
import { posix } from 'node:path';
import type { BuildSource, GitSource, ImageSource } from '../../api/kinds/build.ts';
import { duplicateValue, invalidValue, required, type FieldError } from '../../api/status.ts';
import { validateImageReference, validateSecretReference } from './image-reference-rules.ts';

/** Bytes; the text travels in the build's environment. */
const largestDockerfile = 60_000;
const objectName = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** The word for what a source holds. A Dockerfile beside Git or an upload only replaces the one in it. */
export function sourceType(source: BuildSource): NonNullable<BuildSource['type']> {
  if (source.git) return 'Git';
  if (source.binary) return 'Binary';
  if (source.dockerfile !== undefined) return 'Dockerfile';
  return source.images?.length ? 'Image' : 'None';
}

export function defaultSource(source: BuildSource): void {
  if (source.type === 'Binary' && !source.git) source.binary ??= {};
  source.type = sourceType(source);
  for (const image of source.images ?? []) if (image.from && !image.from.kind) image.from.kind = 'ImageStreamTag';
  if (source.contextDir !== undefined) source.contextDir = insideOf(source.contextDir);
}

/** `/`, `./` and `a/../b` mean `''`, `''` and `b`: templates write all of them. What leads outside stays, to be refused. */
export function insideOf(path: string): string {
  const clean = posix.normalize(path).replace(/^\/+/, '').replace(/\/+$/, '');
  return clean === '.' ? '' : clean;
}

export function validateSource(source: BuildSource, strategy: 'Source' | 'Docker' | 'Custom' | undefined): FieldError[] {
  const { git, binary, dockerfile, contextDir } = source;
  if (git && binary && strategy !== 'Custom') {
    return [invalidValue('spec.source.git', '', 'may not be set when binary is also set'), invalidValue('spec.source.binary', '', 'may not be set when git is also set')];
  }
  const errors: FieldError[] = [];
  if (git) errors.push(...validateGit(git));
  if (binary?.asFile) {
    const name = posix.normalize(binary.asFile).replace(/^\//, '');
    if (name === '' || name === '.' || name.startsWith('..') || /[/\\]/.test(name)) errors.push(invalidValue('spec.source.binary.asFile', binary.asFile, 'file name may not contain slashes or relative path segments and must be a valid POSIX filename'));
  }
  if (dockerfile !== undefined && Buffer.byteLength(dockerfile) > largestDockerfile) errors.push(invalidValue('spec.source.dockerfile', '', `must be smaller than ${largestDockerfile} bytes`));
  errors.push(...validateImages(source.images ?? []));
  for (const [index, { secret, destinationDir }] of (source.secrets ?? []).entries()) errors.push(...validateCopied(`spec.source.secrets[${index}]`, 'secret', secret?.name, destinationDir, strategy));
  for (const [index, { configMap, destinationDir }] of (source.configMaps ?? []).entries()) errors.push(...validateCopied(`spec.source.configMaps[${index}]`, 'configMap', configMap?.name, destinationDir, strategy));
  errors.push(...validateSecretReference(source.sourceSecret, 'spec.source.sourceSecret'));
  if (contextDir && leadsOutside(contextDir)) errors.push(invalidValue('spec.source.contextDir', contextDir, 'context dir must not be a relative path'));
  return errors;
}

function validateGit(git: GitSource): FieldError[] {
  const errors: FieldError[] = [];
  if (!git.uri) errors.push(required('spec.source.git.uri'));
  else if (!isGitUri(git.uri)) errors.push(invalidValue('spec.source.git.uri', git.uri, 'uri is not a valid url'));
  // A word that starts with a dash would be taken for an option of git.
  if (git.ref?.startsWith('-')) errors.push(invalidValue('spec.source.git.ref', git.ref, 'may not start with "-"'));
  for (const name of ['httpProxy', 'httpsProxy'] as const) {
    const proxy = git[name];
    if (proxy && !URL.canParse(proxy.startsWith('http') ? proxy : `http://${proxy}`)) errors.push(invalidValue(`spec.source.git.${name.toLowerCase()}`, proxy, 'proxy is not a valid url'));
  }
  return errors;
}

/** A URL, `user@host:path`, or a path. */
function isGitUri(uri: string): boolean {
  if (uri.startsWith('-') || /\s/.test(uri)) return false;
  return /^(?:https?|git|ssh|file):\/\/./.test(uri) || /^(?:[^@/\s]+@)?[\w.-]+:[^/\s].*/.test(uri) || uri.startsWith('/');
}

function validateImages(images: readonly ImageSource[]): FieldError[] {
  const errors: FieldError[] = [];
  const names = new Set<string>();
  for (const [index, { from, paths = [], as = [], pullSecret }] of images.entries()) {
    const field = `spec.source.images[${index}]`;
    errors.push(...validateImageReference(from, `${field}.from`), ...validateSecretReference(pullSecret, `${field}.pullSecret`));
    if (paths.length === 0 && as.length === 0) for (const name of ['paths', 'as']) errors.push(required(`${field}.${name}`, "must specify 'paths' or 'as'"));
    for (const [position, { sourcePath = '', destinationDir = '' }] of paths.entries()) {
      const at = `${field}.paths[${position}]`;
      if (sourcePath === '') errors.push(required(`${at}.sourcePath`));
      if (destinationDir === '') errors.push(required(`${at}.destinationDir`));
      if (!sourcePath.startsWith('/')) errors.push(invalidValue(`${at}.sourcePath`, sourcePath, 'must be an absolute path'));
      if (destinationDir.startsWith('/')) errors.push(invalidValue(`${at}.destinationDir`, destinationDir, 'must be a relative path'));
      if (leadsOutside(destinationDir)) errors.push(invalidValue(`${at}.destinationDir`, destinationDir, "destination dir cannot start with '..'"));
    }
    for (const [position, name] of as.entries()) {
      if (name === '') errors.push(invalidValue(`${field}.as[${position}]`, name, 'must not be empty'));
      else if (names.has(name)) errors.push(duplicateValue(`${field}.as[${position}]`, name));
      names.add(name);
    }
  }
  return errors;
}

/** A secret or config map whose files are copied into the sources. */
function validateCopied(field: string, kind: 'secret' | 'configMap', name: string | undefined, destination: string | undefined, strategy: string | undefined): FieldError[] {
  const errors: FieldError[] = [];
  if (!name) errors.push(required(`${field}.${kind}`));
  else if (name.length > 253 || !objectName.test(name)) errors.push(invalidValue(`${field}.${kind}`, name, `must be valid ${kind} name`));
  if (destination && leadsOutside(destination)) errors.push(invalidValue(`${field}.destinationDir`, destination, "destination dir cannot start with '..'"));
  if (destination?.startsWith('/') && strategy === 'Docker') errors.push(invalidValue(`${field}.destinationDir`, destination, 'for the docker strategy the destinationDir has to be relative path'));
  return errors;
}

export function leadsOutside(path: string): boolean {
  return posix.normalize(path).startsWith('..');
}
