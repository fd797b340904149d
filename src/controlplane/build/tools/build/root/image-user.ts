/** `USER` of an image as numbers, by the image's own /etc/passwd and /etc/group. */
import type { Stats } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { imageUserUnknown } from '../failure.ts';

export interface ImageUser {
  uid: number;
  gid: number;
}

/** Looks into a root, links resolved inside it. */
interface Finder {
  find(path: string): Promise<{ path: string; stat: Stats } | undefined>;
}

/** `text`: `uid`, `uid:gid`, `name`, `name:group`; empty is root. Rejects for a name that the image does not know. */
export async function imageUser(text: string | undefined, files: Finder): Promise<ImageUser> {
  const [who = '', group = ''] = (text ?? '').split(':');
  const numeric = /^\d+$/;
  const passwd = await linesOf(files, '/etc/passwd');
  const entry = passwd.find((fields) => (numeric.test(who) ? fields[2] === who : fields[0] === (who === '' ? 'root' : who)));
  if (who !== '' && who !== 'root' && !numeric.test(who) && !entry) throw imageUserUnknown(`user "${who}" is not in its /etc/passwd`);
  const uid = numeric.test(who) ? Number(who) : Number(entry?.[2] ?? 0);
  if (group === '') return { uid, gid: Number(entry?.[3] ?? 0) };
  if (numeric.test(group)) return { uid, gid: Number(group) };
  const found = (await linesOf(files, '/etc/group')).find((fields) => fields[0] === group);
  if (!found) throw imageUserUnknown(`group "${group}" is not in its /etc/group`);
  return { uid, gid: Number(found[2]) };
}

async function linesOf(files: Finder, path: string): Promise<string[][]> {
  const found = await files.find(path);
  if (!found?.stat.isFile()) return [];
  return (await readFile(found.path, 'utf8')).split('\n').map((line) => line.split(':'));
}
