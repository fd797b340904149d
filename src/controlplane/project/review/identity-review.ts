/** authentication.k8s.io/v1: who am I, and whose token is this? */
import { selfSubjectReviews, tokenReviews, type ReviewedUser, type SelfSubjectReview, type TokenReview } from '../../../api/kinds/review.ts';
import { badRequest } from '../../../api/status.ts';
import { toTime } from '../../../api/meta.ts';
import type { UserInfo, VirtualKind } from '../../kernel/apiserver/kind.ts';
import { tokenIssuer, type TokenAuthority } from '../token/token-authority.ts';

export const selfSubjectReviewKind: VirtualKind<SelfSubjectReview> = {
  type: 'virtual',
  resource: selfSubjectReviews,
  create: ({ user, now }, review) => Promise.resolve({ ...review, metadata: { ...review.metadata, creationTimestamp: toTime(now) }, status: { userInfo: shown(user) } }),
};

export function tokenReviewKind(tokens: TokenAuthority): VirtualKind<TokenReview> {
  return {
    type: 'virtual',
    resource: tokenReviews,
    async create(_context, review) {
      const token = review.spec?.token;
      if (!token) throw badRequest('token is required for TokenReview in authentication');
      const reviewed = await tokens.reviewFor(token, review.spec.audiences?.length ? review.spec.audiences : [tokenIssuer]);
      if (!reviewed) return { ...review, status: { authenticated: false, user: {}, error: 'the token is not valid, has expired, or is meant for others' } };
      return { ...review, status: { authenticated: true, user: shown(reviewed.user), audiences: reviewed.audiences } };
    },
  };
}

function shown({ username, uid, groups, extra }: UserInfo): ReviewedUser {
  return { username, ...(uid && { uid }), groups: [...groups], ...(extra && { extra }) };
}
