/** Who is asking: client certificate, bearer token, or nobody. */
import type { IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';
import { unauthorized } from '../../../api/status.ts';
import type { Clock } from '../../../base/clock.ts';
import type { UserInfo } from './kind.ts';
import type { TokenReviewer } from './ports.ts';

const anonymous: UserInfo = Object.freeze({ username: 'system:anonymous', groups: Object.freeze(['system:unauthenticated']) as readonly string[] });

const authenticated = 'system:authenticated';
/** As the real server: a token's review is trusted this long. */
const trustedFor = 10_000;
/** Past this many tokens the memory is started anew. */
const mostTokens = 1024;
/** Browsers cannot set headers on a WebSocket; the token comes as a subprotocol. */
const tokenProtocol = 'base64url.bearer.authorization.k8s.io.';

export type Authenticate = (request: IncomingMessage) => UserInfo | Promise<UserInfo>;

/** Throws 401 for credentials that are no good. */
export function authenticator(tokens: TokenReviewer | undefined, clock: Clock): Authenticate {
  const certificates = new WeakMap<object, UserInfo | 'none' | 'bad'>();
  const reviewed = new Map<string, { user: UserInfo; until: number }>();

  function byCertificate(request: IncomingMessage): UserInfo | undefined {
    const { socket } = request;
    if (!(socket instanceof TLSSocket)) return undefined;
    let found = certificates.get(socket);
    if (found === undefined) {
      found = readCertificate(socket);
      certificates.set(socket, found);
    }
    if (found === 'bad') throw unauthorized();
    return found === 'none' ? undefined : found;
  }

  async function byToken(token: string): Promise<UserInfo> {
    if (!token) throw unauthorized();
    const now = clock.now().getTime();
    const known = reviewed.get(token);
    if (known && known.until > now) return known.user;
    reviewed.delete(token);
    const user = await tokens?.review(token);
    if (!user) throw unauthorized();
    const complete = withGroup(user);
    if (reviewed.size >= mostTokens) reviewed.clear();
    reviewed.set(token, { user: complete, until: now + trustedFor });
    return complete;
  }

  return (request) => {
    const token = bearerOf(request);
    if (token !== undefined) return byToken(token);
    return byCertificate(request) ?? anonymous;
  };
}

function bearerOf({ headers }: IncomingMessage): string | undefined {
  const header = headers.authorization;
  if (header !== undefined) {
    const match = /^Bearer\s+(\S+)\s*$/i.exec(header);
    return match ? match[1] : '';
  }
  const offered = headers['sec-websocket-protocol'];
  if (!offered?.includes(tokenProtocol)) return undefined;
  const protocol = offered.split(',').map((one) => one.trim()).find((one) => one.startsWith(tokenProtocol));
  return protocol && Buffer.from(protocol.slice(tokenProtocol.length), 'base64url').toString('utf8');
}

function readCertificate(socket: TLSSocket): UserInfo | 'none' | 'bad' {
  const certificate = socket.getPeerCertificate();
  // Node types say otherwise, but without a certificate this is an empty object.
  const subject = certificate.subject as { CN?: string; O?: string | string[] } | undefined;
  if (!subject) return 'none';
  if (!socket.authorized || !subject.CN) return 'bad';
  const organizations = subject.O === undefined ? [] : Array.isArray(subject.O) ? subject.O : [subject.O];
  return withGroup({ username: subject.CN, groups: organizations });
}

function withGroup(user: UserInfo): UserInfo {
  return user.groups.includes(authenticated) ? user : { ...user, groups: [...user.groups, authenticated] };
}
