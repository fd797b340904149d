import { describe, expect, it } from 'vitest';
import { jsonPatch } from '../../../../src/api/patch/json-patch.ts';
import { mergePatch } from '../../../../src/api/patch/merge-patch.ts';

describe('merge patch', () => {
  // RFC 7386, appendix A.
  it.each([
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b' }, { a: null }, {}],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [['a', 'b'], ['c', 'd'], ['c', 'd']],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: 'b', c: null }, { a: 'b' }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ])('%j + %j = %j', (target, patch, expected) => expect(mergePatch(target, patch)).toEqual(expected));

  it('adds members only', () => {
    const patched = mergePatch({ a: 1 }, JSON.parse('{"__proto__":{"b":2}}'));
    expect(patched).toEqual({ a: 1 });
    expect(Object.getPrototypeOf(patched)).toBe(Object.prototype);
  });
});

describe('JSON patch', () => {
  it('applies in order and leaves its argument alone', () => {
    const target = { list: [1, 2], map: { a: 'b' } };
    const patch = [
      { op: 'test', path: '/map/a', value: 'b' }, { op: 'add', path: '/list/-', value: 3 }, { op: 'replace', path: '/map/a', value: 'c' },
      { op: 'copy', from: '/map/a', path: '/map/x~1y' }, { op: 'move', from: '/list/0', path: '/first' }, { op: 'remove', path: '/list/0' },
    ];
    expect(jsonPatch(target, patch)).toEqual({ list: [3], map: { a: 'c', 'x/y': 'c' }, first: 1 });
    expect(target).toEqual({ list: [1, 2], map: { a: 'b' } });
  });

  it('can replace the whole', () => expect(jsonPatch({ a: 1 }, [{ op: 'replace', path: '', value: { b: 2 } }])).toEqual({ b: 2 }));

  it.each([
    [[{ op: 'test', path: '/a', value: 2 }], 422],
    [[{ op: 'remove', path: '/nope' }], 422],
    [[{ op: 'add', path: '/toString/call', value: 1 }], 422],
    [[{ op: 'copy', from: '/constructor/keys', path: '/b' }], 422],
    [[{ op: 'sing', path: '/a' }], 422],
    [[{ path: '/a' }], 422],
    [{ op: 'add' }, 400],
    [Array.from({ length: 10_001 }, () => ({ op: 'add', path: '/a', value: 1 })), 413],
  ])('refuses %j', (patch, code) => {
    let seen = 0;
    try {
      jsonPatch({ a: 1 }, patch);
    } catch (error) {
      seen = (error as { code: number }).code;
    }
    expect(seen).toBe(code);
    expect(Object.keys(Object.prototype.toString)).toEqual([]);
  });
});
