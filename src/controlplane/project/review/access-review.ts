/** authorization.k8s.io/v1: may somebody do something, and what may I do? */
import {
  localSubjectAccessReviews, selfSubjectAccessReviews, selfSubjectRulesReviews, subjectAccessReviews, type AccessReviewSpec, type AccessReviewStatus,
  type SelfSubjectAccessReview, type SelfSubjectRulesReview, type SubjectAccessReview,
} from '../../../api/kinds/review.ts';
import type { Resource } from '../../../api/resource.ts';
import { invalid, invalidValue, required, type FieldError } from '../../../api/status.ts';
import type { UserInfo, VirtualKind } from '../../kernel/apiserver/kind.ts';
import type { RequestAttributes } from '../../kernel/apiserver/ports.ts';
import type { RbacAuthorizer } from '../rbac/authorizer.ts';
import { compactRules } from '../rbac/rules.ts';

export function selfSubjectAccessReviewKind(rbac: RbacAuthorizer): VirtualKind<SelfSubjectAccessReview> {
  return {
    type: 'virtual',
    resource: selfSubjectAccessReviews,
    async create({ user }, review) {
      check(selfSubjectAccessReviews, specErrors(review.spec));
      return { ...review, status: await decide(rbac, user, review.spec) };
    },
  };
}

export const subjectAccessReviewKind = (rbac: RbacAuthorizer): VirtualKind<SubjectAccessReview> => reviewOfOthers(rbac, subjectAccessReviews);
export const localSubjectAccessReviewKind = (rbac: RbacAuthorizer): VirtualKind<SubjectAccessReview> => reviewOfOthers(rbac, localSubjectAccessReviews);

function reviewOfOthers(rbac: RbacAuthorizer, of: Resource<SubjectAccessReview>): VirtualKind<SubjectAccessReview> {
  return {
    type: 'virtual',
    resource: of,
    async create({ namespace }, review) {
      const { spec } = review;
      const errors = specErrors(spec);
      if (!spec?.user && !spec?.groups?.length) errors.push(required('spec.user', 'at least one of user or group must be specified'));
      if (of.namespaced && spec?.resourceAttributes?.namespace !== namespace) {
        errors.push(invalidValue('spec.resourceAttributes.namespace', spec?.resourceAttributes?.namespace ?? '', 'must match metadata.namespace'));
      }
      check(of, errors);
      const user: UserInfo = { username: spec.user ?? '', groups: spec.groups ?? [], ...(spec.uid && { uid: spec.uid }), ...(spec.extra && { extra: spec.extra }) };
      return { ...review, status: await decide(rbac, user, spec) };
    },
  };
}

export function selfSubjectRulesReviewKind(rbac: RbacAuthorizer): VirtualKind<SelfSubjectRulesReview> {
  return {
    type: 'virtual',
    resource: selfSubjectRulesReviews,
    create({ user }, review) {
      const namespace = review.spec?.namespace;
      if (!namespace) check(selfSubjectRulesReviews, [required('spec.namespace')]);
      const rules = compactRules(rbac.rulesFor(user, namespace));
      return Promise.resolve({
        ...review,
        status: {
          resourceRules: rules.filter((rule) => rule.resources?.length).map(({ verbs, apiGroups, resources, resourceNames }) => ({
            verbs, ...(apiGroups && { apiGroups }), ...(resources && { resources }), ...(resourceNames?.length && { resourceNames }),
          })),
          nonResourceRules: rules.filter((rule) => rule.nonResourceURLs?.length).map(({ verbs, nonResourceURLs }) => ({ verbs, ...(nonResourceURLs && { nonResourceURLs }) })),
          incomplete: false,
        },
      });
    },
  };
}

function specErrors(spec: AccessReviewSpec | undefined): FieldError[] {
  const both = spec?.resourceAttributes && spec.nonResourceAttributes;
  if (both) return [invalidValue('spec.nonResourceAttributes', spec.nonResourceAttributes, 'cannot be specified in combination with resourceAttributes')];
  if (!spec?.resourceAttributes && !spec?.nonResourceAttributes) return [invalidValue('spec.resourceAttributes', null, 'exactly one of nonResourceAttributes or resourceAttributes must be specified')];
  return [];
}

function check(of: Resource, errors: readonly FieldError[]): void {
  if (errors.length > 0) throw invalid(of, '', errors);
}

async function decide(rbac: RbacAuthorizer, user: UserInfo, spec: AccessReviewSpec): Promise<AccessReviewStatus> {
  const { allowed, reason } = await rbac.authorize(user, attributesOf(spec));
  return { allowed, ...(reason && { reason }) };
}

function attributesOf({ resourceAttributes: wanted, nonResourceAttributes }: AccessReviewSpec): RequestAttributes {
  if (nonResourceAttributes) return { verb: nonResourceAttributes.verb ?? '', group: '', version: '', resource: '', path: nonResourceAttributes.path ?? '' };
  return {
    verb: wanted?.verb ?? '', group: wanted?.group ?? '', version: wanted?.version ?? '', resource: wanted?.resource ?? '', subresource: wanted?.subresource || undefined,
    namespace: wanted?.namespace || undefined, name: wanted?.name || undefined,
  };
}
