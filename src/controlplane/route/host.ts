/** Hosts of routes. Pure. */
import type { Route } from '../../api/kinds/route.ts';
import { invalidValue, type FieldError } from '../../api/status.ts';

export const generatedAnnotation = 'openshift.io/host.generated';

/** `<route>-<project>.<suffix>`; dots would make further labels. */
export function generatedHost(route: Route, suffix: string): string {
  return `${route.metadata.name.replaceAll('.', '-')}-${route.metadata.namespace}.${suffix}`;
}

/** The host a route answers to; empty if it has none. */
export function hostOf(route: Route, suffix: string): string {
  const { host, subdomain } = route.spec;
  return (host || (subdomain ? `${subdomain}.${suffix}` : '')).toLowerCase();
}

const label = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const labelText = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const longestHost = 253;
const longestLabel = 63;

export function labelErrors(text: string): string[] {
  return text.split('.').flatMap((part) => [...(part.length > longestLabel ? [`must be no more than ${longestLabel} characters`] : []), ...(label.test(part) ? [] : [labelText])]);
}

/** `strict`: each part is a label of DNS, too. */
export function hostErrors(field: string, host: string, strict: boolean): FieldError[] {
  const errors: FieldError[] = [];
  if (host.length > longestHost || !host.split('.').every((part) => label.test(part))) errors.push(invalidValue(field, host, 'host must conform to DNS 952 subdomain conventions'));
  if (strict) for (const text of labelErrors(host)) errors.push(invalidValue(field, host, text));
  return errors;
}
