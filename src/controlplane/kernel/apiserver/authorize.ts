import { StatusError, unauthorized } from '../../../api/status.ts';
import type { UserInfo } from './kind.ts';
import type { Authorizer, RequestAttributes } from './ports.ts';

const masters = 'system:masters';
const unauthenticated = 'system:unauthenticated';

/** What anyone may read: whether the server lives, and what it serves. */
const open = /^\/(healthz|livez|readyz|version|api|apis|openapi|\.well-known)(\/|$)/;

/** Throws 401 for nobody, 403 for somebody who may not. */
export async function authorize(decide: Authorizer, user: UserInfo, attributes: RequestAttributes): Promise<void> {
  if (user.groups.includes(masters)) return;
  const reading = attributes.path !== undefined && (attributes.verb === 'get' || attributes.verb === 'head');
  if (reading && open.test(attributes.path ?? '')) return;
  if (user.groups.includes(unauthenticated)) throw unauthorized();
  const asked = decide(user, attributes);
  const { allowed, reason } = asked instanceof Promise ? await asked : asked;
  if (!allowed) throw refusal(user, attributes, reason);
}

/** Worded as the real server words it (apiserver `responsewriters.Forbidden`). */
function refusal(user: UserInfo, attributes: RequestAttributes, reason: string | undefined): StatusError {
  const { verb, group, resource, subresource, namespace, name = '', path } = attributes;
  const why = reason ? `: ${reason}` : '';
  if (path !== undefined) {
    return new StatusError(403, 'Forbidden', `forbidden: User ${JSON.stringify(user.username)} cannot ${verb} path ${JSON.stringify(path)}${why}`, {});
  }
  const full = subresource ? `${resource}/${subresource}` : resource;
  const where = namespace ? ` in the namespace ${JSON.stringify(namespace)}` : ' at the cluster scope';
  const what = group ? `${resource}.${group}` : resource;
  return new StatusError(
    403,
    'Forbidden',
    `${what}${name ? ` ${JSON.stringify(name)}` : ''} is forbidden: User ${JSON.stringify(user.username)} cannot ${verb} resource ${JSON.stringify(full)} in API group ${JSON.stringify(group)}${where}${why}`,
    { ...(name && { name }), ...(group && { group }), kind: resource },
  );
}
