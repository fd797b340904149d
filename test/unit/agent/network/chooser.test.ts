import { expect, test } from 'vitest';
import { Chooser } from '../../../../src/agent/network/chooser.ts';

const targets = ['a', 'b', 'c'].map((ip) => ({ ip, port: 80 }));
const first = (chooser: Chooser, client = 'x') => chooser.order(client)[0]?.ip;

test('takes endpoints in turn and offers the others after it', () => {
  const chooser = new Chooser(targets, undefined);
  expect([1, 2, 3, 4].map(() => first(chooser))).toEqual(['a', 'b', 'c', 'a']);
  expect(chooser.order('x').map(({ ip }) => ip)).toEqual(['b', 'c', 'a']);
  chooser.update([], undefined);
  expect(chooser.order('x')).toEqual([]);
});

test('keeps a client with its endpoint until it was quiet for too long or the endpoint is gone', () => {
  let now = 0;
  const chooser = new Chooser(targets, 10, () => now);
  expect([first(chooser, 'x'), first(chooser, 'y'), first(chooser, 'x')]).toEqual(['a', 'b', 'a']);
  now = 9_000;
  chooser.chosen('x', targets[2]!);
  now = 18_000;
  expect(first(chooser, 'x')).toBe('c');
  chooser.update(targets.slice(0, 2), 10);
  expect(first(chooser, 'x')).not.toBe('c');
  now = 60_000;
  expect(['a', 'b']).toContain(first(chooser, 'y'));
});
