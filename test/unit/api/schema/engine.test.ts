import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../../src/api/json.ts';
import { checkObject, conform } from '../../../../src/api/schema/engine.ts';
import { typeOfKind, type ObjectType } from '../../../../src/api/schema/notation.ts';
import { allResources } from '../../../../src/api/resources.ts';
import { apiVersionOf } from '../../../../src/api/resource.ts';

const type = (apiVersion: string, kind: string): ObjectType => {
  const found = typeOfKind(apiVersion, kind);
  if (!found) throw new Error(`no schema of ${kind}`);
  return found;
};
const pod = type('v1', 'Pod');
const service = type('v1', 'Service');

it('knows every declared kind', () => {
  const without = allResources.filter((one) => !typeOfKind(apiVersionOf(one), one.kind)?.fields.size).map((one) => one.plural);
  expect(without).toEqual([]);
});

describe('conform', () => {
  it('drops unknown fields and nulls, and says where they were', () => {
    const object: JsonObject = { kind: 'Pod', extra: 1, metadata: { name: 'p', labels: null }, spec: { containers: [{ name: 'c', imago: 'x', ports: [{ containerPort: 80, odd: true }] }], nodeName: null } };
    expect(conform(pod, object)).toEqual(['extra', 'spec.containers[0].imago', 'spec.containers[0].ports[0].odd']);
    expect(object).toEqual({ kind: 'Pod', metadata: { name: 'p' }, spec: { containers: [{ name: 'c', ports: [{ containerPort: 80, protocol: 'TCP' }] }] } });
  });

  it("fills the schema's defaults, unless it is not to", () => {
    const object: JsonObject = { spec: { ports: [{ port: 80 }] } };
    conform(service, object);
    expect(object).toEqual({ spec: { ports: [{ port: 80, protocol: 'TCP' }] } });
    const bare: JsonObject = { spec: { ports: [{ port: 80 }] } };
    conform(service, bare, { defaults: false });
    expect(bare).toEqual({ spec: { ports: [{ port: 80 }] } });
  });

  it('writes quantities as the real server does and keeps what is free', () => {
    const object: JsonObject = { spec: { containers: [{ name: 'c', resources: { limits: { cpu: 0.5, memory: '1024Mi' } } }] } };
    conform(pod, object);
    expect(object).toMatchObject({ spec: { containers: [{ resources: { limits: { cpu: '500m', memory: '1Gi' } } }] } });
    const image: JsonObject = { dockerImageMetadata: { anything: { goes: [1, null] } } };
    expect(conform(type('image.openshift.io/v1', 'Image'), image)).toEqual([]);
    expect(image).toEqual({ dockerImageMetadata: { anything: { goes: [1, null] } } });
  });

  it.each<[string, JsonObject]>([
    ['json: cannot unmarshal string into Go struct field PodSpec.spec.containers of type []v1.Container', { spec: { containers: 'x' } }],
    ['json: cannot unmarshal array into Go struct field Pod.spec of type v1.PodSpec', { spec: [] }],
    ['json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string', { metadata: { labels: { a: 1 } } }],
    ['json: cannot unmarshal bool into Go struct field Container.spec.containers.image of type string', { spec: { containers: [{ image: true }] } }],
    ['json: cannot unmarshal number 1.5 into Go struct field ContainerPort.spec.containers.ports.containerPort of type int32', { spec: { containers: [{ ports: [{ containerPort: 1.5 }] }] } }],
    ['json: cannot unmarshal number 3000000000 into Go struct field PodSpec.spec.priority of type int32', { spec: { priority: 3_000_000_000 } }],
  ])('%s', (message, object) => expect(() => conform(pod, object)).toThrow(message));

  it('takes base64 with line ends anywhere, and refuses what is none as fast as it is long', () => {
    const secret = type('v1', 'Secret');
    expect(conform(secret, { data: { a: 'YWJj\nZGU=\r\n', b: '' } })).toEqual([]);
    for (const a of ['a!', `${'\n'.repeat(1_000_000)}!`]) expect(() => conform(secret, { data: { a } })).toThrow('illegal base64 data');
    expect(() => conform(pod, { spec: { containers: [{ name: 'c', resources: { limits: { cpu: `${'1'.repeat(1_000_000)}!` } } }] } })).toThrow('quantities must match');
  });

  it('takes a number or a string where either will do', () => {
    for (const targetPort of [80, 'http']) expect(conform(service, { spec: { ports: [{ port: 1, targetPort }] } })).toEqual([]);
    expect(() => conform(service, { spec: { ports: [{ port: 1, targetPort: true }] } })).toThrow('of type intstr.IntOrString');
  });
});

describe('check', () => {
  it('asks for what is required and looks at enums, but not under status', () => {
    const errors = checkObject(pod, { metadata: {}, spec: { dnsPolicy: 'Odd', containers: [{ image: 'i', imagePullPolicy: 'Perhaps' }] }, status: { phase: 'Odd', containerStatuses: [{}] } });
    expect(errors.map(({ field, reason }) => `${field} ${reason}`).sort()).toEqual(['spec.containers[0].imagePullPolicy FieldValueNotSupported', 'spec.containers[0].name FieldValueRequired', 'spec.dnsPolicy FieldValueNotSupported']);
  });
  it('is content with what is well', () => expect(checkObject(pod, { metadata: {}, spec: { containers: [{ name: 'c', image: 'i' }], restartPolicy: 'Never' } })).toEqual([]));
});
