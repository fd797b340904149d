/**
 * Ranges of versions as manifests write them: npm's and Composer's (`^20`, `>=18 <21`, `20.x || 22`), Python's (`>=3.9,!=3.10.*`, `~=3.11`) and Ruby's (`~> 3.1`).
 * What follows a `-` in a version is left out.
 */
type Parts = number[];
type Test = (version: Parts) => boolean;

const operator = /^(>=|<=|~>|~=|===|==|!=|>|<|=|\^|~)?\s*v?(\d+(?:\.(?:\d+|x|X|\*))*|x|X|\*)(?:[-+][\w.+-]*)?$/;

/** Undefined if the range says something that is not understood. */
export function inRange(version: string, range: string): boolean | undefined {
  const parts = partsOf(version);
  let known = true;
  for (const alternative of range.split(/\|\|?/)) {
    const tests = testsOf(alternative.trim());
    if (!tests) known = false;
    else if (tests.every((test) => test(parts))) return true;
  }
  return known ? false : undefined;
}

function testsOf(text: string): Test[] | undefined {
  if (text === '' || text === 'latest') return [];
  const hyphen = /^(\S+)\s+-\s+(\S+)$/.exec(text);
  const words = hyphen ? [`>=${hyphen[1]}`, `<=${hyphen[2]}`] : text.replace(/([<>=~^!])\s+/g, '$1').split(/[\s,]+/).filter(Boolean);
  const tests = words.map(testOf);
  return tests.every((test) => test !== undefined) ? tests : undefined;
}

function testOf(word: string): Test | undefined {
  const [, sign = '', number = ''] = operator.exec(word) ?? [];
  if (number === '') return undefined;
  const parts = partsOf(number.replace(/(^|\.)[xX*].*$/, ''));
  if (parts.length === 0) return () => true;
  switch (sign) {
    case '>=':
      return (version) => compare(version, parts) >= 0;
    case '>':
      // `>3.1` excludes all of 3.1, as npm has it.
      return (version) => compare(version.slice(0, parts.length), parts) > 0;
    case '<':
      return (version) => compare(version, parts) < 0;
    case '<=':
      return (version) => compare(version.slice(0, parts.length), parts) <= 0;
    case '!=':
      return (version) => compare(version.slice(0, parts.length), parts) !== 0;
    case '^': {
      const significant = Math.max(parts.findIndex((part) => part !== 0), 0);
      return between(parts, significant);
    }
    case '~':
      return between(parts, Math.min(parts.length - 1, 1));
    case '~>':
    case '~=':
      return between(parts, Math.max(parts.length - 2, 0));
    default:
      return (version) => compare(version.slice(0, parts.length), parts) === 0;
  }
}

/** From `parts` up to, and without, the next value of the part at `index`. */
function between(parts: Parts, index: number): Test {
  const end = [...parts.slice(0, index), (parts[index] ?? 0) + 1];
  return (version) => compare(version, parts) >= 0 && compare(version, end) < 0;
}

function partsOf(version: string): Parts {
  return (/^\d+(\.\d+)*/.exec(version)?.[0] ?? '').split('.').filter(Boolean).map(Number);
}

function compare(a: Parts, b: Parts): number {
  for (let index = 0; index < Math.max(a.length, b.length); index++) {
    const difference = (a[index] ?? 0) - (b[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
