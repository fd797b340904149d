import { describe, expect, it } from 'vitest';
import { afterPrefix, KeyIndex } from '../../../../../src/controlplane/kernel/store/key-index.ts';

const index = (keys: Iterable<string>, leafSize = 4) => {
  const made = new KeyIndex<{ key: string }>(leafSize);
  for (const key of keys) made.put({ key });
  return made;
};
const keys = (entries: Iterable<{ key: string }>) => [...entries].map(({ key }) => key);

describe('key index', () => {
  it('grows as the example in its description', () => {
    expect(index('abcd').shape()).toEqual([['a', 'b', 'c', 'd']]);
    expect(index('abcde').shape()).toEqual([['a', 'b'], ['c', 'd', 'e']]);
    const seven = index('abcdefg');
    expect(seven.shape()).toEqual([['a', 'b'], ['c', 'd'], ['e', 'f', 'g']]);
    expect([seven.get('c'), seven.get('cc'), keys(seven.from('', 'c')), seven.countBelow('f')]).toEqual([{ key: 'c' }, undefined, ['c', 'd', 'e', 'f', 'g'], 5]);
    seven.remove('c');
    seven.remove('d');
    seven.remove('nope');
    expect([seven.shape(), seven.size]).toEqual([[['a', 'b'], ['e', 'f', 'g']], 5]);
  });

  it('finds a prefix among neighbours that are alike', () => {
    const some = index(['a/b', 'a/b/1', 'a/b/2', 'a/b0', 'a/bb/1', 'a/c/1', 'b/b/1']);
    expect(keys(some.from('a/b/'))).toEqual(['a/b/1', 'a/b/2']);
    expect(keys(some.from('a/b/', 'a/b/1', true))).toEqual(['a/b/2']);
    expect([some.count('a/b/'), some.count('a/'), some.count(''), some.count('c')]).toEqual([2, 6, 7, 0]);
    expect([afterPrefix('a/'), afterPrefix('a\uffff'), afterPrefix('\uffff'), afterPrefix('')]).toEqual(['a0', 'b', undefined, undefined]);
  });

  it('holds what a plain map holds, whatever is done to it', () => {
    const made = new KeyIndex<{ key: string; value: number }>(8);
    const plain = new Map<string, { key: string; value: number }>();
    let seed = 1;
    const random = (below: number) => (seed = (seed * 48_271) % 2_147_483_647) % below;
    for (let step = 0; step < 5000; step++) {
      const key = `${random(5)}/${random(200)}`;
      if (random(3) === 0) {
        made.remove(key);
        plain.delete(key);
      } else {
        made.put({ key, value: step });
        plain.set(key, { key, value: step });
      }
    }
    const sorted = [...plain.keys()].sort();
    expect(keys(made.from(''))).toEqual(sorted);
    expect([made.size, made.count('3/')]).toEqual([plain.size, sorted.filter((key) => key.startsWith('3/')).length]);
    for (const key of sorted) expect(made.get(key)).toEqual(plain.get(key));
    expect(made.shape().every((leaf) => leaf.length > 0 && leaf.length <= 8)).toBe(true);
  });
});
