/**
 * The users and groups that the holder's namespace knows beside its root, who is this user: ranges that the administrator gave (subuid(5), subgid(5)), mapped by newuidmap
 * and newgidmap, which look whether they are the user's own. Root may map what nobody uses.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { parseIdMap, usefulIds, type IdExtent } from '../../base/id-map.ts';
import { run } from '../runtime/run.ts';
import { findProgram, systemEnvironment } from '../runtime/system-path.ts';

export interface IdMaps {
  uids: IdExtent[];
  gids: IdExtent[];
}

export interface NoRanges {
  why: string;
  /** One line for a shell. */
  fix: string;
}

interface Range {
  start: number;
  count: number;
}

/** As a namespace's map has at most 340 lines (user_namespaces(7)), and nobody needs more. */
const mostRanges = 20;
/** No system hands these out by itself (systemd, "Users, Groups, UIDs and GIDs", 1879048192…2147483647). */
const unusedByAnybody: Range = { start: 1_879_048_192, count: usefulIds };

/** Lines of /etc/subuid or /etc/subgid: `name:first:count`, or the user's number in place of the name. */
export function rangesOf(text: string, name: string, uid: number): Range[] {
  return text.split('\n').flatMap((line) => {
    const [who = '', start = '', count = ''] = line.trim().split(':');
    if ((who !== name && who !== String(uid)) || !/^\d+$/.test(start) || !/^[1-9]\d*$/.test(count)) return [];
    return [{ start: Number(start), count: Number(count) }];
  });
}

/** `own` becomes 0, the ranges what follows. Undefined if they are too small to be of use. */
export function planIdMap(own: number, ranges: readonly Range[]): IdExtent[] | undefined {
  const map: IdExtent[] = [{ inside: 0, outside: own, count: 1 }];
  let next = 1;
  for (const { start, count } of ranges.slice(0, mostRanges)) {
    const taken = Math.min(count, usefulIds + 1 - next);
    if (taken <= 0) break;
    map.push({ inside: next, outside: start, count: taken });
    next += taken;
  }
  return next >= usefulIds ? map : undefined;
}

export function findIdRanges(): IdMaps | NoRanges {
  const { username, uid, gid } = userInfo();
  const given = (file: string) => rangesOf(read(file), username, uid);
  let [uids, gids] = [given('/etc/subuid'), given('/etc/subgid')];
  if (uid === 0) {
    if (uids.length === 0 && isKnown('uid_map')) uids = [unusedByAnybody];
    if (gids.length === 0 && isKnown('gid_map')) gids = [unusedByAnybody];
  } else {
    const missing = ['newuidmap', 'newgidmap'].filter((name) => findProgram(name) === undefined);
    if (missing.length > 0) return { why: `not found: ${missing.join(', ')}`, fix: 'sudo apt-get install uidmap   (shadow-utils on Fedora)' };
  }
  const maps = { uids: planIdMap(uid, uids), gids: planIdMap(gid, gids) };
  if (maps.uids && maps.gids) return { uids: maps.uids, gids: maps.gids };
  const [file, option] = maps.uids ? ['/etc/subgid', '--add-subgids'] : ['/etc/subuid', '--add-subuids'];
  return { why: `${file} gives ${username} fewer than ${usefulIds} ids`, fix: `sudo usermod ${maps.gids || option === '--add-subgids' ? `${option} 100000-165535` : '--add-subuids 100000-165535 --add-subgids 100000-165535'} ${username}   (choose other numbers if ${file} has those already)` };
}

/** For people. */
export function probeIdRanges(): { ok: boolean; why?: string; fix?: string } {
  const found = findIdRanges();
  return 'why' in found ? { ok: false, ...found } : { ok: true };
}

/** `pid` is in a new user namespace that has no map yet. Rejects with what the system said. */
export async function giveIds(pid: number, { uids, gids }: IdMaps): Promise<void> {
  if (process.getuid?.() === 0) {
    for (const [name, map] of [['uid_map', uids], ['gid_map', gids]] as const) writeFileSync(`/proc/${pid}/${name}`, map.map(({ inside, outside, count }) => `${inside} ${outside} ${count}\n`).join(''));
    return;
  }
  const words = (map: readonly IdExtent[]) => map.flatMap(({ inside, outside, count }) => [inside, outside, count]).map(String);
  await Promise.all([run(['newuidmap', String(pid), ...words(uids)], { env: systemEnvironment }), run(['newgidmap', String(pid), ...words(gids)], { env: systemEnvironment })]);
}

function isKnown(name: string): boolean {
  return parseIdMap(read(`/proc/self/${name}`)).some(({ inside, count }) => inside <= unusedByAnybody.start && inside + count >= unusedByAnybody.start + unusedByAnybody.count);
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
