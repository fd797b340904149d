/** Acting as another (kubernetes.io/docs/reference/access-authn-authz/authentication/#user-impersonation): who is asking is replaced by who is named. */
import type { IncomingMessage } from 'node:http';
import { internalError } from '../../../api/status.ts';
import { authorize } from './authorize.ts';
import type { Authenticate } from './authenticate.ts';
import type { UserInfo } from './kind.ts';
import type { Authorizer, RequestAttributes } from './ports.ts';

const extraPrefix = 'impersonate-extra-';
const accountPrefix = 'system:serviceaccount:';
const authenticated = 'system:authenticated';
const unauthenticated = 'system:unauthenticated';

/** Each name, group and further field that is put on needs the verb `impersonate` on it; else 403. */
export function impersonating(authenticate: Authenticate, decide: Authorizer): Authenticate {
  const become = async (user: UserInfo, request: IncomingMessage): Promise<UserInfo> => {
    const wanted = wantedOf(request);
    for (const attributes of wanted.needs) await authorize(decide, user, { verb: 'impersonate', version: 'v1', ...attributes });
    return wanted.user;
  };
  return (request) => {
    const found = authenticate(request);
    if (!Object.keys(request.headers).some((name) => name.startsWith('impersonate-'))) return found;
    return found instanceof Promise ? found.then((user) => become(user, request)) : become(found, request);
  };
}

type Need = Omit<RequestAttributes, 'verb' | 'version'>;

function wantedOf({ headersDistinct: headers }: IncomingMessage): { user: UserInfo; needs: Need[] } {
  const [username] = headers['impersonate-user'] ?? [];
  const [uid] = headers['impersonate-uid'] ?? [];
  const groups = headers['impersonate-group'] ?? [];
  const extra: Record<string, string[]> = {};
  for (const [name, values] of Object.entries(headers)) if (name.startsWith(extraPrefix)) extra[decodeURIComponent(name.slice(extraPrefix.length))] = values ?? [];
  if (!username) throw internalError('requested groups, a uid or further fields to impersonate without naming a user');

  const account = username.startsWith(accountPrefix) ? username.slice(accountPrefix.length).split(':') : undefined;
  const needs: Need[] = [
    account ? { group: '', resource: 'serviceaccounts', namespace: account[0], name: account[1] } : { group: '', resource: 'users', name: username },
    ...groups.map((name) => ({ group: '', resource: 'groups', name })),
    ...(uid ? [{ group: 'authentication.k8s.io', resource: 'uids', name: uid }] : []),
    ...Object.entries(extra).flatMap(([key, values]) => values.map((name) => ({ group: 'authentication.k8s.io', resource: 'userextras', subresource: key, name }))),
  ];
  const given = account && groups.length === 0 ? ['system:serviceaccounts', `system:serviceaccounts:${account[0]}`] : groups;
  const known = username === 'system:anonymous' || given.includes(unauthenticated) ? unauthenticated : authenticated;
  return {
    user: { username, groups: given.includes(known) ? given : [...given, known], ...(uid && { uid }), ...(Object.keys(extra).length > 0 && { extra }) },
    needs,
  };
}
