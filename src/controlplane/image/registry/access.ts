/** Who may do what, as OpenShift's registry decides it: a password is an API token, rights are those on `imagestreams/layers`. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { TLSSocket } from 'node:tls';
import type { UserInfo } from '../../kernel/apiserver/kind.ts';
import type { Authorizer, TokenReviewer } from '../../kernel/apiserver/ports.ts';
import { RegistryFailure } from './failure.ts';
import { formatRepository, type RepositoryName } from './repository.ts';

export interface AccessOptions {
  tokens: TokenReviewer;
  authorize: Authorizer;
}

export type RegistryAction = 'pull' | 'push' | 'delete';

export const tokenPath = '/openshift/token';
/** The token of a client that has none; what it may do is what `system:unauthenticated` may. */
const anonymousToken = 'anonymous';
const anonymous: UserInfo = { username: 'system:anonymous', groups: ['system:unauthenticated'] };

export class Access {
  readonly #options: AccessOptions;

  constructor(options: AccessOptions) {
    this.#options = options;
  }

  /** The user of a request. Without credentials, 401 with the way to a token: clients send none until they are asked. */
  async identify(request: IncomingMessage): Promise<UserInfo> {
    const token = tokenOf(request.headers.authorization);
    if (token === undefined) throw new RegistryFailure(401, 'UNAUTHORIZED', 'authentication required', { 'www-authenticate': challenge(request) });
    const user = await this.#review(token);
    if (!user) throw new RegistryFailure(401, 'UNAUTHORIZED', 'the token is not valid or has expired; log in again', { 'www-authenticate': `${challenge(request)},error="invalid_token"` });
    return user;
  }

  async require(request: IncomingMessage, action: RegistryAction, repository: RepositoryName): Promise<UserInfo> {
    const user = await this.identify(request);
    if (await this.allowed(user, action, repository)) return user;
    if (user === anonymous) throw new RegistryFailure(401, 'UNAUTHORIZED', 'authentication required', { 'www-authenticate': challenge(request) });
    throw new RegistryFailure(403, 'DENIED', `user "${user.username}" may not ${action} ${formatRepository(repository)}; grant it system:image-${action === 'pull' ? 'puller' : action === 'push' ? 'pusher' : 'pruner'} in project ${repository.namespace}`);
  }

  async allowed(user: UserInfo, action: RegistryAction, { namespace, name }: RepositoryName): Promise<boolean> {
    if (action === 'delete') return this.may(user, { verb: 'delete', resource: 'images' });
    return this.may(user, { verb: action === 'pull' ? 'get' : 'update', resource: 'imagestreams', subresource: 'layers', namespace, name });
  }

  async may(user: UserInfo, what: { verb: string; resource: string; subresource?: string; namespace?: string; name?: string }): Promise<boolean> {
    if (user.groups.includes('system:masters')) return true;
    return (await this.#options.authorize(user, { group: 'image.openshift.io', version: 'v1', ...what })).allowed;
  }

  /** `GET /openshift/token`: hands the password back as the token, once it was checked. */
  async serveToken(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const token = tokenOf(request.headers.authorization) ?? anonymousToken;
    if (!(await this.#review(token))) throw new RegistryFailure(401, 'UNAUTHORIZED', 'the password is not a valid API token', { 'www-authenticate': `Basic realm="${baseUrl(request)}"` });
    response.writeHead(200, { 'content-type': 'application/json', 'cache-control': 'no-store' });
    response.end(JSON.stringify({ token, access_token: token }));
  }

  async #review(token: string): Promise<UserInfo | undefined> {
    return token === anonymousToken ? anonymous : this.#options.tokens.review(token);
  }
}

function tokenOf(header: string | undefined): string | undefined {
  const [, scheme, value = ''] = /^(\S+)\s+(.+)$/.exec(header ?? '') ?? [];
  if (scheme?.toLowerCase() === 'bearer') return value;
  if (scheme?.toLowerCase() !== 'basic') return undefined;
  const text = Buffer.from(value, 'base64').toString('utf8');
  const password = text.slice(text.indexOf(':') + 1);
  // `docker login` sends an empty pair when it has nothing.
  return password === '' ? undefined : password;
}

function challenge(request: IncomingMessage): string {
  return `Bearer realm="${baseUrl(request)}${tokenPath}"`;
}

function baseUrl(request: IncomingMessage): string {
  const secure = (request.socket as TLSSocket).encrypted === true;
  const host = /^[A-Za-z0-9.:[\]-]+$/.test(request.headers.host ?? '') ? request.headers.host : 'localhost';
  return `${secure ? 'https' : 'http'}://${host}`;
}
