/** Addresses of revisions' templates: an object's address with its number behind the name. */
import { parseObjectUri, yamlUri, type ObjectAddress, type UriParts } from './object-uri.ts';

export const revisionScheme = 'slipway-revision';

export function revisionUri(cluster: string, { of, namespace, name }: { of: ObjectAddress['resource']; namespace: string; name: string }, revision: number): UriParts {
  return { scheme: revisionScheme, path: yamlUri(cluster, of, { namespace, name }).path.replace(/\.yaml$/, `@${revision}.yaml`) };
}

export function parseRevisionUri({ path }: Pick<UriParts, 'path'>): { address: ObjectAddress; revision: number } | undefined {
  const match = /^(.*)@(\d+)\.yaml$/.exec(path);
  const address = match && parseObjectUri({ path: `${match[1]}.yaml` });
  return address ? { address, revision: Number(match[2]) } : undefined;
}
