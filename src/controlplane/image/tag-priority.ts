/** Which tags of a repository matter most, when there are more than are imported (library-go imageutil `PrioritizeTags`). */

interface Ranked {
  tag: string;
  /** 0: `latest`. 1: `5.1`, `v5.1-rc1`. 2: `5.1.3`. 3: all others. */
  rank: number;
  version: Version | undefined;
}

/** `latest`, then minor versions and then full ones with the newest first, then the rest by name. */
export function prioritizeTags(tags: readonly string[]): string[] {
  return tags.map(rank).sort(order).map(({ tag }) => tag);
}

function rank(tag: string): Ranked {
  if (tag === 'latest') return { tag, rank: 0, version: undefined };
  const short = tag.startsWith('v') ? tag.slice(1) : tag;
  const full = versionOf(short);
  if (full) return { tag, rank: 2, version: full };
  const minor = /^(\d+\.\d+)(-\w+)?$/.exec(short);
  const version = minor ? versionOf(`${minor[1]}.0${minor[2] ?? ''}`) : undefined;
  return { tag, rank: version ? 1 : 3, version };
}

function order(a: Ranked, b: Ranked): number {
  if (a.rank !== b.rank) return a.rank - b.rank;
  const newer = a.version && b.version ? compare(b.version, a.version) : 0;
  return newer !== 0 ? newer : a.tag < b.tag ? -1 : 1;
}

/** A version by semver.org 2.0.0, without its build. */
interface Version {
  core: number[];
  preRelease: string[];
}

const number = '(0|[1-9]\\d*)';
const semantic = new RegExp(`^${number}\\.${number}\\.${number}(?:-([0-9A-Za-z-]+(?:\\.[0-9A-Za-z-]+)*))?(?:\\+[0-9A-Za-z.-]+)?$`);

function versionOf(text: string): Version | undefined {
  const match = semantic.exec(text);
  return match ? { core: match.slice(1, 4).map(Number), preRelease: match[4]?.split('.') ?? [] } : undefined;
}

/** Precedence as semver.org, 11: a pre-release comes before its release, numbers before words. */
function compare(a: Version, b: Version): number {
  for (const [index, part] of a.core.entries()) if (part !== b.core[index]) return part - (b.core[index] ?? 0);
  if (a.preRelease.length === 0 || b.preRelease.length === 0) return b.preRelease.length - a.preRelease.length;
  for (const [index, left] of a.preRelease.entries()) {
    const right = b.preRelease[index];
    if (right === undefined) return 1;
    if (left === right) continue;
    const [leftNumber, rightNumber] = [/^\d+$/.test(left), /^\d+$/.test(right)];
    if (leftNumber && rightNumber) return Number(left) - Number(right);
    if (leftNumber !== rightNumber) return leftNumber ? -1 : 1;
    return left < right ? -1 : 1;
  }
  return a.preRelease.length - b.preRelease.length;
}
