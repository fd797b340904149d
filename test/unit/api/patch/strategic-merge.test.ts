import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../../src/api/json.ts';
import { strategicMerge } from '../../../../src/api/patch/strategic-merge.ts';
import { typeOfKind } from '../../../../src/api/schema/notation.ts';

const pod = typeOfKind('v1', 'Pod');
const podSpec = (spec: object): JsonObject => ({ spec });
const merged = (target: object, patch: object) => (strategicMerge(pod, podSpec(target), podSpec(patch)) as { spec: unknown }).spec;

describe('strategic merge', () => {
  it('merges lists by their key, the patch first', () => {
    expect(merged({ containers: [{ name: 'a', image: '1', env: [{ name: 'X', value: '1' }] }] }, { containers: [{ name: 'b', image: '2' }, { name: 'a', env: [{ name: 'Y', value: '2' }] }] })).toEqual({
      containers: [{ name: 'b', image: '2' }, { name: 'a', image: '1', env: [{ name: 'Y', value: '2' }, { name: 'X', value: '1' }] }],
    });
  });

  it('deletes and replaces by directive', () => {
    const target = { containers: [{ name: 'a' }, { name: 'b' }] };
    expect(merged(target, { containers: [{ name: 'a', $patch: 'delete' }] })).toEqual({ containers: [{ name: 'b' }] });
    expect(merged(target, { containers: [{ $patch: 'replace' }, { name: 'c' }] })).toEqual({ containers: [{ name: 'c' }] });
    expect(merged({ securityContext: { runAsUser: 1 } }, { securityContext: { $patch: 'replace', fsGroup: 2 } })).toEqual({ securityContext: { fsGroup: 2 } });
    expect(merged({ nodeSelector: { a: 'b' } }, { nodeSelector: { $patch: 'delete' } })).toEqual({ nodeSelector: {} });
  });

  it('keeps the keys that $retainKeys names', () => {
    const target = { volumes: [{ name: 'v', emptyDir: {} }] };
    expect(merged(target, { volumes: [{ $retainKeys: ['name', 'hostPath'], name: 'v', hostPath: { path: '/x' } }] })).toEqual({ volumes: [{ name: 'v', hostPath: { path: '/x' } }] });
    expect(() => merged(target, { volumes: [{ $retainKeys: ['name'], name: 'v', hostPath: { path: '/x' } }] })).toThrow("'hostPath' is not in $retainKeys");
  });

  it('orders by $setElementOrder, server-only items beside their old neighbours', () => {
    const target = { containers: ['a', 'x', 'b', 'c'].map((name) => ({ name })) };
    const patch = { '$setElementOrder/containers': [{ name: 'c' }, { name: 'a' }, { name: 'new' }], containers: [{ name: 'new' }, { name: 'b', $patch: 'delete' }] };
    expect((merged(target, patch) as { containers: { name: string }[] }).containers.map(({ name }) => name)).toEqual(['x', 'c', 'a', 'new']);
  });

  it('merges scalar lists with the merge strategy and deletes from them', () => {
    const target = { metadata: { finalizers: ['a', 'b'] } };
    expect(strategicMerge(pod, target, { metadata: { finalizers: ['c'] } })).toEqual({ metadata: { finalizers: ['c', 'a', 'b'] } });
    expect(strategicMerge(pod, target, { metadata: { '$deleteFromPrimitiveList/finalizers': ['a'] } })).toEqual({ metadata: { finalizers: ['b'] } });
  });

  it('replaces lists without a key, and maps member by member', () => {
    expect(merged({ tolerations: [{ key: 'a' }] }, { tolerations: [{ key: 'b' }] })).toEqual({ tolerations: [{ key: 'b' }] });
    expect(strategicMerge(pod, { metadata: { labels: { a: '1', b: '2' } } }, { metadata: { labels: { a: null, c: '3' } } })).toEqual({ metadata: { labels: { b: '2', c: '3' } } });
  });

  it('refuses items without their key and directives it does not know', () => {
    expect(() => merged({}, { containers: [{ image: 'x' }] })).toThrow('does not contain declared merge key: name');
    expect(() => merged({}, { securityContext: { $patch: 'sing' } })).toThrow('unknown patch strategy');
  });
});
