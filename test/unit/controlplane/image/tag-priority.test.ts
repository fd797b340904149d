import { expect, it } from 'vitest';
import { prioritizeTags } from '../../../../src/controlplane/image/tag-priority.ts';

it.each<[string, string[], string[]]>([
  ['latest first', ['a', 'latest', '1.0'], ['latest', '1.0', 'a']],
  ['minor versions before full ones, newest first', ['5.1.3', '5.1', '5.2', '5.2.0', '4.10'], ['5.2', '5.1', '4.10', '5.2.0', '5.1.3']],
  ['pre-releases behind their release', ['5.1-rc1', '5.1', '5.1.0-alpha', '5.1.0', '5.1.0-alpha.2', '5.1.0-alpha.10'], ['5.1', '5.1-rc1', '5.1.0', '5.1.0-alpha.10', '5.1.0-alpha.2', '5.1.0-alpha']],
  ['plain before v', ['v5.1', '5.1', 'v5.2'], ['v5.2', '5.1', 'v5.1']],
  ['numbers that are none', ['01.2', '1', '1.2.3.4', 'stable', 'b', 'a'], ['01.2', '1', '1.2.3.4', 'a', 'b', 'stable']],
  ['other characters in a full version', ['1.2.3+build', '1.2.3-x.y', '10.0.0'], ['10.0.0', '1.2.3+build', '1.2.3-x.y']],
])('orders tags: %s', (_what, tags, expected) => {
  expect(prioritizeTags(tags)).toEqual(expected);
  expect(prioritizeTags([...tags].reverse())).toEqual(expected);
});
