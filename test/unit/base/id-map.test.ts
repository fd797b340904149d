import { expect, test } from 'vitest';
import { idsFromZero, parseIdMap, sameIds } from '../../../src/base/id-map.ts';

const ordinary = '         0       1000          1\n         1     100000      65536\n';

test.each([
  ['one user', '         0       1000          1\n', 1, '0 0 1\n'],
  ['one user with another number', '      1001          0          1\n', 0, '1001 1001 1\n'],
  ['a range beside it', ordinary, 65_537, '0 0 1\n1 1 65536\n'],
  ['in whatever order', '1 100000 65535\n0 1000 1\n', 65_536, '1 1 65535\n0 0 1\n'],
  ['a gap', '0 1000 1\n2 100000 65535\n', 1, '0 0 1\n2 2 65535\n'],
  ['the machine itself', '0 0 4294967295\n', 4_294_967_295, '0 0 4294967295\n'],
  ['nobody yet', '', 0, ''],
])('%s', (_, text, count, inside) => {
  expect(idsFromZero(parseIdMap(text))).toBe(count);
  expect(sameIds(parseIdMap(text))).toBe(inside);
});
