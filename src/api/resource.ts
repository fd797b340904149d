import type { KubeObject } from './meta.ts';

export type Verb = 'create' | 'delete' | 'deletecollection' | 'get' | 'list' | 'patch' | 'update' | 'watch';

/**
 * A resource: what the API calls a Kind and how its path reads. Pure data, shared by client and server.
 * The type parameter says which object the client hands back; it exists at compile time only.
 */
export interface Resource<T extends KubeObject = KubeObject> {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly singular: string;
  readonly namespaced: boolean;
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
  /** Verbs served; all of them unless named. */
  readonly verbs?: readonly Verb[];
  /** Never present; carries the object type. */
  readonly __object?: T;
}

export const allVerbs: readonly Verb[] = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];

type Shape = Omit<Resource, 'group' | 'version' | 'singular' | '__object'> & { singular?: string };

/** Declares a resource of one API group and version. */
export function resource<T extends KubeObject>(apiVersion: string, shape: Shape): Resource<T> {
  const [group, version] = splitApiVersion(apiVersion);
  return Object.freeze({ group, version, singular: shape.kind.toLowerCase(), ...shape });
}

export function splitApiVersion(apiVersion: string): [group: string, version: string] {
  const slash = apiVersion.indexOf('/');
  return slash < 0 ? ['', apiVersion] : [apiVersion.slice(0, slash), apiVersion.slice(slash + 1)];
}

export function apiVersionOf(resource: Pick<Resource, 'group' | 'version'>): string {
  return resource.group ? `${resource.group}/${resource.version}` : resource.version;
}

/** `pods`, `deployments.apps`: the form of error texts and RBAC rules. */
export function groupResource(resource: Pick<Resource, 'group' | 'plural'>): string {
  return resource.group ? `${resource.plural}.${resource.group}` : resource.plural;
}

/** `/api/v1/namespaces/a/pods/b/log`; `namespace` is ignored for cluster-scoped resources. */
export function resourcePath(of: Resource, at: { namespace?: string | undefined; name?: string | undefined; subresource?: string | undefined } = {}): string {
  const parts = [of.group ? `/apis/${of.group}/${of.version}` : `/api/${of.version}`];
  if (of.namespaced && at.namespace) parts.push('namespaces', encodeURIComponent(at.namespace));
  parts.push(of.plural);
  if (at.name) parts.push(encodeURIComponent(at.name));
  if (at.subresource) parts.push(at.subresource);
  return parts.join('/');
}
