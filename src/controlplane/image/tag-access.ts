/** Who may take an image from another project's stream: whoever may pull it (OpenShift's `TagVerifier`). */
import { imageStreams, type TagReference } from '../../api/kinds/image.ts';
import { forbiddenField, type FieldError } from '../../api/status.ts';
import type { UserInfo } from '../kernel/apiserver/kind.ts';
import type { Authorizer } from '../kernel/apiserver/ports.ts';
import { sourceOf } from './tags-plan.ts';

/** What keeps `user` from giving a tag of `stream` this source; empty if nothing does. `field`: of the tag. */
export async function pullErrors(user: UserInfo, stream: { namespace: string; name: string }, reference: TagReference, field: string, authorize: Authorizer): Promise<FieldError[]> {
  const source = sourceOf(stream, reference);
  if (!source || source.namespace === stream.namespace || user.groups.includes('system:masters')) return [];
  const { namespace, name } = source;
  const { allowed } = await authorize(user, { verb: 'get', group: imageStreams.group, version: imageStreams.version, resource: imageStreams.plural, subresource: 'layers', namespace, name });
  return allowed ? [] : [forbiddenField(`${field}.from`, `${namespace}/${name}`)];
}
