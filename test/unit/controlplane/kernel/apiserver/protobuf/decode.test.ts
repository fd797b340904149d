import { expect, test } from 'vitest';
import { StatusError } from '../../../../../../src/api/status.ts';
import { decodeProtobuf } from '../../../../../../src/controlplane/kernel/apiserver/protobuf/decode.ts';

/** A message by hand: `[number, value]`, a number as varint, text and nested messages length-delimited. */
type Part = readonly [number, number | bigint | string | Buffer | readonly Part[]];
function varint(value: number | bigint): Buffer {
  let rest = BigInt.asUintN(64, BigInt(value));
  const bytes: number[] = [];
  do {
    bytes.push(Number(rest & 0x7fn) | (rest > 0x7fn ? 0x80 : 0));
    rest >>= 7n;
  } while (rest > 0n);
  return Buffer.from(bytes);
}
function encode(parts: readonly Part[]): Buffer {
  return Buffer.concat(parts.flatMap(([number, value]) => {
    if (typeof value === 'number' || typeof value === 'bigint') return [varint(number * 8), varint(value)];
    const bytes = typeof value === 'string' ? Buffer.from(value) : Buffer.isBuffer(value) ? value : encode(value);
    return [varint(number * 8 + 2), varint(bytes.length), bytes];
  }));
}
const body = (apiVersion: string, kind: string, raw: readonly Part[], more: readonly Part[] = []) =>
  Buffer.concat([Buffer.from('k8s\0'), encode([[1, [[1, apiVersion], [2, kind]]], [2, encode(raw)], ...more])]);

test('a pod: inlined messages are flattened, special types become their JSON form, empty scalars vanish', () => {
  const container: Part[] = [
    [1, 'web'], [2, 'app:1'], [5, ''],
    [7, [[1, 'EMPTY'], [2, '']]],
    [7, [[1, 'FROM'], [3, [[3, [[1, [[1, 'settings']]], [2, 'key'], [3, 1]]]]]]],
    [8, [[1, [[1, 'cpu'], [2, [[1, '500m']]]]]]],
    [10, [[1, [[2, [[1, '/healthz'], [2, [[1, 1], [2, 0], [3, 'http']]]]]]], [2, 5], [3, 0]]],
    [15, [[3, [[1, 'x']]], [4, -1n], [8, 0]]],
  ];
  const decoded = decodeProtobuf(body('v1', 'Pod', [
    [1, [[1, 'p'], [2, ''], [7, 0], [8, []], [11, [[1, 'app'], [2, '']]], [11, [[1, '__proto__'], [2, 'x']]], [13, [[1, 'ReplicaSet'], [3, 'r'], [4, 'u'], [5, 'apps/v1'], [6, 1]]]]],
    [2, [[1, [[1, 'data'], [2, [[2, [[1, '']]]]]]], [2, container], [4, 0], [3, '']]],
  ]));
  expect(JSON.parse(JSON.stringify(decoded))).toEqual(JSON.parse(`{
    "apiVersion": "v1", "kind": "Pod",
    "metadata": {
      "name": "p", "labels": { "app": "", "__proto__": "x" },
      "ownerReferences": [{ "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "r", "uid": "u", "controller": true }]
    },
    "spec": {
      "volumes": [{ "name": "data", "emptyDir": {} }],
      "terminationGracePeriodSeconds": 0,
      "containers": [{
        "name": "web", "image": "app:1",
        "env": [{ "name": "EMPTY" }, { "name": "FROM", "valueFrom": { "configMapKeyRef": { "name": "settings", "key": "key", "optional": true } } }],
        "resources": { "limits": { "cpu": "500m" } },
        "livenessProbe": { "httpGet": { "path": "/healthz", "port": "http" }, "initialDelaySeconds": 5 },
        "securityContext": { "seLinuxOptions": { "user": "x" }, "runAsUser": -1, "runAsGroup": 0 }
      }]
    }
  }`));
});

test('times: seconds, or exactly six fractional digits', () => {
  const lease = decodeProtobuf(body('coordination.k8s.io/v1', 'Lease', [
    [1, [[1, 'l'], [8, [[1, 1_700_000_000]]]]], [2, [[1, 'me'], [2, 15], [3, [[1, 1_700_000_000], [2, 5_000]]], [4, [[1, 1_700_000_000]]], [5, 0]]],
  ]));
  expect(lease).toEqual({
    apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: 'l', creationTimestamp: '2023-11-14T22:13:20Z' },
    spec: { holderIdentity: 'me', leaseDurationSeconds: 15, acquireTime: '2023-11-14T22:13:20.000005Z', renewTime: '2023-11-14T22:13:20.000000Z', leaseTransitions: 0 },
  });
});

test('bytes, embedded JSON, lists that travel as messages', () => {
  expect(decodeProtobuf(body('v1', 'Secret', [[2, [[1, 'k'], [2, Buffer.from([0, 255])]]], [3, 'Opaque']]))).toMatchObject({ data: { k: 'AP8=' }, type: 'Opaque' });
  expect(decodeProtobuf(body('apps/v1', 'ControllerRevision', [[2, [[1, '{"spec":{"a":1}}']]], [3, 7]]))).toMatchObject({ data: { spec: { a: 1 } }, revision: 7 });
  expect(decodeProtobuf(body('authorization.k8s.io/v1', 'SubjectAccessReview', [[2, [[3, 'u'], [5, [[1, 'scopes'], [2, [[1, 'a'], [1, 'b']]]]]]]]))).toMatchObject({
    spec: { user: 'u', extra: { scopes: ['a', 'b'] } },
  });
  const projection: Part[] = [[2, [[1, [[1, 'namespace'], [2, [[1, 'v1'], [2, 'metadata.namespace']]]]]]]];
  expect(decodeProtobuf(body('v1', 'Pod', [[2, [[1, [[1, 'token'], [2, [[26, [[1, projection]]]]]]]]]]))).toMatchObject({
    spec: { volumes: [{ name: 'token', projected: { sources: [{ downwardAPI: { items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }] } }] } }] },
  });
});

test('delete options travel under any version, JSON may be wrapped, unknown fields are skipped', () => {
  const options = { gracePeriodSeconds: 0, propagationPolicy: 'Background', preconditions: { uid: 'u' } };
  for (const version of ['v1', 'apps/v1']) expect(decodeProtobuf(body(version, 'DeleteOptions', [[1, 0], [2, [[1, 'u']]], [4, 'Background'], [99, 'x']]))).toMatchObject(options);
  expect(decodeProtobuf(Buffer.concat([Buffer.from('k8s\0'), encode([[2, '{"apiVersion":"v1","kind":"X"}'], [4, 'application/json']])]))).toEqual({ apiVersion: 'v1', kind: 'X' });
});

test('rubbish is refused with a Status, never with another error', () => {
  const good = body('v1', 'ConfigMap', [[1, [[1, 'name-of-some-length'], [11, [[1, 'a'], [2, 'b']]]]]]);
  expect(() => decodeProtobuf(Buffer.from('{}'))).toThrow(expect.objectContaining({ code: 400 }));
  expect(() => decodeProtobuf(body('example.com/v1', 'Thing', []))).toThrow(expect.objectContaining({ code: 415 }));
  expect(() => decodeProtobuf(body('v1', '__proto__', []))).toThrow(expect.objectContaining({ code: 415 }));
  for (let length = 0; length < good.length; length += 1) {
    for (const bytes of [good.subarray(0, length), Buffer.concat([good.subarray(0, length), Buffer.from([0xff]), good.subarray(length + 1)])]) {
      try {
        decodeProtobuf(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(StatusError);
      }
    }
  }
});
