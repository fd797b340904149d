/** Service account tokens (JWT, ES256; kubernetes.io, "Managing Service Accounts", "Bound tokens"): issues them, and says whom a bearer token stands for. */
import { createPublicKey, createPrivateKey, randomUUID, type KeyObject } from 'node:crypto';
import { pods, secrets, serviceAccounts, type Secret } from '../../../api/kinds/core.ts';
import { nodes } from '../../../api/kinds/core.ts';
import type { KubeObject } from '../../../api/meta.ts';
import { isStatusError } from '../../../api/status.ts';
import type { Resource } from '../../../api/resource.ts';
import type { Clock } from '../../../base/clock.ts';
import type { Client } from '../../../client/client.ts';
import type { UserInfo } from '../../kernel/apiserver/kind.ts';
import type { TokenReviewer } from '../../kernel/apiserver/ports.ts';

export const tokenIssuer = 'https://kubernetes.default.svc';
const algorithm = 'ES256';
const claimsName = 'kubernetes.io';

export interface TokenAuthorityOptions {
  /** PKCS #8 PEM, P-256. */
  key: string;
  clock: Clock;
  /** Tokens that never change, e.g. of the local user's other windows. */
  staticTokens?: ReadonlyMap<string, UserInfo>;
}

interface Reference {
  name: string;
  uid?: string;
}

/** The object whose end also ends the token. */
export type BoundTo = { pod: Reference } | { secret: Reference } | { node: Reference };

export interface IssueOptions {
  namespace: string;
  account: Required<Reference>;
  audiences?: readonly string[];
  /** Absent: the token does not expire; then it must be bound to a secret, so that it can be taken back. */
  seconds?: number;
  boundTo?: BoundTo;
}

interface Claims {
  namespace: string;
  serviceaccount: Required<Reference>;
  pod?: Reference;
  secret?: Reference;
  node?: Reference;
}

export interface Reviewed {
  user: UserInfo;
  /** Those of the token that were asked for. */
  audiences: string[];
}

export class TokenAuthority implements TokenReviewer {
  readonly #options: TokenAuthorityOptions;
  readonly #private: KeyObject;
  readonly #public: KeyObject;
  #client: Client | undefined;

  constructor(options: TokenAuthorityOptions) {
    this.#options = options;
    this.#private = createPrivateKey(options.key);
    this.#public = createPublicKey(this.#private);
  }

  /** From here on tokens of service accounts are known: they are checked against what exists. */
  start(client: Client): void {
    this.#client = client;
  }

  async issue({ namespace, account, audiences = [tokenIssuer], seconds, boundTo }: IssueOptions): Promise<{ token: string; expires: Date | undefined }> {
    const { SignJWT } = await import('jose');
    const now = Math.floor(this.#options.clock.now().getTime() / 1000);
    const claims: Claims = { namespace, serviceaccount: { name: account.name, uid: account.uid }, ...boundTo };
    const jwt = new SignJWT({ [claimsName]: claims })
      .setProtectedHeader({ alg: algorithm, typ: 'JWT' })
      .setIssuer(tokenIssuer).setSubject(`system:serviceaccount:${namespace}:${account.name}`).setAudience([...audiences])
      .setIssuedAt(now).setNotBefore(now).setJti(randomUUID());
    if (seconds !== undefined) jwt.setExpirationTime(now + seconds);
    return { token: await jwt.sign(this.#private), expires: seconds === undefined ? undefined : new Date((now + seconds) * 1000) };
  }

  async review(token: string): Promise<UserInfo | undefined> {
    return (await this.reviewFor(token, [tokenIssuer]))?.user;
  }

  /** Undefined unless the token is good for at least one of the audiences. */
  async reviewFor(token: string, audiences: readonly string[]): Promise<Reviewed | undefined> {
    const known = this.#options.staticTokens?.get(token);
    if (known) return { user: known, audiences: [...audiences] };
    if (!/^[\w-]+\.[\w-]+\.[\w-]+$/.test(token)) return undefined;
    const verified = await this.#verify(token);
    const claims = verified?.[claimsName] as Claims | undefined;
    if (!verified || !claims?.serviceaccount?.name || !claims.namespace) return undefined;
    const meant = [verified.aud ?? []].flat();
    const shared = audiences.filter((audience) => meant.includes(audience));
    if (shared.length === 0 || !(await this.#stands(claims, token, verified.exp !== undefined))) return undefined;
    return { user: userOf(claims, verified.jti), audiences: shared };
  }

  async #verify(token: string) {
    const { jwtVerify, errors } = await import('jose');
    try {
      const { payload } = await jwtVerify(token, this.#public, { issuer: tokenIssuer, algorithms: [algorithm], currentDate: this.#options.clock.now() });
      return payload;
    } catch (error) {
      if (error instanceof errors.JOSEError) return undefined;
      throw error;
    }
  }

  /** The account, and what the token is bound to, still exist and are the same. */
  async #stands({ namespace, serviceaccount, pod, secret, node }: Claims, token: string, expires: boolean): Promise<boolean> {
    const account = await this.#find(serviceAccounts, serviceaccount.name, namespace);
    if (account?.metadata.uid !== serviceaccount.uid || account.metadata.deletionTimestamp) return false;
    if (pod && !isSame(await this.#find(pods, pod.name, namespace), pod)) return false;
    if (node && !isSame(await this.#find(nodes, node.name), node)) return false;
    if (secret) return holds(await this.#find(secrets, secret.name, namespace), secret, token);
    return expires;
  }

  async #find<T extends KubeObject>(of: Resource<T>, name: string, namespace?: string): Promise<T | undefined> {
    try {
      return await this.#client?.get(of, { name, namespace });
    } catch (error) {
      if (isStatusError(error, 'NotFound')) return undefined;
      throw error;
    }
  }
}

function isSame(object: KubeObject | undefined, reference: Reference): boolean {
  return object !== undefined && (reference.uid === undefined || object.metadata.uid === reference.uid);
}

/** A token without an end is good as long as its secret holds it. */
function holds(secret: Secret | undefined, reference: Reference, token: string): boolean {
  if (!secret || secret.metadata.deletionTimestamp || !isSame(secret, reference)) return false;
  const texts = ['token', '.dockercfg'].map((key) => Buffer.from(secret.data?.[key] ?? '', 'base64').toString('utf8'));
  return texts.some((text) => text.includes(token));
}

function userOf({ namespace, serviceaccount, pod, node }: Claims, id: string | undefined): UserInfo {
  const prefix = 'authentication.kubernetes.io';
  const extra: Record<string, string[]> = {};
  if (id) extra[`${prefix}/credential-id`] = [`JTI=${id}`];
  if (pod) Object.assign(extra, { [`${prefix}/pod-name`]: [pod.name], ...(pod.uid && { [`${prefix}/pod-uid`]: [pod.uid] }) });
  if (node) Object.assign(extra, { [`${prefix}/node-name`]: [node.name], ...(node.uid && { [`${prefix}/node-uid`]: [node.uid] }) });
  return {
    username: `system:serviceaccount:${namespace}:${serviceaccount.name}`, uid: serviceaccount.uid,
    groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'], extra,
  };
}
