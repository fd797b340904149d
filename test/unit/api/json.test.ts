import { expect, it } from 'vitest';
import { copyJson, deepFreeze, equalJson } from '../../../src/api/json.ts';

it('copies without what is undefined, and safely', () => {
  const source = deepFreeze({ a: [1, { b: 'x' }], gone: undefined, n: null });
  const copy = copyJson(source);
  expect(copy).toEqual({ a: [1, { b: 'x' }], n: null });
  expect('gone' in copy).toBe(false);
  (copy.a[1] as { b: string }).b = 'y';
  expect(source.a[1]).toEqual({ b: 'x' });
  const odd = copyJson(JSON.parse('{"__proto__":{"polluted":true}}') as object);
  expect(JSON.stringify(odd)).toBe('{"__proto__":{"polluted":true}}');
  expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
});

it.each([
  [{ a: 1, b: [1, 2] }, { b: [1, 2], a: 1 }, true],
  [{ a: 1 }, { a: 1, b: undefined }, true],
  [{ a: 1 }, { a: 1, b: null }, false],
  [{ a: undefined }, { b: undefined }, true],
  [[1, 2], [2, 1], false],
  [[], {}, false],
  [null, undefined, false],
  ['1', 1, false],
])('compares %j and %j', (a, b, same) => {
  expect(equalJson(a, b)).toBe(same);
  expect(equalJson(b, a)).toBe(same);
});
