/** Tokens of the platform's own parts, made anew at each start and known to nobody else. */
import { randomBytes } from 'node:crypto';
import type { UserInfo } from './kernel/apiserver/kind.ts';
import type { TokenReviewer } from './kernel/apiserver/ports.ts';

export class StaticTokens implements TokenReviewer {
  readonly #users = new Map<string, UserInfo>();
  readonly #next: TokenReviewer;

  /** Tokens that are none of ours go to `next`. */
  constructor(next: TokenReviewer) {
    this.#next = next;
  }

  issue(user: UserInfo): string {
    const token = `slipway~${randomBytes(32).toString('base64url')}`;
    this.#users.set(token, user);
    return token;
  }

  async review(token: string): Promise<UserInfo | undefined> {
    return this.#users.get(token) ?? this.#next.review(token);
  }
}
