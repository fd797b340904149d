/** Refusals word for word as kube-apiserver gives them. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startApi, type Ask, type RunningApi } from '../../../../support/api-server.ts';
import { sampleKinds } from '../../../../support/sample-kinds.ts';

const maps = '/api/v1/namespaces/default/configmaps';
const deployments = '/apis/apps/v1/namespaces/default/deployments';
const widgets = '/apis/example.com/v1/namespaces/default/widgets';
const merge = { 'Content-Type': 'application/merge-patch+json' };
const deployment = (replicas: unknown) => ({
  apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'd' },
  spec: { replicas, selector: { matchLabels: { a: 'b' } }, template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } } },
});

let api: RunningApi;
beforeAll(async () => {
  api = await startApi(sampleKinds, {
    tokens: { review: (token) => Promise.resolve(token === 'bob' ? { username: 'bob', groups: ['developers'] } : undefined) },
    authorize: () => ({ allowed: false }),
  });
  for (const name of ['default', 'other']) await api.ask('POST', '/api/v1/namespaces', { body: { metadata: { name } } });
  await api.ask('POST', maps, { body: { metadata: { name: 'a' } } });
});
afterAll(() => api.dispose());

interface Case extends Ask {
  what: string;
  method: string;
  path: string;
  code: number;
  reason?: string;
  message: string | RegExp;
  details?: object;
}

const cases: Case[] = [
  { what: 'a name that is taken', method: 'POST', path: maps, body: { metadata: { name: 'a' } }, code: 409, reason: 'AlreadyExists', message: 'configmaps "a" already exists', details: { name: 'a', kind: 'configmaps' } },
  {
    what: 'a stale version', method: 'PUT', path: `${maps}/a`, body: { metadata: { name: 'a', resourceVersion: '1' } }, code: 409, reason: 'Conflict',
    message: 'Operation cannot be fulfilled on configmaps "a": the object has been modified; please apply your changes to the latest version and try again',
  },
  { what: 'nothing there', method: 'GET', path: `${deployments}/d`, code: 404, reason: 'NotFound', message: 'deployments.apps "d" not found', details: { name: 'd', group: 'apps', kind: 'deployments' } },
  {
    what: 'missing fields', method: 'POST', path: deployments, body: { metadata: { name: 'd' }, spec: {} }, code: 422, reason: 'Invalid',
    message: 'Deployment.apps "d" is invalid: [spec.selector: Required value, spec.template: Required value]',
    details: { name: 'd', group: 'apps', kind: 'Deployment', causes: [{ reason: 'FieldValueRequired', message: 'Required value', field: 'spec.selector' }, { reason: 'FieldValueRequired', message: 'Required value', field: 'spec.template' }] },
  },
  {
    what: 'an unknown field, strictly', method: 'POST', path: `${maps}?fieldValidation=Strict`, body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 's' }, foo: 1 }, code: 400, reason: 'BadRequest',
    message: 'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: unknown field "foo"',
  },
  {
    what: 'unknown fields deep down', method: 'POST', path: `${deployments}?fieldValidation=Strict`,
    body: { ...deployment(1), spec: { ...deployment(1).spec, template: { metadata: { nome: 'x' }, spec: { containers: [{ name: 'c', imago: 'i' }] } } } }, code: 400,
    message: 'Deployment in version "v1" cannot be handled as a Deployment: strict decoding error: unknown field "spec.template.metadata.nome", unknown field "spec.template.spec.containers[0].imago"',
  },
  {
    what: 'a wrong type', method: 'POST', path: deployments, body: deployment('three'), code: 400, reason: 'BadRequest',
    message: 'Deployment in version "v1" cannot be handled as a Deployment: json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32',
  },
  {
    what: 'a number for an environment variable', method: 'POST', path: deployments,
    body: { ...deployment(1), spec: { ...deployment(1).spec, template: { spec: { containers: [{ name: 'c', env: [{ name: 'N', value: 5 }] }] } } } }, code: 400,
    message: 'Deployment in version "v1" cannot be handled as a Deployment: json: cannot unmarshal number into Go struct field EnvVar.spec.template.spec.containers.env.value of type string',
  },
  { what: 'another namespace in the body', method: 'POST', path: maps, body: { metadata: { name: 'n', namespace: 'other' } }, code: 400, reason: 'BadRequest', message: 'the namespace of the provided object does not match the namespace sent on the request' },
  { what: 'a namespace that is not there', method: 'POST', path: '/api/v1/namespaces/nope/configmaps', body: { metadata: { name: 'n' } }, code: 404, reason: 'NotFound', message: 'namespaces "nope" not found', details: { name: 'nope', kind: 'namespaces' } },
  { what: 'a field selector that is not known', method: 'GET', path: `${maps}?fieldSelector=data.x%3Dy`, code: 400, reason: 'BadRequest', message: '"data.x" is not a known field selector: only "metadata.name", "metadata.namespace"' },
  { what: 'a field label of pods', method: 'GET', path: '/api/v1/namespaces/default/pods?fieldSelector=foo%3Dbar', code: 400, message: 'field label not supported: foo' },
  { what: 'a method that a collection lacks', method: 'PUT', path: maps, body: {}, code: 405, reason: 'MethodNotAllowed', message: 'the server does not allow this method on the requested resource' },
  { what: 'an unknown encoding', method: 'POST', path: maps, body: 'x=1', headers: { 'Content-Type': 'text/csv' }, code: 415, reason: 'UnsupportedMediaType', message: 'the body of the request was in an unknown format - accepted media types include: application/json, application/yaml, application/vnd.kubernetes.protobuf' },
  {
    what: 'a strategic merge of a kind without a schema', method: 'PATCH', path: `${widgets}/w`, body: {}, headers: { 'Content-Type': 'application/strategic-merge-patch+json' }, code: 415,
    message: 'the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml',
  },
  { what: 'credentials that are no good', method: 'GET', path: maps, as: { token: 'nonsense' }, code: 401, reason: 'Unauthorized', message: 'Unauthorized' },
  { what: 'nobody', method: 'GET', path: maps, as: 'nobody', code: 401, reason: 'Unauthorized', message: 'Unauthorized' },
  {
    what: 'somebody who may not', method: 'GET', path: `${maps}/a`, as: { token: 'bob' }, code: 403, reason: 'Forbidden',
    message: 'configmaps "a" is forbidden: User "bob" cannot get resource "configmaps" in API group "" in the namespace "default"', details: { name: 'a', kind: 'configmaps' },
  },
  { what: 'the same for a subresource', method: 'PATCH', path: `${deployments}/d/scale`, body: {}, headers: merge, as: { token: 'bob' }, code: 403, message: 'deployments.apps "d" is forbidden: User "bob" cannot patch resource "deployments/scale" in API group "apps" in the namespace "default"' },
  { what: 'the same at the cluster', method: 'GET', path: '/api/v1/namespaces', as: { token: 'bob' }, code: 403, message: 'namespaces is forbidden: User "bob" cannot list resource "namespaces" in API group "" at the cluster scope' },
  { what: 'the same for a path', method: 'GET', path: '/metrics', as: { token: 'bob' }, code: 403, message: 'forbidden: User "bob" cannot get path "/metrics"' },
  {
    what: 'an apply without a manager', method: 'PATCH', path: `${maps}/a`, body: {}, headers: { 'Content-Type': 'application/apply-patch+yaml' }, code: 422, reason: 'Invalid',
    message: 'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
  },
  { what: 'a failed test of a JSON patch', method: 'PATCH', path: `${maps}/a`, body: [{ op: 'test', path: '/data/x', value: 'y' }], headers: { 'Content-Type': 'application/json-patch+json' }, code: 422, reason: 'Invalid', message: 'the server rejected our request due to an error in our request' },
  { what: 'a custom resource without its kind', method: 'POST', path: widgets, body: { metadata: { name: 'w' } }, code: 400, message: /^the object provided is unrecognized \(must be of type Widget\): Object 'Kind' is missing in / },
  { what: 'another kind', method: 'POST', path: maps, body: { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'x' } }, code: 400, message: 'Secret in version "v1" cannot be handled as a ConfigMap: converting (v1.Secret) to (core.ConfigMap): unknown conversion' },
  { what: 'another version', method: 'POST', path: maps, body: { apiVersion: 'v2', kind: 'ConfigMap', metadata: { name: 'x' } }, code: 400, message: 'the API version in the data (v2) does not match the expected API version (v1)' },
  { what: 'text that is no JSON', method: 'POST', path: maps, body: '{"metadata":', code: 400, message: /^the object provided is unrecognized \(must be of type ConfigMap\): couldn't get version\/kind; json parse error: .* \(7b226d65746164617461223a\)$/ },
  { what: 'no name', method: 'POST', path: maps, body: { metadata: {} }, code: 422, message: 'ConfigMap "" is invalid: metadata.name: Required value: name or generateName is required' },
  {
    what: 'a name that is none', method: 'POST', path: maps, body: { metadata: { name: 'A_b' } }, code: 422,
    message: `ConfigMap "A_b" is invalid: metadata.name: Invalid value: "A_b": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')`,
  },
  { what: 'another name in the body', method: 'PUT', path: `${maps}/a`, body: { metadata: { name: 'b' } }, code: 400, message: 'the name of the object (b) does not match the name on the URL (a)' },
  { what: 'another identity', method: 'PUT', path: `${maps}/a`, body: { metadata: { name: 'a', uid: 'zzz' } }, code: 409, message: /^Operation cannot be fulfilled on configmaps "a": Precondition failed: UID in precondition: zzz, UID in object meta: [0-9a-f-]{36}$/ },
  { what: 'a label that is none', method: 'POST', path: maps, body: { metadata: { name: 'l', labels: { a: 'b c' } } }, code: 422, message: /^ConfigMap "l" is invalid: metadata.labels: Invalid value: "b c": a valid label must be an empty string or consist of alphanumeric characters/ },
  { what: 'a value that an enum lacks', method: 'POST', path: '/api/v1/namespaces/default/pods', body: { metadata: { name: 'p' }, spec: { restartPolicy: 'Sometimes', containers: [{ name: 'c', image: 'i' }] } }, code: 422, message: 'Pod "p" is invalid: spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "Never", "OnFailure"' },
  { what: 'a quantity that is none', method: 'POST', path: '/api/v1/namespaces/default/pods', body: { metadata: { name: 'p' }, spec: { containers: [{ name: 'c', image: 'i', resources: { limits: { cpu: 'lots' } } }] } }, code: 400, message: `Pod in version "v1" cannot be handled as a Pod: quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'` },
  { what: 'a selector that is none', method: 'GET', path: `${maps}?labelSelector=a%20b`, code: 400, message: /^unable to parse requirement: / },
  { what: 'a version of the future', method: 'GET', path: `${maps}?resourceVersion=9999999`, code: 504, reason: 'Timeout', message: /^Timeout: Too large resource version: 9999999, current: \d+$/, details: { causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }], retryAfterSeconds: 1 } },
  { what: 'a watch at a version that is none', method: 'GET', path: `${maps}?watch=true&resourceVersion=abc`, code: 500, message: 'resourceVersion: Invalid value: "abc": strconv.ParseUint: parsing "abc": invalid syntax' },
  { what: 'a token for a page that is none', method: 'GET', path: `${maps}?limit=1&continue=abc`, code: 400, message: /^continue key is not valid: / },
  { what: 'initial events without their rule', method: 'GET', path: `${maps}?watch=true&sendInitialEvents=true`, code: 422, message: 'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan' },
  { what: 'a rule for versions without a version', method: 'GET', path: `${maps}?resourceVersionMatch=Exact`, code: 422, message: 'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided' },
];

it.each(cases)('$what', async ({ method, path, code, reason, message, details, ...ask }) => {
  const reply = await api.ask(method, path, ask);
  expect(reply.json).toMatchObject({ kind: 'Status', apiVersion: 'v1', status: 'Failure', code });
  expect(reply.status).toBe(code);
  if (message instanceof RegExp) expect(reply.json.message).toMatch(message);
  else expect(reply.json.message).toBe(message);
  if (reason) expect(reply.json.reason).toBe(reason);
  if (details) expect(reply.json.details).toEqual(details);
});

it('warns about unknown fields unless told otherwise, and drops them', async () => {
  const reply = await api.ask('POST', maps, { body: { metadata: { name: 'warned' }, foo: 1 } });
  expect(reply.status).toBe(201);
  expect(reply.headers.warning).toBe('299 - "unknown field \\"foo\\""');
  expect(reply.json.foo).toBeUndefined();
  const silent = await api.ask('POST', `${maps}?fieldValidation=Ignore`, { body: { metadata: { name: 'silent' }, foo: 1 } });
  expect(silent.headers.warning).toBeUndefined();
});

it('answers plain text where there is no resource', async () => {
  for (const path of ['/nonsense', '/apis/nope/v1/things', '/api/v1/namespaces/default/nope', `${maps}/a/nope`]) {
    const reply = await api.ask('GET', path);
    expect([reply.status, reply.text, reply.headers['content-type']]).toEqual([404, '404 page not found\n', 'text/plain; charset=utf-8']);
  }
});

it('says which forms there are', async () => {
  const reply = await api.ask('GET', `${maps}/a`, { headers: { Accept: 'image/png' } });
  expect([reply.status, reply.text]).toEqual([406, '406: Not Acceptable\n\nAvailable representations: application/json, application/yaml, application/vnd.kubernetes.protobuf']);
});

it('refuses what is too large', async () => {
  const reply = await api.ask('POST', maps, { body: { metadata: { name: 'big' }, data: { x: 'y'.repeat(3 * 1024 * 1024) } } });
  expect([reply.status, reply.json.reason]).toEqual([413, 'RequestEntityTooLarge']);
});
