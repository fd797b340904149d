/** authorization.openshift.io/v1: the older questions that `oc login`, `oc status` and `oc policy who-can` ask (openshift/api authorization/v1). */
import type { KubeObject } from '../../../api/meta.ts';
import { resource } from '../../../api/resource.ts';
import { forbidden } from '../../../api/status.ts';
import type { RequestContext, UserInfo, VirtualKind } from '../../kernel/apiserver/kind.ts';
import type { RequestAttributes } from '../../kernel/apiserver/ports.ts';
import type { RbacAuthorizer } from '../rbac/authorizer.ts';

const apiVersion = 'authorization.openshift.io/v1';

interface Action {
  namespace?: string;
  verb?: string;
  resourceAPIGroup?: string;
  resourceAPIVersion?: string;
  resource?: string;
  resourceName?: string;
  path?: string;
  isNonResourceURL?: boolean;
}
interface Review extends KubeObject, Action {
  user?: string;
  groups?: string[] | null;
}

const reviewResource = (kind: string, plural: string, namespaced: boolean) => resource<Review>(apiVersion, { kind, plural, namespaced, verbs: ['create'] });

export function openshiftReviewKinds(rbac: RbacAuthorizer): VirtualKind<Review>[] {
  return [
    subjectReview(rbac, 'SubjectAccessReview', 'subjectaccessreviews', false), subjectReview(rbac, 'LocalSubjectAccessReview', 'localsubjectaccessreviews', true),
    resourceReview(rbac, 'ResourceAccessReview', 'resourceaccessreviews', false), resourceReview(rbac, 'LocalResourceAccessReview', 'localresourceaccessreviews', true),
  ];
}

function subjectReview(rbac: RbacAuthorizer, kind: string, plural: string, namespaced: boolean): VirtualKind<Review> {
  return {
    type: 'virtual',
    resource: reviewResource(kind, plural, namespaced),
    async create(context, review) {
      const own = !review.user && !review.groups?.length;
      const namespace = context.namespace ?? review.namespace;
      if (!own) await requireReviewer(rbac, context, plural);
      const asked: UserInfo = own ? context.user : { username: review.user ?? '', groups: review.groups ?? [] };
      const { allowed, reason = '' } = await rbac.authorize(asked, attributesOf(review, namespace));
      return { apiVersion, kind: 'SubjectAccessReviewResponse', metadata: {}, namespace: namespace ?? '', allowed, reason } as unknown as KubeObject;
    },
  };
}

/** Anybody may ask about themselves; about others only who may ask Kubernetes' own question. */
async function requireReviewer(rbac: RbacAuthorizer, { user, namespace }: RequestContext, plural: string): Promise<void> {
  const { allowed } = await rbac.authorize(user, { verb: 'create', group: 'authorization.k8s.io', version: 'v1', resource: plural, namespace });
  if (!allowed) throw forbidden({ group: 'authorization.openshift.io', plural }, '', `User ${JSON.stringify(user.username)} may only ask about their own rights`);
}

function resourceReview(rbac: RbacAuthorizer, kind: string, plural: string, namespaced: boolean): VirtualKind<Review> {
  return {
    type: 'virtual',
    resource: reviewResource(kind, plural, namespaced),
    create(context, review) {
      const namespace = context.namespace ?? review.namespace;
      const answer = { apiVersion, kind: 'ResourceAccessReviewResponse', metadata: {}, namespace: namespace ?? '', ...rbac.whoCan(attributesOf(review, namespace)), evalutionError: '' };
      return Promise.resolve(answer as unknown as KubeObject);
    },
  };
}

function attributesOf(action: Action, namespace: string | undefined): RequestAttributes {
  if (action.isNonResourceURL) return { verb: action.verb ?? '', group: '', version: '', resource: '', path: action.path ?? '' };
  const [resource = '', subresource] = (action.resource ?? '').split('/');
  return { verb: action.verb ?? '', group: action.resourceAPIGroup ?? '', version: action.resourceAPIVersion ?? '', resource, subresource, namespace: namespace || undefined, name: action.resourceName || undefined };
}
