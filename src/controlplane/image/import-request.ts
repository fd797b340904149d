/** What may be asked of an ImageStreamImport: defaults and rules (image/v1 defaults, `ValidateImageStreamImport`). */
import { imageStreamImports, type ImageImportSpec, type ImageStreamImport, type RepositoryImportSpec } from '../../api/kinds/image.ts';
import { invalid, invalidValue, required, type FieldError } from '../../api/status.ts';
import { parseReference } from '../../oci/reference.ts';
import { streamNameErrors } from './stream-name.ts';

/** A private copy with everything filled in that was left out; throws 422 for what cannot be. */
export function readImport(request: ImageStreamImport): ImageStreamImport {
  const { images = [], repository, import: into = false } = request.spec ?? { import: false };
  const errors = [
    ...streamNameErrors(request.metadata.name),
    ...(images.length === 0 && !repository ? [invalidValue('spec.images', null, 'you must specify at least one image or a repository import')] : []),
    ...images.flatMap((image, index) => imageErrors(image, `spec.images[${index}]`)),
    ...(repository ? repositoryErrors(repository) : []),
  ];
  if (errors.length > 0) throw invalid(imageStreamImports, request.metadata.name, errors);
  return {
    ...request,
    spec: { import: into, ...(images.length > 0 && { images: images.map((image) => ({ ...withPolicies(image), ...targetOf(image) })) }), ...(repository && { repository: withPolicies(repository) }) },
    status: {},
  };
}

function withPolicies<T extends RepositoryImportSpec>(spec: T): T {
  return { ...spec, importPolicy: { ...spec.importPolicy, importMode: spec.importPolicy?.importMode || 'Legacy' }, referencePolicy: { type: spec.referencePolicy?.type || 'Source' } };
}

/** An image that names a tag goes to the tag of that name. */
function targetOf({ to, from }: ImageImportSpec): Pick<ImageImportSpec, 'to'> {
  const { tag } = parseReference(from.name ?? '');
  return to ? { to } : tag === undefined ? {} : { to: { name: tag } };
}

function imageErrors({ from, to }: ImageImportSpec, field: string): FieldError[] {
  if (from?.kind !== 'DockerImage') return [invalidValue(`${field}.from.kind`, from?.kind ?? '', 'only DockerImage is supported')];
  const errors = to && !to.name ? [invalidValue(`${field}.to.name`, to.name ?? '', 'the name of the target tag must be specified')] : [];
  if (!from.name) return [...errors, required(`${field}.from.name`)];
  return [...errors, ...referenceErrors(from.name, `${field}.from.name`)];
}

function repositoryErrors({ from }: RepositoryImportSpec): FieldError[] {
  const field = 'spec.repository.from';
  if (from?.kind !== 'DockerImage') return [invalidValue(`${field}.kind`, from?.kind ?? '', 'only DockerImage is supported')];
  if (!from.name) return [required(`${field}.name`, 'container image references require a name')];
  const errors = referenceErrors(from.name, `${field}.name`);
  if (errors.length > 0) return errors;
  const { tag, digest } = parseReference(from.name);
  return tag === undefined && digest === undefined ? [] : [invalidValue(`${field}.name`, from.name, 'you must specify an image repository, not a tag or ID')];
}

export function referenceErrors(name: string, field: string): FieldError[] {
  try {
    parseReference(name);
    return [];
  } catch (error) {
    return [invalidValue(field, name, (error as Error).message)];
  }
}
