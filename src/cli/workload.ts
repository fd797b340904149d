import { findResource } from '../api/resources.ts';
import type { Client } from '../client/client.ts';
import { ifFound } from '../client/if-found.ts';
import { rolloutKindOf, rolloutResources, type RolloutTarget } from '../client/rollout/target.ts';
import { UserError } from './failure.ts';

/** `dc/web`, `deployment web`, or a bare name: then the first kind that has one. */
export async function rolloutTarget(client: Client, namespace: string, words: readonly string[]): Promise<RolloutTarget> {
  const [type, name] = words.length === 1 && words[0]?.includes('/') ? (words[0].split('/', 2) as [string, string]) : words.length > 1 ? [words[0], words[1] ?? ''] : [undefined, words[0] ?? ''];
  if (type !== undefined) {
    const of = rolloutResources.find((one) => one === findResource(type) || [one.plural, one.singular, ...(one.shortNames ?? [])].includes(type.toLowerCase()));
    if (!of || !name) throw new UserError(`"${words.join(' ')}" names no workload. Give it as dc/NAME, deployment/NAME, statefulset/NAME or daemonset/NAME.`, 2);
    return { of, namespace, name };
  }
  for (const of of rolloutResources) if (await ifFound(client.get(of, { namespace, name }))) return { of, namespace, name };
  throw new UserError(`There is no ${rolloutResources.map((of) => rolloutKindOf(of)).join(', ')} "${name}" in project "${namespace}".`);
}
