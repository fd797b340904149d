import { invalidValue, required, type FieldError } from '../../api/status.ts';

const identifier = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** Names of variables that deployers and hooks are given: C identifiers. */
export function validateEnv(env: readonly { name?: string }[] | undefined, field: string): FieldError[] {
  return (env ?? []).flatMap(({ name }, at) => {
    if (!name) return [required(`${field}[${at}].name`)];
    return identifier.test(name) ? [] : [invalidValue(`${field}[${at}].name`, name, "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters or '_' (e.g. 'my_name',  or 'MY_NAME',  or 'MyName', regex used for validation is '[A-Za-z_][A-Za-z0-9_]*')")];
  });
}
