import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { namespaces, pods, serviceAccounts, secrets } from '../../../../src/api/kinds/core.ts';
import { clusterRoles, roleBindings, roles } from '../../../../src/api/kinds/rbac.ts';
import { localSubjectAccessReviews, selfSubjectAccessReviews, selfSubjectReviews, selfSubjectRulesReviews, subjectAccessReviews, tokenReviews, type SelfSubjectAccessReview, type SelfSubjectReview, type SelfSubjectRulesReview, type TokenReview } from '../../../../src/api/kinds/review.ts';
import type { KubeObject } from '../../../../src/api/meta.ts';
import type { UserInfo } from '../../../../src/controlplane/kernel/apiserver/kind.ts';
import { missingRules } from '../../../../src/controlplane/project/rbac/rules.ts';
import { startProjectPlatform, type ProjectPlatform } from '../../../support/project-platform.ts';

let platform: ProjectPlatform;
beforeAll(async () => {
  platform = await startProjectPlatform();
  const { client } = platform;
  await client.create(namespaces, object('v1', 'Namespace', { name: 'demo' }));
  for (const role of ['admin', 'edit', 'view']) await client.create(roleBindings, binding(role, role));
  await platform.until(async () => (await platform.rbac.authorize(user('view'), { verb: 'get', group: '', version: 'v1', resource: 'pods', namespace: 'demo' })).allowed);
});
afterAll(() => platform.close());

const rbac = 'rbac.authorization.k8s.io';
const object = (apiVersion: string, kind: string, metadata: object, more: object = {}) => ({ apiVersion, kind, metadata, ...more }) as KubeObject;
const binding = (role: string, name: string, kind = 'ClusterRole') =>
  object(`${rbac}/v1`, 'RoleBinding', { name: `${role}-${name}`, namespace: 'demo' }, { roleRef: { apiGroup: rbac, kind, name: role }, subjects: [{ kind: 'User', name }] });
const user = (username: string, ...groups: string[]): UserInfo => ({ username, groups: [...groups, 'system:authenticated'] });

/** `verb resource[/subresource][.group][:name]`, in project demo unless it starts with `*`. */
function may(who: UserInfo, wanted: string): boolean {
  const [, wide, verb = '', resource = '', subresource, group = '', name] = /^(\*?)(\S+) ([^/.:]+)(?:\/([^.:]+))?(?:\.([^:]+))?(?::(.+))?$/.exec(wanted) ?? [];
  const decision = platform.rbac.authorize(who, { verb, group, version: 'v1', resource, subresource, name, namespace: wide ? undefined : 'demo' });
  return (decision as { allowed: boolean }).allowed;
}

describe('what a real server decides, it decides here', () => {
  test.each([
    ['view', ['get pods', 'list pods/log', 'watch deployments.apps', 'get routes.route.openshift.io', 'get projects.project.openshift.io:demo', 'get builds/log.build.openshift.io'],
      ['get secrets', 'create pods', 'create pods/exec', 'get roles.rbac.authorization.k8s.io', '*list pods', '*list namespaces']],
    ['edit', ['get secrets', 'create pods/exec', 'create pods/portforward', 'delete deployments.apps', 'patch deploymentconfigs/scale.apps.openshift.io', 'create buildconfigs/instantiatebinary.build.openshift.io', 'update imagestreams/layers.image.openshift.io', 'create serviceaccounts/token', 'create leases.coordination.k8s.io'],
      ['create rolebindings.rbac.authorization.k8s.io', 'update namespaces:demo', 'update resourcequotas', 'create endpoints', 'delete projects.project.openshift.io:demo']],
    ['admin', ['create rolebindings.rbac.authorization.k8s.io', 'create localsubjectaccessreviews.authorization.k8s.io', 'delete projects.project.openshift.io:demo', 'get secrets'],
      ['update resourcequotas', 'create nodes', '*create namespaces', 'update namespaces:demo']],
    ['nobody', ['*list projects.project.openshift.io', '*create selfsubjectaccessreviews.authorization.k8s.io', '*get clusterroles.rbac.authorization.k8s.io'], ['get pods', '*create projectrequests.project.openshift.io', '*create subjectaccessreviews.authorization.k8s.io']],
  ])('%s', (name, allowed, denied) => {
    expect(allowed.filter((wanted) => !may(user(name), wanted))).toEqual([]);
    expect(denied.filter((wanted) => may(user(name), wanted))).toEqual([]);
  });

  test('groups and service accounts', async () => {
    expect(may(user('x', 'system:nodes'), '*patch nodes/status')).toBe(true);
    expect(may(user('x', 'system:nodes'), 'patch pods')).toBe(true);
    expect(may(user('x', 'system:nodes'), 'create deployments.apps')).toBe(false);
    const account = (name: string) => user(`system:serviceaccount:demo:${name}`, 'system:serviceaccounts', 'system:serviceaccounts:demo');
    await platform.until(async () => (await platform.client.list(roleBindings, { namespace: 'demo' })).items.length === 6);
    await platform.until(() => Promise.resolve(may(account('deployer'), 'update replicationcontrollers/scale') && may(account('builder'), 'update imagestreams/layers.image.openshift.io:app')));
    expect(may(account('default'), 'get imagestreams/layers.image.openshift.io:app')).toBe(true);
    expect(may(account('default'), 'update imagestreams/layers.image.openshift.io:app')).toBe(false);
    expect((platform.rbac.authorize(user('x'), { verb: 'get', group: '', version: '', resource: '', path: '/version/' }) as { allowed: boolean }).allowed).toBe(true);
    expect((platform.rbac.authorize(user('x'), { verb: 'get', group: '', version: '', resource: '', path: '/metrics' }) as { allowed: boolean }).allowed).toBe(false);
  });

  test('a role with a label becomes part of view, edit and admin', async () => {
    const { client, until } = platform;
    await client.create(clusterRoles, object(`${rbac}/v1`, 'ClusterRole', { name: 'widgets', labels: { [`${rbac}/aggregate-to-view`]: 'true' } }, { rules: [{ verbs: ['get'], apiGroups: ['example.com'], resources: ['widgets'] }] }));
    await until(() => Promise.resolve(['view', 'edit', 'admin'].every((name) => may(user(name), 'get widgets.example.com'))));
    await client.delete(clusterRoles, { name: 'widgets' });
    await until(() => Promise.resolve(!may(user('admin'), 'get widgets.example.com')));
  });
});

describe('nobody gives away what they do not have', () => {
  test('roles and bindings', async () => {
    const admin = platform.as('admin');
    const role = (rules: object[]) => object(`${rbac}/v1`, 'Role', { name: 'own', namespace: 'demo' }, { rules });
    await expect(admin.create(roles, role([{ verbs: ['get'], apiGroups: [''], resources: ['nodes'] }]))).rejects.toMatchObject({
      code: 403,
      message: 'roles.rbac.authorization.k8s.io "own" is forbidden: user "admin" (groups=["system:authenticated"]) is attempting to grant RBAC permissions not currently held:\n{APIGroups:[""], Resources:["nodes"], Verbs:["get"]}',
    });
    await admin.create(roles, role([{ verbs: ['get', 'list'], apiGroups: [''], resources: ['pods', 'secrets'] }]));
    await platform.until(() => Promise.resolve(platform.rbac.rulesOf({ kind: 'Role', name: 'own' }, 'demo')));
    await admin.create(roleBindings, binding('own', 'carol', 'Role'));
    await admin.create(roleBindings, binding('edit', 'carol'));
    await expect(admin.create(roleBindings, binding('cluster-admin', 'carol'))).rejects.toMatchObject({ code: 403 });
    await expect(admin.create(roleBindings, binding('not-there', 'carol'))).rejects.toMatchObject({ code: 403 });
    await expect(admin.patch(roleBindings, { namespace: 'demo', name: 'edit-carol' }, 'merge', { roleRef: { name: 'view' } })).rejects.toMatchObject({ code: 422, message: expect.stringContaining('cannot change roleRef') });
    await expect(platform.client.update(roles, role([{ verbs: [], resources: ['pods'] }]))).rejects.toMatchObject({ code: 422, message: expect.stringContaining('rules[0].verbs: Required value: verbs must contain at least one value') });
  });

  test('rules are compared piece by piece', () => {
    const held = [{ verbs: ['*'], apiGroups: ['apps'], resources: ['*'] }, { verbs: ['get', 'list'], apiGroups: [''], resources: ['pods', '*/status'] }, { verbs: ['get'], apiGroups: [''], resources: ['secrets'], resourceNames: ['a'] }, { verbs: ['get'], nonResourceURLs: ['/healthz/*'] }];
    expect(missingRules(held, [{ verbs: ['get', 'patch'], apiGroups: ['apps'], resources: ['deployments/scale'] }, { verbs: ['get'], apiGroups: [''], resources: ['nodes/status'] }, { verbs: ['get'], apiGroups: [''], resources: ['secrets'], resourceNames: ['a'] }, { verbs: ['get'], nonResourceURLs: ['/healthz/etcd'] }])).toEqual([]);
    expect(missingRules(held, [{ verbs: ['get', 'delete'], apiGroups: ['', 'batch'], resources: ['pods'] }, { verbs: ['get'], apiGroups: [''], resources: ['secrets'] }, { verbs: ['get'], nonResourceURLs: ['/healthz'] }])).toEqual([
      { verbs: ['get'], apiGroups: ['batch'], resources: ['pods'] }, { verbs: ['delete'], apiGroups: [''], resources: ['pods'] }, { verbs: ['delete'], apiGroups: ['batch'], resources: ['pods'] },
      { verbs: ['get'], apiGroups: [''], resources: ['secrets'] }, { verbs: ['get'], nonResourceURLs: ['/healthz'] },
    ]);
  });
});

describe('reviews', () => {
  const review = (kind: string, spec: object, namespace?: string) => object('authorization.k8s.io/v1', kind, namespace ? { namespace } : {}, { spec });
  const resourceAttributes = { namespace: 'demo', verb: 'create', resource: 'pods', subresource: 'exec' };

  test('may I, may they, what may I', async () => {
    const view = platform.as('view');
    expect((await view.create<SelfSubjectAccessReview>(selfSubjectAccessReviews, review('SelfSubjectAccessReview', { resourceAttributes }))).status).toEqual({ allowed: false });
    expect((await platform.as('edit').create<SelfSubjectAccessReview>(selfSubjectAccessReviews, review('SelfSubjectAccessReview', { resourceAttributes }))).status).toEqual({ allowed: true });
    await expect(view.create(subjectAccessReviews, review('SubjectAccessReview', { user: 'edit', resourceAttributes }))).rejects.toMatchObject({ code: 403 });
    expect((await platform.client.create<SelfSubjectAccessReview>(subjectAccessReviews, review('SubjectAccessReview', { user: 'edit', resourceAttributes }))).status).toEqual({ allowed: true });
    expect((await platform.as('admin').create<SelfSubjectAccessReview>(localSubjectAccessReviews, review('LocalSubjectAccessReview', { user: 'view', resourceAttributes }, 'demo'))).status).toEqual({ allowed: false });
    await expect(view.create(selfSubjectAccessReviews, review('SelfSubjectAccessReview', {}))).rejects.toMatchObject({ code: 422 });
    const rules = (await view.create<SelfSubjectRulesReview>(selfSubjectRulesReviews, review('SelfSubjectRulesReview', { namespace: 'demo' }))).status;
    expect(rules?.resourceRules).toContainEqual(expect.objectContaining({ apiGroups: ['route.openshift.io'], resources: ['routes', 'routes/status'] }));
    expect(rules?.nonResourceRules.flatMap((rule) => rule.nonResourceURLs)).toContain('/version');
  });

  test('OpenShift\'s own questions', async () => {
    const path = '/apis/authorization.openshift.io/v1';
    const asked = (kind: string, action: object) => ({ apiVersion: 'authorization.openshift.io/v1', kind, ...action });
    const own = await platform.api.ask('POST', `${path}/namespaces/demo/localsubjectaccessreviews`, { body: asked('LocalSubjectAccessReview', { verb: 'get', resource: 'pods' }) });
    expect(own.json).toMatchObject({ kind: 'SubjectAccessReviewResponse', namespace: 'demo', allowed: true });
    expect((await platform.api.ask('POST', `${path}/subjectaccessreviews`, { body: asked('SubjectAccessReview', { verb: 'list', resource: 'pods' }), as: { token: 'alice' } })).json).toMatchObject({ allowed: false });
    expect((await platform.api.ask('POST', `${path}/subjectaccessreviews`, { body: asked('SubjectAccessReview', { verb: 'get', resource: 'pods', namespace: 'demo', user: 'view' }), as: { token: 'alice' } })).status).toBe(403);
    const who = await platform.api.ask('POST', `${path}/namespaces/demo/localresourceaccessreviews`, { body: asked('LocalResourceAccessReview', { verb: 'create', resource: 'pods', resourceAPIGroup: '' }) });
    expect(who.json.users).toEqual(expect.arrayContaining(['admin', 'edit']));
    expect(who.json.users).not.toContain('view');
    expect(who.json.groups).toContain('system:masters');
  });
});

describe('tokens of service accounts', () => {
  const ask = (spec: object) => platform.client.create<KubeObject, KubeObject & { spec: { audiences: string[] }; status: { token: string; expirationTimestamp: string } }>(
    serviceAccounts, object('authentication.k8s.io/v1', 'TokenRequest', {}, { spec }), { namespace: 'demo', name: 'robot', subresource: 'token' });

  test('stand for their account until it, or what they are bound to, is gone', async () => {
    const { client, tokens, api } = platform;
    await client.create(serviceAccounts, object('v1', 'ServiceAccount', { name: 'robot', namespace: 'demo' }));
    await client.create(pods, object('v1', 'Pod', { name: 'p', namespace: 'demo' }, { spec: { serviceAccountName: 'robot', containers: [{ name: 'c', image: 'i' }] } }));
    const { status, spec } = await ask({ expirationSeconds: 1200, boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'p' } });
    expect(spec.audiences).toEqual(['https://kubernetes.default.svc']);
    expect(Date.parse(status.expirationTimestamp) - Date.now()).toBeGreaterThan(1_190_000);
    const me = await api.ask('POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', { body: {}, as: { token: status.token } });
    expect(me.json.status.userInfo).toMatchObject({
      username: 'system:serviceaccount:demo:robot', groups: ['system:serviceaccounts', 'system:serviceaccounts:demo', 'system:authenticated'],
      extra: { 'authentication.kubernetes.io/pod-name': ['p'], 'authentication.kubernetes.io/credential-id': [expect.stringMatching(/^JTI=/)] },
    });
    const unbound = (await ask({})).status.token;
    await client.delete(pods, { namespace: 'demo', name: 'p' });
    expect(await tokens.review(status.token)).toBeUndefined();
    expect(await tokens.review(unbound)).toBeDefined();
    await client.delete(serviceAccounts, { namespace: 'demo', name: 'robot' });
    await client.create(serviceAccounts, object('v1', 'ServiceAccount', { name: 'robot', namespace: 'demo' }));
    expect(await tokens.review(unbound)).toBeUndefined();
  });

  test('are refused for others than they are meant for, when forged, and with impossible wishes', async () => {
    const { client, tokens, api } = platform;
    const { token } = (await ask({ audiences: ['vault'] })).status;
    expect((await api.ask('GET', '/api/v1/namespaces/demo/pods', { as: { token } })).status).toBe(401);
    const reviewed = (audiences: string[]) => client.create<TokenReview>(tokenReviews, object('authentication.k8s.io/v1', 'TokenReview', {}, { spec: { token, audiences } }));
    expect((await reviewed(['vault', 'other'])).status).toMatchObject({ authenticated: true, audiences: ['vault'], user: { username: 'system:serviceaccount:demo:robot' } });
    expect((await reviewed(['other'])).status?.authenticated).toBe(false);
    const [head, body = '', signature] = (await ask({})).status.token.split('.');
    const claims = JSON.parse(Buffer.from(body, 'base64url').toString()) as Record<string, unknown>;
    const forged = Buffer.from(JSON.stringify({ ...claims, sub: 'system:serviceaccount:kube-system:x' })).toString('base64url');
    expect(await tokens.review(`${head}.${forged}.${signature}`)).toBeUndefined();
    expect(await tokens.review(`${Buffer.from('{"alg":"none"}').toString('base64url')}.${body}.`)).toBeUndefined();
    await expect(ask({ expirationSeconds: 10 })).rejects.toMatchObject({ code: 422, message: expect.stringContaining('may not specify a duration less than 10 minutes') });
    await expect(ask({ boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'absent' } })).rejects.toMatchObject({ code: 404 });
  });

  test('a token secret made by hand gets its token', async () => {
    const { client, until, tokens } = platform;
    await client.create(secrets, object('v1', 'Secret', { name: 'by-hand', namespace: 'demo', annotations: { 'kubernetes.io/service-account.name': 'robot' } }, { type: 'kubernetes.io/service-account-token' }));
    const data = await until(async () => {
      const secret = await client.get(secrets, { namespace: 'demo', name: 'by-hand' });
      return secret.data?.token ? secret.data : undefined;
    });
    expect(await tokens.review(Buffer.from(data.token ?? '', 'base64').toString())).toMatchObject({ username: 'system:serviceaccount:demo:robot' });
    await client.delete(secrets, { namespace: 'demo', name: 'by-hand' });
    expect(await tokens.review(Buffer.from(data.token ?? '', 'base64').toString())).toBeUndefined();
  });

  test('who am I', async () => {
    const mine = await platform.as('dora', 'team').create<SelfSubjectReview>(selfSubjectReviews, object('authentication.k8s.io/v1', 'SelfSubjectReview', {}));
    expect(mine.status?.userInfo).toEqual({ username: 'dora', groups: ['team', 'system:authenticated'] });
  });
});
