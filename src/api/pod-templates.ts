/** Where the kinds that make pods keep the template of them. */
import type { PodTemplateSpec } from './kinds/core.ts';
import { isObject } from './json.ts';
import type { KubeObject } from './meta.ts';
import type { Resource } from './resource.ts';

const template = ['spec', 'template'];
/** By `<group>/<plural>`. */
const paths: Record<string, readonly string[]> = {
  '/replicationcontrollers': template,
  'apps/deployments': template,
  'apps/replicasets': template,
  'apps/statefulsets': template,
  'apps/daemonsets': template,
  'batch/jobs': template,
  'batch/cronjobs': ['spec', 'jobTemplate', 'spec', 'template'],
  'apps.openshift.io/deploymentconfigs': template,
};

/** Names of the fields down to the template; undefined for kinds that have none. */
export function templatePathOf({ group, plural }: Pick<Resource, 'group' | 'plural'>): readonly string[] | undefined {
  return paths[`${group}/${plural}`];
}

/** The template itself, not a copy. */
export function templateAt(object: KubeObject, path: readonly string[]): PodTemplateSpec | undefined {
  let at: unknown = object;
  for (const key of path) at = isObject(at) ? at[key] : undefined;
  return isObject(at) ? (at as PodTemplateSpec) : undefined;
}
