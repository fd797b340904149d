/** Names of image streams are the last part of a repository in the registry (`ValidateImageStreamName`, with the components that registries take today). */
import { invalidValue, required, type FieldError } from '../../api/status.ts';

const component = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
const rule = new RegExp(`^${component}$`);

export function streamNameErrors(name: string | undefined): FieldError[] {
  if (!name) return [required('metadata.name', 'name or generateName is required')];
  return rule.test(name) ? [] : [invalidValue('metadata.name', name, `must match ${JSON.stringify(component)}`)];
}
