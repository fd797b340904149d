/** Which users and groups a user namespace knows, as the kernel writes it (user_namespaces(7), "User and group ID mappings"). Pure. */
export interface IdExtent {
  inside: number;
  outside: number;
  count: number;
}

/** Fewer leave out `nobody`, and with it what most images hold. */
export const usefulIds = 65_535;

/** `/proc/<pid>/uid_map` or `gid_map`. */
export function parseIdMap(text: string): IdExtent[] {
  return text.split('\n').flatMap((line) => {
    const [inside, outside, count] = line.trim().split(/\s+/).map(Number);
    return inside === undefined || outside === undefined || count === undefined ? [] : [{ inside, outside, count }];
  });
}

/** How many ids there are from 0 on, without a gap. */
export function idsFromZero(map: readonly IdExtent[]): number {
  let next = 0;
  for (const { inside, count } of [...map].sort((one, other) => one.inside - other.inside)) {
    if (inside > next) break;
    next = Math.max(next, inside + count);
  }
  return next;
}

/** The same ids for a namespace inside this one. One extent for each, since none may span two of those it stands on. */
export function sameIds(map: readonly IdExtent[]): string {
  return map.map(({ inside, count }) => `${inside} ${inside} ${count}\n`).join('');
}
