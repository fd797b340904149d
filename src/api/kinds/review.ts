/** authentication.k8s.io/v1 and authorization.k8s.io/v1: questions that are posted and answered, never stored. */
import type { KubeObject } from '../meta.ts';
import { resource } from '../resource.ts';

export interface ResourceAttributes {
  namespace?: string;
  verb?: string;
  group?: string;
  version?: string;
  resource?: string;
  subresource?: string;
  name?: string;
}
export interface AccessReviewSpec {
  resourceAttributes?: ResourceAttributes;
  nonResourceAttributes?: { path?: string; verb?: string };
}
export interface AccessReviewStatus {
  allowed: boolean;
  denied?: boolean;
  reason?: string;
  evaluationError?: string;
}
export interface SelfSubjectAccessReview extends KubeObject {
  spec: AccessReviewSpec;
  status?: AccessReviewStatus;
}
export interface SubjectAccessReview extends KubeObject {
  spec: AccessReviewSpec & { user?: string; groups?: string[]; uid?: string; extra?: Record<string, string[]> };
  status?: AccessReviewStatus;
}
export interface SelfSubjectRulesReview extends KubeObject {
  spec: { namespace?: string };
  status?: {
    resourceRules: { verbs: string[]; apiGroups?: string[]; resources?: string[]; resourceNames?: string[] }[];
    nonResourceRules: { verbs: string[]; nonResourceURLs?: string[] }[];
    incomplete: boolean;
    evaluationError?: string;
  };
}
export interface ReviewedUser {
  username?: string;
  uid?: string;
  groups?: string[];
  extra?: Record<string, string[]>;
}
export interface SelfSubjectReview extends KubeObject {
  status?: { userInfo?: ReviewedUser };
}
export interface TokenReview extends KubeObject {
  spec: { token?: string; audiences?: string[] };
  status?: { authenticated?: boolean; user?: ReviewedUser; audiences?: string[]; error?: string };
}

const verbs = ['create'] as const;
const authentication = 'authentication.k8s.io/v1';
const authorization = 'authorization.k8s.io/v1';
export const tokenReviews = resource<TokenReview>(authentication, { kind: 'TokenReview', plural: 'tokenreviews', namespaced: false, verbs });
export const selfSubjectReviews = resource<SelfSubjectReview>(authentication, { kind: 'SelfSubjectReview', plural: 'selfsubjectreviews', namespaced: false, verbs });
export const subjectAccessReviews = resource<SubjectAccessReview>(authorization, { kind: 'SubjectAccessReview', plural: 'subjectaccessreviews', namespaced: false, verbs });
export const localSubjectAccessReviews = resource<SubjectAccessReview>(authorization, {
  kind: 'LocalSubjectAccessReview', plural: 'localsubjectaccessreviews', namespaced: true, verbs,
});
export const selfSubjectAccessReviews = resource<SelfSubjectAccessReview>(authorization, {
  kind: 'SelfSubjectAccessReview', plural: 'selfsubjectaccessreviews', namespaced: false, verbs,
});
export const selfSubjectRulesReviews = resource<SelfSubjectRulesReview>(authorization, {
  kind: 'SelfSubjectRulesReview', plural: 'selfsubjectrulesreviews', namespaced: false, verbs,
});
