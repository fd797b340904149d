/** Statistics of the router: their password as a secret, their listener. */
import { randomBytes } from 'node:crypto';
import { secrets, type Secret } from '../../../api/kinds/core.ts';
import { tokenReviews, type TokenReview } from '../../../api/kinds/review.ts';
import { systemProject } from '../../../api/well-known.ts';
import type { Client } from '../../../client/client.ts';
import { ifFound } from '../../../client/if-found.ts';
import type { UserInfo } from '../../kernel/apiserver/kind.ts';
import type { Authorizer } from '../../kernel/apiserver/ports.ts';
import { listenOnLoopback, type Listening } from '../../kernel/boot/listen.ts';
import type { DataPlane } from '../data-plane/data-plane.ts';
import { statsPort, statsServer } from './stats-server.ts';

/** Named as OpenShift's ingress operator names it. */
const secretName = 'router-stats-default';

export async function startStats(client: Client, router: DataPlane, authorize: Authorizer, ready: () => boolean): Promise<Listening> {
  const credentials = await ensureCredentials(client);
  const server = statsServer({ router, credentials, authorize, ready, userOf: (token) => userOf(client, token) });
  return listenOnLoopback(server, undefined, [statsPort]);
}

async function ensureCredentials(client: Client): Promise<{ username: string; password: string }> {
  const at = { name: secretName, namespace: systemProject };
  const found = await ifFound(client.get(secrets, at));
  const { statsUsername, statsPassword } = found?.data ?? {};
  if (statsUsername && statsPassword) return { username: text(statsUsername), password: text(statsPassword) };
  const made = { username: 'admin', password: randomBytes(18).toString('base64url') };
  const stringData = { statsUsername: made.username, statsPassword: made.password };
  if (found) await client.patch(secrets, at, 'merge', { stringData });
  else {
    const secret: Secret = { apiVersion: 'v1', kind: 'Secret', metadata: at, type: 'Opaque', stringData };
    await client.create(secrets, secret);
  }
  return made;
}

const text = (base64: string) => Buffer.from(base64, 'base64').toString();

async function userOf(client: Client, token: string): Promise<UserInfo | undefined> {
  const review: TokenReview = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', metadata: { name: '' }, spec: { token } };
  const { status } = await client.create(tokenReviews, review);
  const user = status?.authenticated ? status.user : undefined;
  return user?.username ? { username: user.username, groups: user.groups ?? [] } : undefined;
}
