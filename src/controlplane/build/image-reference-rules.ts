/** Rules of references to images and secrets in builds, worded as OpenShift words them (openshift-apiserver pkg/build/apis/build/validation). */
import type { LocalObjectReference, ObjectReference } from '../../api/meta.ts';
import { invalidValue, required, type FieldError } from '../../api/status.ts';
import { InvalidReference, isTag, parseReference } from '../../oci/reference.ts';

const streamName = /^[a-z0-9]+(?:[._-][a-z0-9]+)*$/;
const subdomain = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;

/** Where a build takes an image from. Without a reference nothing is wrong. */
export function validateImageReference(reference: ObjectReference | undefined, field: string): FieldError[] {
  if (!reference) return [];
  const { kind = '', name = '', namespace = '' } = reference;
  switch (kind) {
    case 'ImageStreamTag':
      return [...tagErrors(name, `${field}.name`, 'must be <name>:<tag>', 'invalid name syntax'), ...namespaceErrors(namespace, field, 'must be a valid namespace')];
    case 'ImageStreamImage':
      return [...imageErrors(name, `${field}.name`), ...namespaceErrors(namespace, field, 'must be a valid namespace')];
    case 'DockerImage':
      return [...foreignNamespace(namespace, field, "not valid when used with a 'DockerImage'"), ...(name === '' ? [required(`${field}.name`)] : pullSpecErrors(name, `${field}.name`, 'not a valid Docker pull specification'))];
    case '':
      return [required(`${field}.kind`)];
    default:
      return [invalidValue(`${field}.kind`, kind, "must be 'ImageStreamTag', 'ImageStreamImage', or 'DockerImage'")];
  }
}

/** Where a build pushes its image. */
export function validateOutputReference(reference: ObjectReference, field: string): FieldError[] {
  const { kind = '', name = '', namespace = '' } = reference;
  switch (kind) {
    case 'ImageStreamTag':
      return [
        ...tagErrors(name, `${field}.name`, 'ImageStreamTag object references must be in the form <name>:<tag>', 'ImageStreamTag name contains invalid syntax'),
        ...namespaceErrors(namespace, field, 'namespace must be a valid subdomain'),
      ];
    case 'DockerImage':
      return [...foreignNamespace(namespace, field, "namespace is not valid when used with a 'DockerImage'"), ...pullSpecErrors(name, `${field}.name`, 'name is not a valid Docker pull specification')];
    case '':
      return [required(`${field}.kind`)];
    default:
      return [invalidValue(`${field}.kind`, kind, "the target of build output must be an 'ImageStreamTag' or 'DockerImage'")];
  }
}

export function validateSecretReference(reference: LocalObjectReference | undefined, field: string): FieldError[] {
  return reference && !reference.name ? [required(`${field}.name`)] : [];
}

function tagErrors(name: string, field: string, form: string, syntax: string): FieldError[] {
  if (name === '') return [required(field)];
  const [stream = '', tag = '', ...more] = name.split(':');
  if (stream === '' || tag === '' || more.length > 0 || !isTag(tag)) return [invalidValue(field, name, form)];
  return streamName.test(stream) ? [] : [invalidValue(field, stream, syntax)];
}

function imageErrors(name: string, field: string): FieldError[] {
  if (name === '') return [required(field)];
  return /^[^:@\s]+@[^@\s]+$/.test(name) ? [] : [invalidValue(field, name, 'must be <name>@<id>')];
}

function namespaceErrors(namespace: string, field: string, text: string): FieldError[] {
  return namespace === '' || subdomain.test(namespace) ? [] : [invalidValue(`${field}.namespace`, namespace, text)];
}

function foreignNamespace(namespace: string, field: string, text: string): FieldError[] {
  return namespace === '' ? [] : [invalidValue(`${field}.namespace`, namespace, text)];
}

function pullSpecErrors(name: string, field: string, text: string): FieldError[] {
  try {
    parseReference(name);
    return [];
  } catch (error) {
    if (error instanceof InvalidReference) return [invalidValue(field, name, `${text}: ${error.message}`)];
    throw error;
  }
}
